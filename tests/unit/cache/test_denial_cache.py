"""Proofs kept to deny names, or to answer from wildcards, without asking again."""

from holdfast.cache.denial_cache import DenialCache, Expansion, Synthesis
from holdfast.dns.iana import TYPE_A, TYPE_DS, TYPE_MX
from holdfast.dns.name import ROOT
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import nsec3_hash
from tests.support.dnssec_records import plenty, rrset, wire_name

ZONE = wire_name("example.de")
NOW_US = 1_000_000_000
LATER_US = NOW_US + 60_000_000
PROVED_UNTIL_S = 1_778_000_000
DIGITS = "0123456789abcdefghijklmnopqrstuv"


def hashed(name: str, step: int, iterations: int) -> str:
    number = int.from_bytes(nsec3_hash(wire_name(name), b"", iterations)) + step
    return "".join(DIGITS[number >> shift & 31] for shift in range(155, -1, -5))


def nsec3(name: str, types: str, *, cover: bool = False, flags: int = 0, iterations: int = 0) -> RRset:
    owner = hashed(name, -1 if cover else 0, iterations)
    return rrset(f"{owner}.example.de", "NSEC3", f"1 {flags} {iterations} - {hashed(name, 1, iterations)} {types}")


def cache_of(*records: RRset, soa: bool = True) -> DenialCache:
    cache = DenialCache(50, 1_000_000)
    for record in records:
        cache.add(ZONE, record, LATER_US, PROVED_UNTIL_S)
    if soa:
        cache.set_soa(rrset("example.de", "SOA", "ns. host. 1 2 3 4 5"), LATER_US)
    return cache


def deny(cache: DenialCache, name: str, rtype: int = TYPE_A, now_us: int = NOW_US) -> Synthesis | None:
    return cache.synthesise(wire_name(name), rtype, now_us, plenty())


def expand(cache: DenialCache, name: str) -> Expansion | None:
    return cache.expansion(wire_name(name), NOW_US, plenty())


APEX = rrset("example.de", "NSEC", "b.example.de. NS SOA RRSIG NSEC")
DELEGATION = rrset("b.example.de", "NSEC", "w.example.de. NS RRSIG NSEC")


def test_a_covered_name_does_not_exist() -> None:
    made = deny(cache_of(APEX), "a.example.de")
    assert made is not None
    assert (made.nxdomain, made.insecure) == (True, False)
    assert (made.expires_us, made.proved_until_s) == (LATER_US, PROVED_UNTIL_S)
    assert made.soa is not None
    assert deny(cache_of(APEX), "a.example.de", now_us=LATER_US) is None


def test_ds_is_denied_by_the_parent_and_shows_the_unsigned_delegation() -> None:
    cache = cache_of(APEX, DELEGATION, soa=False)
    made = deny(cache, "b.example.de", TYPE_DS)
    assert made is not None
    assert (made.nxdomain, made.delegation, made.soa) == (False, True, None)
    assert deny(cache, "b.example.de", TYPE_A) is None
    assert cache.synthesise(ROOT, TYPE_DS, NOW_US, plenty()) is None


def test_the_apex_of_a_zone_says_nothing_about_its_own_ds() -> None:
    assert deny(cache_of(APEX), "example.de", TYPE_DS) is None


def test_opt_out_denies_ds_insecurely_and_nothing_else() -> None:
    apex = nsec3("example.de", "NS SOA", flags=1)
    cache = cache_of(apex, nsec3("sub.example.de", "A", cover=True, flags=1))
    made = deny(cache, "sub.example.de", TYPE_DS)
    assert made is not None
    assert (made.nxdomain, made.insecure) == (False, True)
    assert deny(cache, "sub.example.de", TYPE_MX) is None
    secure = cache_of(nsec3("example.de", "NS SOA"), nsec3("sub.example.de", "NS"))
    matched = deny(secure, "sub.example.de", TYPE_DS)
    assert matched is not None
    assert (matched.insecure, matched.delegation) == (False, True)


def test_proofs_with_too_many_iterations_are_not_kept() -> None:
    for iterations, kept in ((50, True), (51, False)):
        match = nsec3("www.example.de", "A", iterations=iterations)
        assert (deny(cache_of(match), "www.example.de", TYPE_MX) is not None) is kept


def test_a_known_wildcard_answers_for_names_that_nothing_is_closer_to() -> None:
    cache = cache_of(
        rrset("example.de", "NSEC", "b.example.de. NS SOA"), rrset("b.example.de", "NSEC", "w.example.de. A")
    )
    assert expand(cache, "a.example.de") is None
    cache.add_wildcard(ZONE, wire_name("*.example.de"))
    for name in ("a.example.de", "deep.a.example.de"):
        found = expand(cache, name)
        assert found is not None
        assert found.owner == wire_name("*.example.de")
        assert (found.proof.rrset.name, found.proof.expires_us, found.proof.proved_until_s) == (
            ZONE,
            LATER_US,
            PROVED_UNTIL_S,
        )
    assert expand(cache, "x.b.example.de") is None  # b exists, so the wildcard is not the source of synthesis
    assert expand(cache, "*.example.de") is None
    assert expand(cache, "www.example.de") is None  # nothing known about the range from w on


def test_wildcards_are_forgotten_with_their_zone() -> None:
    cache = cache_of(APEX)
    cache.add_wildcard(ZONE, wire_name("*.example.de"))
    assert cache.remove_subtree(wire_name("de")) == 1
    assert expand(cache, "a.example.de") is None
