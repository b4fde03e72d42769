"""Unit tests of holdfast.dnssec.denial, denial_nsec and denial_nsec3: single rules and the texts of causes."""

from collections.abc import Callable

import pytest

from holdfast.dns.iana import TYPE_A, TYPE_ANY, TYPE_CNAME, TYPE_DS, TYPE_MX, TYPE_NS, TYPE_NSEC, TYPE_NSEC3
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import (
    EXHAUSTED,
    INSECURE_PROOF,
    NOT_PROVEN,
    PROVEN,
    Proof,
    nsec3_hash,
    prove_nodata,
    prove_nxdomain,
    prove_wildcard_expansion,
)
from holdfast.dnssec.denial_nsec import nsec_covers, nsec_matches
from holdfast.dnssec.denial_nsec3 import nsec3_matches, nsec3_owner_hash
from holdfast.dnssec.work_budget import WorkBudget
from tests.support.dnssec_records import plenty, rrset, wire_name

ZONE = "example.de"
WIRE = wire_name(ZONE)
DIGITS = "0123456789abcdefghijklmnopqrstuv"


def nsec(owner: str, next_name: str, types: str = "A RRSIG NSEC") -> RRset:
    return rrset(owner, "NSEC", f"{next_name}. {types}")


def hashed(name: str, salt: str = "-", iterations: int = 0, step: int = 0) -> str:
    """The hash label of ``name``, moved by ``step``."""
    value = nsec3_hash(wire_name(name), bytes.fromhex(salt.strip("-")), iterations)
    number = int.from_bytes(value) + step
    return "".join(DIGITS[number >> shift & 31] for shift in range(155, -1, -5))


def nsec3_match(name: str, types: str = "A RRSIG", flags: int = 0, salt: str = "-", iterations: int = 0) -> RRset:
    owner, following = (hashed(name, salt, iterations, step) for step in (0, 1))
    return rrset(f"{owner}.{ZONE}", "NSEC3", f"1 {flags} {iterations} {salt} {following} {types}")


def nsec3_cover(name: str, types: str = "A RRSIG", flags: int = 0, salt: str = "-", iterations: int = 0) -> RRset:
    owner, following = (hashed(name, salt, iterations, step) for step in (-1, 1))
    return rrset(f"{owner}.{ZONE}", "NSEC3", f"1 {flags} {iterations} {salt} {following} {types}")


def split(records: tuple[RRset, ...]) -> tuple[list[RRset], list[RRset]]:
    return [one for one in records if one.rtype == TYPE_NSEC], [one for one in records if one.rtype == TYPE_NSEC3]


def nxdomain(
    name: str, *records: RRset, zone: bytes = WIRE, limit: int = 50, budget: WorkBudget | None = None
) -> Proof:
    nsec_records, nsec3_records = split(records)
    return prove_nxdomain(wire_name(name), zone, nsec_records, nsec3_records, budget or plenty(), limit)


def nodata(name: str, rtype: int, *records: RRset, zone: bytes = WIRE, limit: int = 50) -> Proof:
    nsec_records, nsec3_records = split(records)
    return prove_nodata(wire_name(name), rtype, zone, nsec_records, nsec3_records, plenty(), limit)


def expansion(name: str, labels: int, *records: RRset) -> Proof:
    nsec_records, nsec3_records = split(records)
    return prove_wildcard_expansion(wire_name(name), WIRE, labels, nsec_records, nsec3_records, plenty(), 50)


def text_of(proof: Proof, info_code: int) -> str:
    assert proof.result == NOT_PROVEN
    assert proof.cause is not None
    assert proof.cause.info_code == info_code
    return proof.cause.extra_text


def test_without_records() -> None:
    text = "no NSEC/NSEC3 proof that www.example.de does not exist"
    assert text_of(nxdomain("www.example.de"), 12) == text
    text = "no NSEC/NSEC3 proof that www.example.de has no MX"
    assert text_of(nodata("www.example.de", TYPE_MX), 12) == text
    text = "no NSEC/NSEC3 proof that www.example.de does not exist beside the wildcard"
    assert text_of(expansion("www.example.de", 2), 6) == text  # the data is there: not NSEC Missing (RFC 8914 4.13)


def test_no_data_claimed_of_a_name_that_is_denied_with_its_wildcard() -> None:
    by_nsec = nodata("w.example.de", TYPE_MX, nsec(ZONE, "z.example.de", "NS SOA"))
    assert text_of(by_nsec, 6) == "NSEC proves that w.example.de does not exist, not that it has no MX"
    chain = [nsec3_match(ZONE, "NS SOA"), nsec3_cover("w.example.de"), nsec3_cover("*.example.de")]
    by_nsec3 = nodata("w.example.de", TYPE_MX, *chain)
    assert text_of(by_nsec3, 6) == "NSEC3 proves that w.example.de does not exist, not that it has no MX"


def test_names_outside_the_zone_are_not_judged() -> None:
    whole = nsec(ZONE, ZONE, "NS SOA RRSIG NSEC")
    assert nxdomain("www.example.com", whole).result == NOT_PROVEN
    assert nodata("example.com", TYPE_A, whole).result == NOT_PROVEN
    assert nxdomain("www.example.de", whole).result == PROVEN


def test_records_of_another_zone_are_ignored() -> None:
    assert nxdomain("b.example.de", nsec("a.de", "z.de"), nsec("de", "a.de")).result == NOT_PROVEN
    # The parent's NSEC at the cut must not speak about what is below it (nor its next name about us).
    assert nxdomain("b.example.de", nsec("a.example.de", "z.de")).result == NOT_PROVEN


@pytest.mark.parametrize(
    ("owner", "following", "name", "covered"),
    [
        ("a.de", "c.de", "b.de", True),
        ("a.de", "c.de", "z.a.de", True),
        ("a.de", "c.de", "a.de", False),
        ("a.de", "c.de", "c.de", False),
        ("a.de", "c.de", "d.de", False),
        ("m.de", "de", "z.de", True),
        ("m.de", "de", "a.de", False),
        ("de", "de", "a.de", True),
        ("de", "de", "de", False),
        (r"\000.de", r"\001.de", r"a.\000.de", True),
    ],
)
def test_nsec_covers(owner: str, following: str, name: str, covered: bool) -> None:
    assert nsec_covers(wire_name(owner), wire_name(following), wire_name(name)) == covered


def test_matches() -> None:
    assert nsec_matches(b"\x01a\x00", b"\x01a\x00") and not nsec_matches(b"\x01a\x00", b"\x01b\x00")
    assert nsec3_matches(b"a" * 20, b"a" * 20) and not nsec3_matches(b"a" * 20, b"b" * 20)


def test_nsec3_owner_hash() -> None:
    label = hashed("www.example.de")
    assert nsec3_owner_hash(wire_name(f"{label}.example.de"), WIRE) == nsec3_hash(wire_name("www.example.de"), b"", 0)
    assert nsec3_owner_hash(wire_name(f"{label}.sub.example.de"), WIRE) is None
    assert nsec3_owner_hash(wire_name("w" * 32 + ".example.de"), WIRE) is None
    assert nsec3_owner_hash(wire_name("short.example.de"), WIRE) is None
    assert nsec3_owner_hash(wire_name("_" + "0" * 31 + ".example.de"), WIRE) is None
    assert nsec3_owner_hash(WIRE, WIRE) is None
    assert nsec3_owner_hash(wire_name("."), WIRE) is None


def test_ancestor_delegation_denies_nothing_below() -> None:
    # RFC 6840 section 4.1
    cut = nsec("sub.example.de", "z.example.de", "NS RRSIG NSEC")
    apex = nsec(ZONE, "sub.example.de", "NS SOA RRSIG NSEC")
    assert nxdomain("www.sub.example.de", cut, apex).result == NOT_PROVEN
    assert nxdomain("t.example.de", cut, apex).result == PROVEN
    assert nodata("www.sub.example.de", TYPE_A, cut, apex).result == NOT_PROVEN
    assert expansion("www.sub.example.de", 2, cut).result == NOT_PROVEN


def test_dname_denies_nothing_below() -> None:
    # RFC 6672 section 5.3.4.1
    redirection = nsec("sub.example.de", "z.example.de", "DNAME RRSIG NSEC")
    assert nxdomain("www.sub.example.de", redirection, nsec(ZONE, "sub.example.de", "NS SOA")).result == NOT_PROVEN
    match = nsec3_match("sub.example.de", "DNAME RRSIG")
    covers = [nsec3_cover("www.sub.example.de"), nsec3_cover("*.sub.example.de")]
    assert nxdomain("www.sub.example.de", match, *covers).result == NOT_PROVEN


def test_nsec3_ancestor_delegation_is_no_closest_encloser() -> None:
    match = nsec3_match("sub.example.de", "NS DS RRSIG")
    covers = [nsec3_cover("www.sub.example.de"), nsec3_cover("*.sub.example.de")]
    assert nxdomain("www.sub.example.de", match, *covers).result == NOT_PROVEN
    assert nodata("www.sub.example.de", TYPE_A, match, *covers).result == NOT_PROVEN


@pytest.mark.parametrize(
    "record", [nsec("w.example.de", "x.example.de", "CNAME RRSIG NSEC"), nsec3_match("w.example.de", "CNAME")]
)
def test_nodata_needs_a_clear_cname_bit(record: RRset) -> None:
    # RFC 6840 section 4.3
    assert text_of(nodata("w.example.de", TYPE_A, record), 6).endswith(" proves that w.example.de has CNAME")
    assert text_of(nodata("w.example.de", TYPE_CNAME, record), 6).endswith(" proves that w.example.de has CNAME")


@pytest.mark.parametrize("record", [nsec("w.example.de", "x.example.de"), nsec3_match("w.example.de")])
def test_nodata_at_the_name(record: RRset) -> None:
    proof = nodata("w.example.de", TYPE_MX, record)
    assert (proof.result, proof.name_exists, proof.delegation) == (PROVEN, True, False)
    assert "proves that w.example.de has A" in text_of(nodata("w.example.de", TYPE_A, record), 6)
    assert "proves that w.example.de has ANY" in text_of(nodata("w.example.de", TYPE_ANY, record), 6)
    assert nxdomain("w.example.de", record).name_exists
    assert "proves that w.example.de exists" in text_of(nxdomain("w.example.de", record), 6)


@pytest.mark.parametrize(
    "make",
    [lambda types: nsec("sub.example.de", "z.example.de", types), lambda types: nsec3_match("sub.example.de", types)],
)
def test_ds_proofs(make: Callable[[str], RRset]) -> None:
    insecure = nodata("sub.example.de", TYPE_DS, make("NS RRSIG"))
    assert (insecure.result, insecure.delegation) == (PROVEN, True)
    no_cut = nodata("sub.example.de", TYPE_DS, make("A RRSIG"))
    assert (no_cut.result, no_cut.delegation) == (PROVEN, False)  # RFC 6840 section 4.4
    child = nodata("sub.example.de", TYPE_DS, make("NS SOA RRSIG"))
    assert "the record is from the child zone" in text_of(child, 12)
    signed = nodata("sub.example.de", TYPE_DS, make("NS DS RRSIG"))
    assert signed.delegation and "has DS" in text_of(signed, 6)
    parent_side = nodata("sub.example.de", TYPE_A, make("NS RRSIG"))
    assert parent_side.delegation and "the record is from the parent zone" in text_of(parent_side, 12)
    assert nodata("sub.example.de", TYPE_NS, make("NS RRSIG")).result == NOT_PROVEN


def test_ds_of_the_root_is_the_roots_own_business() -> None:
    root = rrset(".", "NSEC", "aaa. NS SOA RRSIG NSEC DNSKEY")
    assert nodata(".", TYPE_DS, root, zone=b"\x00").result == PROVEN


def test_empty_non_terminals_exist() -> None:
    record = nsec(ZONE, "a.ent.example.de", "NS SOA RRSIG NSEC")
    proof = nodata("ent.example.de", TYPE_A, record)
    assert (proof.result, proof.name_exists) == (PROVEN, True)
    assert "empty non-terminal" in text_of(nxdomain("ent.example.de", record), 6)
    assert nodata("ent.example.de", TYPE_A, nsec3_match("ent.example.de", "")).result == PROVEN


def test_wildcards_are_denied_or_shown() -> None:
    below = nsec("a.example.de", "c.example.de")
    wildcard = nsec("*.example.de", "a.example.de", "A RRSIG NSEC")
    apex = nsec(ZONE, "a.example.de", "NS SOA RRSIG NSEC")
    assert text_of(nxdomain("b.example.de", below), 12) == "no NSEC proof that *.example.de does not exist"
    assert nxdomain("b.example.de", below, apex).closest_encloser == WIRE
    assert text_of(nxdomain("b.example.de", below, wildcard), 6) == "NSEC proves that *.example.de exists"
    assert nodata("b.example.de", TYPE_MX, below, wildcard).result == PROVEN
    assert "*.example.de has A" in text_of(nodata("b.example.de", TYPE_A, below, wildcard), 6)
    under = nsec(ZONE, "x.*.example.de", "NS SOA RRSIG NSEC")
    assert nodata("b.example.de", TYPE_A, below, under).result == PROVEN
    assert nxdomain("b.example.de", below, under).result == NOT_PROVEN


def test_nsec3_wildcards() -> None:
    match, cover = nsec3_match(ZONE, "NS SOA RRSIG"), nsec3_cover("b.example.de")
    assert nxdomain("x.b.example.de", match, cover, nsec3_cover("*.example.de")).result == PROVEN
    assert text_of(nxdomain("b.example.de", match, cover), 12) == "no NSEC3 proof that *.example.de does not exist"
    wildcard = nsec3_match("*.example.de", "A RRSIG")
    assert text_of(nxdomain("b.example.de", match, cover, wildcard), 6) == "NSEC3 proves that *.example.de exists"
    assert nodata("b.example.de", TYPE_MX, match, cover, wildcard).result == PROVEN
    assert nodata("b.example.de", TYPE_A, match, cover, wildcard).result == NOT_PROVEN
    assert nodata("b.example.de", TYPE_A, match, cover).result == NOT_PROVEN
    assert expansion("x.b.example.de", 2, cover).result == PROVEN
    assert expansion("x.b.example.de", 3, cover).result == NOT_PROVEN
    assert expansion("b.example.de", 3, cover).result == NOT_PROVEN
    exists = expansion("b.example.de", 2, nsec3_match("b.example.de"))
    assert text_of(exists, 6) == "NSEC3 proves that b.example.de exists"


def test_opt_out() -> None:
    match, cover = nsec3_match(ZONE, "NS SOA RRSIG"), nsec3_cover("b.example.de", flags=1)
    for proof in (
        nodata("b.example.de", TYPE_DS, match, cover),
        nodata("b.example.de", TYPE_A, match, cover),
        nxdomain("b.example.de", match, cover, nsec3_cover("*.example.de")),
        expansion("b.example.de", 2, cover),
    ):
        assert (proof.result, proof.opt_out, proof.cause) == (INSECURE_PROOF, True, None)
    assert nodata("b.example.de", TYPE_DS, match, nsec3_cover("b.example.de")).result == NOT_PROVEN
    assert nxdomain("b.example.de", match, cover).result == NOT_PROVEN


def test_odd_nsec3_records_are_ignored() -> None:
    # RFC 5155 sections 8.1 and 8.2: unknown hash algorithms and flags
    for text in ("2 0 0 -", "1 2 0 -", "1 129 0 -"):
        owner, following = hashed("w.example.de"), hashed("w.example.de", step=1)
        record = rrset(f"{owner}.{ZONE}", "NSEC3", f"{text} {following} A")
        assert nodata("w.example.de", TYPE_MX, record).result == NOT_PROVEN


def test_records_of_two_chains_do_not_mix() -> None:
    match, cover = nsec3_match(ZONE, "NS SOA RRSIG"), nsec3_cover("b.example.de", salt="aabb")
    assert nxdomain("b.example.de", match, cover, nsec3_cover("*.example.de")).result == NOT_PROVEN


def test_iterations_over_the_limit() -> None:
    record = nsec3_match("w.example.de", iterations=51)
    proof = nodata("w.example.de", TYPE_MX, record)
    assert (proof.result, proof.opt_out) == (INSECURE_PROOF, False)
    assert proof.cause is not None
    assert proof.cause.info_code == 27
    assert proof.cause.extra_text == "NSEC3 of example.de has 51 iterations, more than 50"
    assert nodata("w.example.de", TYPE_MX, record, limit=51).result == PROVEN
    assert nodata("w.example.de", TYPE_MX, record, nsec3_match("w.example.de")).result == PROVEN


def test_budget() -> None:
    records = [nsec3_match(ZONE, "NS SOA RRSIG"), nsec3_cover("b.example.de"), nsec3_cover("*.example.de")]
    name = "a.b.c.d.b.example.de"
    assert nxdomain(name, *records, budget=WorkBudget(0, 7)).result == PROVEN
    proof = nxdomain(name, *records, budget=WorkBudget(0, 6))
    assert proof.result == EXHAUSTED
    assert proof.cause is not None
    assert (proof.cause.info_code, proof.cause.site) == (0, "denial.nsec3-budget")


def test_records_expanded_from_a_wildcard_prove_nothing() -> None:
    # CVE-2017-15105
    record = nsec("w.example.de", "x.example.de")
    record.signatures = [b"\x00\x2f\x0f\x02" + bytes(40)]
    assert nodata("w.example.de", TYPE_MX, record).result == NOT_PROVEN
    record.signatures = [b"\x00\x2f\x0f\x03" + bytes(40)]
    assert nodata("w.example.de", TYPE_MX, record).result == PROVEN


def test_either_kind_is_enough() -> None:
    useless = nsec("x.example.de", "y.example.de")
    assert nodata("w.example.de", TYPE_MX, useless, nsec3_match("w.example.de")).result == PROVEN
    assert (
        nodata("w.example.de", TYPE_MX, nsec("w.example.de", "x.example.de"), nsec3_cover("q.example.de")).result
        == PROVEN
    )
    neither = nodata("w.example.de", TYPE_MX, useless, nsec3_cover("q.example.de"))
    assert text_of(neither, 12) == "no NSEC proof that w.example.de has no MX"
    assert (
        nxdomain(
            "b.example.de", useless, nsec3_match(ZONE, "SOA"), nsec3_cover("b.example.de"), nsec3_cover("*.example.de")
        ).result
        == PROVEN
    )
    assert expansion("b.example.de", 2, useless, nsec3_cover("b.example.de")).result == PROVEN
