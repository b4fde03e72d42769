"""Trust anchors: IANA's, and those from lines."""

import base64

import pytest

from holdfast.control.problems import InputError
from holdfast.control.trust_anchors import ROOT_TRUST_ANCHORS, TrustAnchors
from holdfast.dns.rdata import parse_ds

KEY = base64.b64encode(bytes(64)).decode()


def test_the_two_root_keys() -> None:
    anchors = TrustAnchors()
    anchors.add(ROOT_TRUST_ANCHORS, "built in")
    assert anchors.covers_root()
    (setting,) = anchors.settings(True, {b"\0": "state"})
    views = [parse_ds(rdata) for rdata in setting.ds]
    assert [(view.key_tag, view.algorithm, view.digest_type, len(view.digest)) for view in views if view] == [
        (20326, 8, 2, 32),
        (38696, 8, 2, 32),
    ]
    assert (setting.zone, setting.tracked, setting.state, setting.dnskey) == (b"\0", True, "state", [])


def test_ds_and_dnskey_of_one_zone_become_one_anchor_without_repetition() -> None:
    anchors = TrustAnchors()
    for _ in range(2):
        anchors.add(f"De. DS 1 13 2 {'AB' * 32}\nde. DNSKEY 257 3 13 {KEY}\ncom. DNSKEY 256 3 13 {KEY}\n", "f")
    settings = anchors.settings(False, {})
    assert [(setting.zone, len(setting.ds), len(setting.dnskey)) for setting in settings] == [
        (b"\2de\0", 1, 1),
        (b"\3com\0", 0, 1),
    ]
    assert not anchors.covers_root()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("; nothing\n", "f: has no DS or DNSKEY record"),
        (f". DNSKEY 1 3 13 {KEY}\n", "f:1: the DNSKEY of '.' (keytag=782) is not a zone key"),
        (f". DNSKEY 385 3 13 {KEY}\n", "f:1: the DNSKEY of '.' (keytag=1166) is revoked"),
        (f". DNSKEY 257 4 13 {KEY}\n", "f:1: the DNSKEY of '.' is not a DNSSEC key (protocol 3)"),
    ],
)
def test_lines_that_cannot_be_anchors(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        TrustAnchors().add(text, "f")
    assert caught.value.problems == (problem,)
