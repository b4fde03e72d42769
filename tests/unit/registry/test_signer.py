"""Zone signing: judged by the verifiers of three other projects, and by what re-signing keeps and renews."""

import time
from pathlib import Path

import pytest

from holdfast.crypto.signing import SigningKey, public_key_hash
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns import iana
from holdfast.dns.rdata import parse_rrsig
from holdfast.lab.recorded_tag import RecordedTagKey
from holdfast.registry.signer import KeySet, SignatureStore, SigningCounts, Validity, sign_with
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_file import load_zone
from tests.support.zones import EVERYTHING, NOW, key_pair, refusals, signed_zone

DAY_S = 86400
DENIALS = [None, Nsec3Parameters(), Nsec3Parameters(opt_out=True), Nsec3Parameters(7, b"\xca\xfe")]


@pytest.mark.parametrize("csk", [False, True], ids=["KSK and ZSK", "CSK"])
@pytest.mark.parametrize("nsec3", DENIALS, ids=["NSEC", "NSEC3", "opt-out", "salt"])
@pytest.mark.parametrize("algorithm", [8, 13, 15])
def test_other_verifiers_accept_what_is_signed(
    algorithm: int, nsec3: Nsec3Parameters | None, csk: bool, tmp_path: Path
) -> None:
    zone = signed_zone(algorithm, nsec3, csk, now_s=int(time.time()))
    assert refusals(zone, tmp_path, csk) == {}


def test_cds_and_cdnskey_are_accepted_too(tmp_path: Path) -> None:
    now = int(time.time())
    entry, zone_key = key_pair(13)
    zone = load_zone("example", EVERYTHING)
    key_set = KeySet([entry.dnskey, zone_key.dnskey], [entry], [zone_key], [entry.dnskey], 600, (2, 4))
    sign_with(zone, key_set, Validity(now - 5400, now + DAY_S), None)
    assert zone.apex[iana.TYPE_DNSKEY].ttl == 600
    assert zone.apex[iana.TYPE_CDS].rdatas == [entry.ds(zone.name, 2), entry.ds(zone.name, 4)]
    assert zone.apex[iana.TYPE_CDNSKEY].rdatas == [entry.dnskey]
    assert refusals(zone, tmp_path) == {}


def test_with_opt_out_unsigned_delegations_have_no_record() -> None:
    every, some = signed_zone(nsec3=Nsec3Parameters()), signed_zone(nsec3=Nsec3Parameters(opt_out=True))
    unsigned, signed = wire_name("unsigned.example"), wire_name("signed.example")
    assert every.matching(unsigned) and not some.matching(unsigned)
    assert every.matching(signed) and some.matching(signed)


def test_names_that_are_not_the_zones_own_are_not_signed() -> None:
    zone = load_zone("example", EVERYTHING + "hidden.elsewhere A 192.0.2.1\n")
    sign_with(zone, KeySet.by_flags(key_pair(13)), Validity(NOW - 60, NOW + DAY_S))
    for name, rtype in (
        ("ns.unsigned.example", iana.TYPE_A),
        ("unsigned.example", iana.TYPE_NS),
        ("hidden.elsewhere.example", iana.TYPE_A),
    ):
        assert zone.nodes[wire_name(name)][rtype].signatures == []
    assert iana.TYPE_NSEC not in zone.nodes[wire_name("ns.unsigned.example")]


def sign_again(text: str, earlier: Zone, key_set: KeySet, now_s: int = NOW + DAY_S) -> tuple[Zone, SigningCounts]:
    zone = load_zone("example", text)
    store = SignatureStore.of_zone(earlier, CryptographyVerifier(), now_s, now_s + 3 * DAY_S)
    return zone, sign_with(zone, key_set, Validity(now_s - 5400, now_s + 14 * DAY_S), earlier.nsec3, store)


@pytest.mark.parametrize("nsec3", [None, Nsec3Parameters()], ids=["NSEC", "NSEC3"])
def test_re_signing_renews_only_what_has_changed(nsec3: Nsec3Parameters | None) -> None:
    first = signed_zone(nsec3=nsec3)
    text = EVERYTHING.replace("2026050500", "2026050501").replace("192.0.2.2\n", "192.0.2.22\n")
    _, counts = sign_again(text, first, KeySet.by_flags(key_pair(13)))
    assert counts.signed == 2  # the SOA and www/A
    assert counts.kept > 20


def test_re_signing_renews_what_ends_soon() -> None:
    first = signed_zone()
    _, counts = sign_again(EVERYTHING, first, KeySet.by_flags(key_pair(13)), NOW + 12 * DAY_S)
    assert counts.kept == 0


def test_a_signature_by_another_key_with_the_same_tag_is_not_kept() -> None:
    entry, zone_key = key_pair(13)
    impostor = RecordedTagKey(zone_key.dnskey, SigningKey.derive(13, b"another", 256))
    first = load_zone("example", EVERYTHING)
    sign_with(first, KeySet.by_flags([entry, impostor]), Validity(NOW - 5400, NOW + 14 * DAY_S))
    rrsig = parse_rrsig(first.apex[iana.TYPE_SOA].signatures[0])
    assert rrsig is not None and rrsig.key_tag == zone_key.key_tag
    _, counts = sign_again(EVERYTHING, first, KeySet.by_flags([entry, zone_key]))
    assert counts.kept == 1  # the DNSKEY RRset, which the key signing key signed


def test_the_hash_names_the_key_and_not_its_flags() -> None:
    entry = key_pair(13)[0]
    revoked = bytes([entry.dnskey[0], entry.dnskey[1] | 0x80]) + entry.dnskey[2:]
    assert public_key_hash(revoked) == entry.key_hash
    assert public_key_hash(key_pair(13)[1].dnskey) != entry.key_hash
