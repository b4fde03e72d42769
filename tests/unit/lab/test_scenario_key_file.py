"""Trust anchor files of the scenarios' original tool."""

import base64

import pytest

from holdfast.dnssec.trust_anchor import REVOKED, VALID, TrustAnchor
from holdfast.lab.scenario_key_file import read_key_file
from tests.support.dnssec_records import wire_name

KEY = base64.b64encode(bytes(range(64))).decode()
OTHER = base64.b64encode(bytes(range(1, 65))).decode()


def test_records_without_a_state_are_seeds() -> None:
    setting = read_key_file(["; a comment", "", f"example.com. 10800 IN DNSKEY 257 3 13 {KEY} ;{{id = 1}}"])
    assert (setting.zone, setting.tracked, setting.state) == (wire_name("example.com"), True, "")
    assert setting.dnskey == [bytes([1, 1, 3, 13]) + bytes(range(64))]
    ds = read_key_file([f"example.com. IN 3600 DS 1 13 2 {'00' * 32}".replace("IN 3600", "3600 IN")])
    assert ds.ds == [bytes([0, 1, 13, 2]) + bytes(32)]


def test_states_are_those_of_an_earlier_run() -> None:
    lines = [
        f"example.com. 10800 IN DNSKEY 257 3 13 {KEY} ;{{id = 1}} ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=77",
        f"example.com. 10800 IN DNSKEY 385 3 13 {OTHER} ;{{id = 2}} ;;state=4 [ REVOKED ] ;;count=0 ;;lastchange=78",
    ]
    anchor = TrustAnchor(read_key_file(lines))
    assert anchor.problem == ""
    assert [(key.state, key.since_s, key.rdata[:2]) for key in anchor.keys] == [
        (VALID, 77, b"\x01\x01"),
        (REVOKED, 78, b"\x01\x01"),
    ]
    assert not anchor.deleted()
    assert TrustAnchor(read_key_file(lines[1:])).deleted()


def test_a_line_that_is_no_record_is_named() -> None:
    with pytest.raises(ValueError, match="key file line 'rubbish'"):
        read_key_file(["rubbish"])
