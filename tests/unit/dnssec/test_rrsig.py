"""Unit tests of holdfast.dnssec.rrsig; signatures come from dnspython."""

import pytest

from holdfast.base.limits import KEYS_PER_TAG, SIGNATURE_CHECKS_PER_RRSET
from holdfast.base.security_status import BOGUS, SECURE
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.rdata import DNSKEY, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.rrsig import (
    UNTIMED,
    Verdict,
    canonical_records,
    may_be_expanded,
    owner_labels,
    signed_data,
    verify_rrset,
)
from holdfast.dnssec.verifier import INVALID, UNSUPPORTED, VALID
from holdfast.dnssec.work_budget import WorkBudget
from tests.support.dnssec_records import (
    EVERYTHING,
    EXPIRATION,
    INCEPTION,
    NOW,
    ScriptedVerifier,
    ZoneKey,
    patched,
    plenty,
    rrset,
    u32,
    wire_name,
)

ZONE = "example.de"
KEY = ZoneKey(ZONE)


def judge(
    target: RRset,
    keys: list[DNSKEY] | None = None,
    zone: str = ZONE,
    now_s: int = NOW,
    policy: AlgorithmPolicy = EVERYTHING,
    budget: WorkBudget | None = None,
) -> Verdict:
    trusted = [KEY.dnskey()] if keys is None else keys
    return verify_rrset(target, wire_name(zone), trusted, CryptographyVerifier(), budget or plenty(), now_s, policy)


def cause_of(verdict: Verdict) -> tuple[int, str, str]:
    assert verdict.status == BOGUS
    assert verdict.cause is not None
    return verdict.cause.info_code, verdict.cause.extra_text, verdict.cause.site


def signed(owner: str = "www.example.de", rtype: str = "A", *texts: str) -> RRset:
    return KEY.sign(rrset(owner, rtype, *(texts or ("192.0.2.1",))))


@pytest.mark.parametrize("algorithm", [5, 7, 8, 10, 13, 14, 15, 16])
def test_every_algorithm(algorithm: int) -> None:
    key = ZoneKey(ZONE, algorithm)
    verdict = judge(key.sign(rrset("www.example.de", "A", "192.0.2.1", "192.0.2.2")), [key.dnskey()])
    assert (verdict.status, verdict.key_tag, verdict.cause) == (SECURE, key.tag, None)


@pytest.mark.parametrize(
    ("rtype", "texts"),
    [
        ("A", ["192.0.2.200", "192.0.2.3", "10.0.0.1"]),
        ("MX", ["10 MAIL.Example.DE.", "5 mail.other.test."]),
        ("NS", ["NS2.example.de.", "ns1.Example.de."]),
        ("SOA", ["NS1.example.de. Hostmaster.example.de. 1 2 3 4 5"]),
        ("SRV", ["1 2 443 Target.Example.de."]),
        ("NAPTR", ['100 10 "U" "E2U+sip" "!^.*$!x!" Replace.Example.de.']),
        ("RP", ["Mbox.example.de. Txt.example.de."]),
        ("TXT", ['"Case Kept"', '"a" "b"', '""']),
        ("NSEC", ["Next.example.de. A MX TYPE1234"]),
        ("HTTPS", ["1 Svc.example.de. alpn=h2"]),
        ("TYPE65280", [r"\# 3 414243", r"\# 0"]),
        ("DNAME", ["Target.Example.net."]),
    ],
)
def test_canonical_form_agrees_with_dnspython(rtype: str, texts: list[str]) -> None:
    assert judge(signed("www.example.de", rtype, *texts)).status == SECURE


def test_duplicate_records_count_once() -> None:
    target = signed("www.example.de", "A", "192.0.2.2", "192.0.2.1")
    target.rdatas = target.rdatas + target.rdatas
    assert judge(target).status == SECURE
    assert len(canonical_records(target)) == 2


def test_an_invalid_signature_names_owner_type_and_key() -> None:
    owner = "a0d5d1p51kijsevll74k523htmq406bk.example.de"
    target = signed(owner, "NSEC3", "1 1 0 - a0d5d1p51kijsevll74k523htmq406bk A")
    target.signatures[0] = target.signatures[0][:-1] + bytes([target.signatures[0][-1] ^ 1])
    info_code, text, site = cause_of(judge(target))
    assert (info_code, site) == (6, "rrsig.invalid")
    assert text == f"RRSIG with invalid signature for {owner}/NSEC3 (keytag={KEY.tag})"


def test_changed_data_is_bogus() -> None:
    target = signed()
    target.rdatas = [b"\xc0\x00\x02\x63"]
    assert cause_of(judge(target))[0] == 6


def test_no_signature() -> None:
    info_code, text, site = cause_of(judge(rrset("www.example.de", "A", "192.0.2.1")))
    assert (info_code, text, site) == (10, "no RRSIG for www.example.de/A", "rrsig.missing")


def test_expired() -> None:
    verdict = judge(signed(), now_s=EXPIRATION + 1)
    text = f"RRSIG expired at 2026-05-17T06:40:00Z for www.example.de/A (keytag={KEY.tag})"
    assert cause_of(verdict) == (7, text, "rrsig.expired")


def test_not_yet_valid() -> None:
    verdict = judge(signed(), now_s=INCEPTION - 1)
    text = f"RRSIG not valid before 2026-04-24T03:06:40Z for www.example.de/A (keytag={KEY.tag})"
    assert cause_of(verdict) == (8, text, "rrsig.not-yet-valid")


def test_the_window_includes_both_ends() -> None:
    assert judge(signed(), now_s=INCEPTION).status == SECURE
    assert judge(signed(), now_s=EXPIRATION).status == SECURE


def test_expired_before_valid() -> None:
    target = KEY.sign(rrset("www.example.de", "A", "192.0.2.1"))
    target.signatures[0] = patched(target.signatures[0], 8, u32(INCEPTION - 10))
    info_code, text, _ = cause_of(judge(target))
    assert info_code == 25
    assert text.startswith("RRSIG expires at 2026-04-24T03:06:30Z before its inception at 2026-04-24T03:06:40Z for ")


def test_untimed_validation_ignores_the_window() -> None:
    verdict = judge(signed(), now_s=UNTIMED)
    assert (verdict.status, verdict.ttl) == (SECURE, 3600)


def test_serial_arithmetic_beyond_2106() -> None:
    late = 0xFFFFFFFF - 1000
    target = KEY.sign(rrset("www.example.de", "A", "192.0.2.1"), inception=late, expiration=0xFFFFFFFF)
    assert judge(target, now_s=late + 500).status == SECURE
    assert judge(target, now_s=0x100000000 + 5).status == BOGUS
    target = rrset("www.example.de", "A", "192.0.2.1")
    KEY.sign(target, inception=late, expiration=0xFFFFFFFF)
    rrsig = parse_rrsig(patched(target.signatures[0], 8, u32(5000)))
    assert rrsig is not None
    verifier = ScriptedVerifier(otherwise=VALID)
    target.signatures = [patched(target.signatures[0], 8, u32(5000))]
    zone = wire_name(ZONE)
    verdict = verify_rrset(target, zone, [KEY.dnskey()], verifier, plenty(), 0x100000000 + 1000, EVERYTHING)
    assert (verdict.status, verdict.ttl) == (SECURE, 3600)


def test_ttl_is_capped() -> None:
    target = signed()
    target.ttl = 100_000
    assert judge(target).ttl == 3600  # original TTL
    target.ttl = 60
    assert judge(target).ttl == 60
    assert judge(target, now_s=EXPIRATION - 10).ttl == 10


@pytest.mark.parametrize(
    ("owner", "labels"), [("www.example.de", 3), ("*.example.de", 2), (".", 0), ("*", 0), ("a.*.example.de", 4)]
)
def test_owner_labels(owner: str, labels: int) -> None:
    assert owner_labels(wire_name(owner)) == labels


def test_wildcard_expansion() -> None:
    source = signed("*.example.de")
    assert not judge(source).expanded_from_wildcard
    for owner, labels in (("a.example.de", 2), ("a.b.c.example.de", 2)):
        expanded = RRset(wire_name(owner), source.rtype, 3600, source.rdatas, source.signatures)
        verdict = judge(expanded)
        assert (verdict.status, verdict.expanded_from_wildcard, verdict.wildcard_labels) == (SECURE, True, labels)
        assert may_be_expanded(expanded)
    assert not may_be_expanded(source)


@pytest.mark.parametrize("labels", [4, 255, 1, 0])
def test_impossible_labels(labels: int) -> None:
    target = signed()
    target.signatures[0] = patched(target.signatures[0], 3, bytes([labels]))
    info_code, text, site = cause_of(judge(target))
    assert (info_code, site) == (6, "rrsig.labels")
    assert f"labels field {labels}" in text


def test_the_signer_must_be_the_zone() -> None:
    parent = ZoneKey("de")
    target = parent.sign(rrset("www.example.de", "A", "192.0.2.1"))
    info_code, text, site = cause_of(judge(target, [parent.dnskey()]))
    assert (info_code, site) == (10, "rrsig.signer")
    assert text == "no RRSIG by example.de for www.example.de/A (signer is de)"


def test_the_owner_must_be_in_the_zone() -> None:
    target = signed()
    outside = RRset(wire_name("www.example.com"), target.rtype, 3600, target.rdatas, target.signatures)
    assert cause_of(judge(outside))[2] == "rrsig.signer"


def test_the_type_covered_must_fit() -> None:
    target = signed()
    other = RRset(target.name, 28, 3600, [b"\x00" * 16], target.signatures)
    assert cause_of(judge(other))[1] == f"RRSIG for www.example.de/AAAA covers A (keytag={KEY.tag})"


def test_a_zone_does_not_sign_its_own_ds() -> None:
    assert cause_of(judge(signed("example.de", "DS", "1 8 2 " + "00" * 32)))[2] == "rrsig.ds-by-child"
    assert judge(signed("sub.example.de", "DS", "1 8 2 " + "00" * 32)).status == SECURE


def test_malformed_signature_record() -> None:
    target = rrset("www.example.de", "A", "192.0.2.1")
    target.signatures = [b"\x00" * 10]
    assert cause_of(judge(target)) == (6, "malformed RRSIG for www.example.de/A", "rrsig.malformed")


def test_no_matching_key() -> None:
    other = ZoneKey(ZONE)
    info_code, text, _ = cause_of(judge(signed(), [other.dnskey()]))
    assert info_code == 9
    assert text == f"no DNSKEY of example.de matches the RRSIG for www.example.de/A (keytag={KEY.tag})"


@pytest.mark.parametrize(
    ("flags", "info_code", "words"),
    [(0, 11, "has no zone key bit"), (1, 11, "has no zone key bit"), (257 | 128, 9, "is revoked")],
)
def test_keys_that_may_not_sign(flags: int, info_code: int, words: str) -> None:
    key = ZoneKey(ZONE, flags=flags)
    code, text, _ = cause_of(judge(key.sign(rrset("www.example.de", "A", "192.0.2.1")), [key.dnskey()]))
    assert code == info_code
    assert text == f"DNSKEY of example.de {words} (keytag={key.tag}, for www.example.de/A)"


def test_protocol_must_be_3() -> None:
    key = KEY.dnskey()
    odd = DNSKEY(key.rdata[:2] + b"\x04" + key.rdata[3:])
    target = rrset("www.example.de", "A", "192.0.2.1")
    KEY.sign(target)
    target.signatures[0] = patched(target.signatures[0], 16, bytes([odd.key_tag >> 8, odd.key_tag & 255]))
    assert "has protocol 4, not 3" in cause_of(judge(target, [odd]))[1]


def test_secure_entry_point_flag_is_not_required() -> None:
    key = ZoneKey(ZONE, flags=256)
    assert judge(key.sign(rrset("www.example.de", "A", "192.0.2.1")), [key.dnskey()]).status == SECURE


def test_unsupported_algorithm() -> None:
    info_code, text, site = cause_of(judge(signed(), policy=AlgorithmPolicy([8, 13], [2])))
    assert (info_code, site) == (10, "rrsig.algorithm")
    assert text == "no RRSIG with a supported algorithm for www.example.de/A (algorithm 15)"


def test_unsupported_key() -> None:
    verdict = verify_rrset(
        signed(), wire_name(ZONE), [KEY.dnskey()], ScriptedVerifier(otherwise=UNSUPPORTED), plenty(), NOW, EVERYTHING
    )
    assert cause_of(verdict)[0] == 1


def test_one_valid_signature_is_enough() -> None:
    other = ZoneKey(ZONE, 13)
    target = rrset("www.example.de", "A", "192.0.2.1")
    KEY.sign(target, expiration=INCEPTION + 1)
    other.sign(target)
    verdict = judge(target, [KEY.dnskey(), other.dnskey()])
    assert (verdict.status, verdict.key_tag) == (SECURE, other.tag)


def test_the_most_telling_cause_wins() -> None:
    target = rrset("www.example.de", "A", "192.0.2.1")
    ZoneKey("de").sign(target)  # other signer
    ZoneKey(ZONE).sign(target)  # no such key
    KEY.sign(target, inception=NOW + 100)  # not yet valid
    assert cause_of(judge(target))[0] == 8
    KEY.sign(target, expiration=NOW - 100)
    assert cause_of(judge(target))[0] == 7
    KEY.sign(target)
    target.signatures[-1] = target.signatures[-1][:-1] + bytes([target.signatures[-1][-1] ^ 1])
    assert cause_of(judge(target))[0] == 6


def colliding_keys(count: int) -> list[DNSKEY]:
    """Keys with the tag of KEY: moving an amount between two 16-bit words keeps the sum."""
    rdata = KEY.rdata
    keys: list[DNSKEY] = []
    for at in range(4, len(rdata) - 2, 4):  # whatever the key, some of its octets leave room to add and to take away
        for amount in range(1, min(255 - rdata[at], rdata[at + 2]) + 1):
            changed = bytearray(rdata)
            changed[at] += amount
            changed[at + 2] -= amount
            keys.append(DNSKEY(bytes(changed)))
    assert len(keys) >= count
    assert {key.key_tag for key in keys} == {KEY.tag}
    return keys[:count]


def test_key_tag_collisions_are_tried() -> None:
    collisions = colliding_keys(KEYS_PER_TAG - 1)
    assert judge(signed(), [*collisions, KEY.dnskey()]).status == SECURE


def test_key_tag_collisions_are_bounded() -> None:
    collisions = colliding_keys(2 * KEYS_PER_TAG)
    verifier = ScriptedVerifier(otherwise=INVALID)
    verdict = verify_rrset(signed(), wire_name(ZONE), collisions, verifier, plenty(), NOW, EVERYTHING)
    assert verdict.exhausted
    assert len(verifier.calls) == KEYS_PER_TAG
    text = "validation work limit reached for www.example.de/A"
    assert cause_of(verdict) == (0, text, "rrsig.budget")


def test_signature_checks_per_rrset_are_bounded() -> None:
    target = rrset("www.example.de", "A", "192.0.2.1")
    for offset in range(20):
        KEY.sign(target, expiration=EXPIRATION + offset)
    verifier = ScriptedVerifier(otherwise=INVALID)
    verdict = verify_rrset(target, wire_name(ZONE), [KEY.dnskey()], verifier, plenty(), NOW, EVERYTHING)
    assert verdict.exhausted and verdict.status == BOGUS
    assert len(verifier.calls) == SIGNATURE_CHECKS_PER_RRSET


def test_the_request_budget_is_shared() -> None:
    budget = WorkBudget(2, 0)
    assert judge(signed(), budget=budget).status == SECURE
    assert judge(signed(), budget=budget).status == SECURE
    verdict = judge(signed(), budget=budget)
    assert verdict.exhausted and cause_of(verdict)[2] == "rrsig.budget"


def test_repeated_signatures_cost_nothing() -> None:
    target = signed()
    target.signatures *= 10
    verifier = ScriptedVerifier(otherwise=INVALID)
    verify_rrset(target, wire_name(ZONE), [KEY.dnskey()], verifier, plenty(), NOW, EVERYTHING)
    assert len(verifier.calls) == 1


def test_signed_data_of_an_expanded_owner_starts_at_the_wildcard() -> None:
    target = signed("*.example.de")
    expanded = RRset(wire_name("a.b.example.de"), target.rtype, 3600, target.rdatas, target.signatures)
    rrsig = parse_rrsig(target.signatures[0])
    assert rrsig is not None
    assert signed_data(expanded, canonical_records(expanded), rrsig) == signed_data(
        target, canonical_records(target), rrsig
    )
