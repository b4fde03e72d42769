"""From the engine's result to an answer in presentation form."""

import json
from datetime import UTC, datetime

from holdfast.answer import Answer, ExtendedError, Record, SecurityStatus, answer_of, rdata_text
from holdfast.base import security_status
from holdfast.base.cause import Cause
from holdfast.dns import iana
from holdfast.dns.rrset import RRset
from holdfast.engine.inputs import ChainLink, Resolution
from tests.support.dnssec_records import rdata

DIGEST = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
KEY = "AwEAAag="
RRSIG_A = rdata("RRSIG", "A 13 3 300 20260521000000 20260507000000 33834 Example.de. AAAA")
CAUSE = Cause(6, "RRSIG with invalid signature for www.example.de/A (keytag=33834)", "site")


def resolution(rcode: int = 0, status: int = security_status.SECURE) -> Resolution:
    answer = [RRset(b"\3www\7example\2de\0", iana.TYPE_A, 300, [b"\xc0\0\2\1", b"\xc0\0\2\2"], [RRSIG_A])]
    link = ChainLink(
        b"\2de\0",
        security_status.BOGUS,
        [rdata("DS", f"26755 8 2 {DIGEST}"), rdata("DS", "1 13 9 AB"), b"\0"],
        [rdata("DNSKEY", f"257 3 13 {KEY}"), rdata("DNSKEY", f"384 3 99 {KEY}"), b"\0"],
        [RRSIG_A, b"\0"],
        CAUSE,
    )
    return Resolution(1, rcode, status, answer, [], [CAUSE], [link])


def answer() -> Answer:
    return answer_of(b"\3www\7example\2de\0", iana.TYPE_A, resolution())


def test_records_are_in_presentation_form() -> None:
    found = answer()
    assert (found.name, found.type, found.rcode, found.status) == ("www.example.de.", "A", "NOERROR", "secure")
    assert found.secure
    assert found.records == (
        Record("www.example.de.", "A", 300, "192.0.2.1"),
        Record("www.example.de.", "A", 300, "192.0.2.2"),
    )
    (signature,) = found.signatures
    assert (signature.type_covered, signature.key_tag, signature.signer) == ("A", 33834, "example.de.")
    assert signature.inception == datetime(2026, 5, 7, tzinfo=UTC)


def test_the_chain_names_keys_digests_and_the_cause_and_leaves_out_what_is_malformed() -> None:
    (link,) = answer().chain
    assert (link.zone, link.status) == ("de.", SecurityStatus.BOGUS)
    assert [(ds.key_tag, ds.algorithm, ds.digest_type) for ds in link.ds] == [
        (26755, "RSASHA256", "SHA-256"),
        (1, "ECDSAP256SHA256", "DIGEST9"),
    ]
    assert [(key.algorithm, key.role, key.revoked) for key in link.keys] == [
        ("ECDSAP256SHA256", "KSK", False),
        ("ALGORITHM99", "ZSK", True),
    ]
    assert len(link.signatures) == 1
    assert link.error == ExtendedError(6, "DNSSEC Bogus", CAUSE.extra_text)
    assert str(link.error) == f"EDE 6 (DNSSEC Bogus): {CAUSE.extra_text}"


def test_rcode_and_status_have_their_names() -> None:
    found = answer_of(b"\0", 65280, resolution(rcode=3841, status=security_status.UNCHECKED))
    assert (found.name, found.type, found.rcode, found.status) == (".", "TYPE65280", "RCODE3841", "unchecked")
    assert not found.secure


def test_every_status_of_the_engine_has_its_name() -> None:
    assert sorted(security_status.NAMES) == sorted(SecurityStatus)


def test_rdata_that_breaks_its_types_rules_is_shown_as_unknown() -> None:
    assert rdata_text(iana.TYPE_LOC, b"\1\2") == r"\# 2 0102"
    assert rdata_text(65280, b"\1\2") == r"\# 2 0102"
    assert rdata_text(iana.TYPE_TXT, b"\1a") == '"a"'


def test_the_dictionary_is_json_and_complete() -> None:
    values = json.loads(json.dumps(answer().to_dict()))
    assert list(values) == [
        *("name", "type", "rcode", "status", "records", "authority", "signatures", "extended_errors", "chain")
    ]
    assert values["records"][0] == {"name": "www.example.de.", "type": "A", "ttl_s": 300, "data": "192.0.2.1"}
    assert values["signatures"][0]["expiration"] == "2026-05-21T00:00:00Z"
    assert values["chain"][0]["keys"][0] == {
        **{"key_tag": answer().chain[0].keys[0].key_tag, "algorithm": "ECDSAP256SHA256"},
        **{"role": "KSK", "revoked": False},
    }
    assert values["chain"][0]["error"]["code"] == 6
