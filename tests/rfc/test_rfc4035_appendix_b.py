"""The responses of RFC 4035 appendix B, judged with the keys and signatures of its appendix A."""

from pathlib import Path

import pytest

from holdfast.base.security_status import BOGUS, SECURE
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import TYPE_AAAA, TYPE_DS, TYPE_MX, TYPE_NSEC
from holdfast.dns.rdata import DNSKEY, parse_dnskey
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import NOT_PROVEN, PROVEN, prove_nodata, prove_nxdomain, prove_wildcard_expansion
from holdfast.dnssec.ds import verify_dnskey_rrset
from holdfast.dnssec.rrsig import Verdict, verify_rrset
from tests.support.dnssec_records import EVERYTHING, find, plenty, read_rrsets, wire_name

ZONE = wire_name("example")
NOW = 1_081_800_000  # 2004-04-12
RECORDS = read_rrsets(Path(__file__).with_name("rfc4035.zone").read_text(encoding="ascii"))
KEYS = [key for rdata in find(RECORDS, "example", "DNSKEY").rdatas if (key := parse_dnskey(rdata)) is not None]
LIMIT = 50


def nsec(*owners: str) -> list[RRset]:
    found = [find(RECORDS, owner, "NSEC") for owner in owners]
    for one in found:
        assert verify(one, KEYS).status == SECURE
    return found


def verify(one: RRset, keys: list[DNSKEY]) -> Verdict:
    return verify_rrset(one, ZONE, keys, CryptographyVerifier(), plenty(), NOW, EVERYTHING)


@pytest.mark.parametrize("one", RECORDS, ids=repr)
def test_appendix_a_signatures(one: RRset) -> None:
    verdict = verify(one, KEYS)
    assert verdict.status == SECURE
    assert verdict.ttl == 3600
    assert not verdict.expanded_from_wildcard


def test_the_dnskey_rrset_hangs_on_the_key_signing_key() -> None:
    dnskeys = find(RECORDS, "example", "DNSKEY")
    anchor = next(key.rdata for key in KEYS if key.key_tag == 9465)
    verdict = verify_dnskey_rrset(dnskeys, [], [anchor], ZONE, CryptographyVerifier(), plenty(), NOW, EVERYTHING)
    assert (verdict.status, verdict.key_tag) == (SECURE, 9465)
    assert [key.key_tag for key in verdict.keys] == [key.key_tag for key in KEYS]


def test_b2_name_error() -> None:
    proof = prove_nxdomain(wire_name("ml.example"), ZONE, nsec("b.example", "example"), [], plenty(), LIMIT)
    assert proof.result == PROVEN
    assert proof.closest_encloser == ZONE
    without_wildcard = prove_nxdomain(wire_name("ml.example"), ZONE, nsec("b.example"), [], plenty(), LIMIT)
    assert without_wildcard.result == NOT_PROVEN
    assert without_wildcard.cause is not None
    assert without_wildcard.cause.extra_text == "no NSEC proof that *.example does not exist"


def test_b3_no_data_error() -> None:
    proof = prove_nodata(wire_name("ns1.example"), TYPE_MX, ZONE, nsec("ns1.example"), [], plenty(), LIMIT)
    assert proof.result == PROVEN
    assert proof.name_exists and not proof.delegation


def test_b5_referral_to_unsigned_zone() -> None:
    proof = prove_nodata(wire_name("b.example"), TYPE_DS, ZONE, nsec("b.example"), [], plenty(), LIMIT)
    assert proof.result == PROVEN
    assert proof.delegation


def test_b6_wildcard_expansion() -> None:
    wildcard = find(RECORDS, "*.w.example", "MX")
    expanded = RRset(wire_name("a.z.w.example"), TYPE_MX, 3600, wildcard.rdatas, wildcard.signatures)
    verdict = verify(expanded, KEYS)
    assert (verdict.status, verdict.expanded_from_wildcard, verdict.wildcard_labels) == (SECURE, True, 2)
    proof = prove_wildcard_expansion(expanded.name, ZONE, 2, nsec("x.y.w.example"), [], plenty(), LIMIT)
    assert proof.result == PROVEN
    other = prove_wildcard_expansion(expanded.name, ZONE, 2, nsec("ns1.example"), [], plenty(), LIMIT)
    assert other.result == NOT_PROVEN


def test_b7_wildcard_no_data_error() -> None:
    name = wire_name("a.z.w.example")
    proof = prove_nodata(name, TYPE_AAAA, ZONE, nsec("x.y.w.example", "*.w.example"), [], plenty(), LIMIT)
    assert proof.result == PROVEN
    assert proof.closest_encloser == wire_name("w.example") and not proof.name_exists
    with_data = prove_nodata(name, TYPE_MX, ZONE, nsec("x.y.w.example", "*.w.example"), [], plenty(), LIMIT)
    assert with_data.result == NOT_PROVEN


def test_b8_ds_child_zone_no_data_error() -> None:
    proof = prove_nodata(ZONE, TYPE_DS, ZONE, nsec("example"), [], plenty(), LIMIT)
    assert proof.result == NOT_PROVEN
    assert proof.cause is not None
    assert "the record is from the child zone" in proof.cause.extra_text


def test_an_nsec_expanded_from_a_wildcard_proves_nothing() -> None:
    wildcard = find(RECORDS, "*.w.example", "NSEC")
    expanded = RRset(wire_name("a.w.example"), TYPE_NSEC, 3600, wildcard.rdatas, wildcard.signatures)
    assert verify(expanded, KEYS).expanded_from_wildcard
    assert prove_nodata(expanded.name, TYPE_AAAA, ZONE, [expanded], [], plenty(), LIMIT).result == NOT_PROVEN


def test_after_the_signatures_expired() -> None:
    soa = find(RECORDS, "example", "SOA")
    verdict = verify_rrset(soa, ZONE, KEYS, CryptographyVerifier(), plenty(), NOW + 10_000_000, EVERYTHING)
    assert verdict.status == BOGUS
    assert verdict.cause is not None
    assert verdict.cause.extra_text == "RRSIG expired at 2004-05-09T18:36:19Z for example/SOA (keytag=38519)"
