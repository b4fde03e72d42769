"""Which negative trust anchors a question is subject to, and what is said of them."""

import pytest

from holdfast.base.instant import FOREVER_S
from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR, TYPE_A, TYPE_DS
from holdfast.dns.name import ROOT, to_text
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor, NegativeTrustAnchors
from holdfast.dnssec.trust_anchor import TrustAnchor
from tests.support.dnssec_records import wire_name

SOME_DS = bytes([0, 1, 13, 2]) + bytes(32)


def anchors(*negative: str, positive: tuple[str, ...] = ()) -> NegativeTrustAnchors:
    trusted = {
        wire_name(name): TrustAnchor(TrustAnchorSetting(wire_name(name), [SOME_DS], [], False, "")) for name in positive
    }
    table = NegativeTrustAnchors([], trusted)
    for name in negative:
        table.put(NegativeTrustAnchor(wire_name(name), "why", "who", 0, 100))
    return table


@pytest.mark.parametrize(
    ("negative", "positive", "name", "rtype", "covering"),
    [
        ((), (), "www.de", TYPE_A, []),
        (("de",), (), "de", TYPE_A, ["de"]),
        (("de",), (), "www.example.de", TYPE_A, ["de"]),
        (("de",), (), "xde", TYPE_A, []),
        (("de",), (), ".", TYPE_A, []),
        (("de",), (), "de", TYPE_DS, []),
        (("de",), (), "example.de", TYPE_DS, ["de"]),
        (("de", "example.de"), (), "www.example.de", TYPE_A, ["example.de", "de"]),
        (("de",), ("example.de",), "www.example.de", TYPE_A, []),
        (("de",), ("example.de",), "example.de", TYPE_DS, ["de"]),
        (("de",), ("de",), "www.de", TYPE_A, ["de"]),
        ((".", "de"), ("de",), "www.de", TYPE_A, ["de"]),
        ((".",), (), ".", TYPE_DS, ["."]),
    ],
)
def test_covering(
    negative: tuple[str, ...], positive: tuple[str, ...], name: str, rtype: int, covering: list[str]
) -> None:
    found = anchors(*negative, positive=positive).covering(ROOT if name == "." else wire_name(name), rtype)
    assert [to_text(one.zone) for one in found] == covering


def test_one_is_told_with_name_end_and_reason() -> None:
    cause = NegativeTrustAnchor(wire_name("de"), "wrong key", "ops", 0, 1_778_000_000).cause()
    assert cause.info_code == EDE_NEGATIVE_TRUST_ANCHOR
    assert cause.extra_text == "negative trust anchor de until 2026-05-05T16:53:20Z: wrong key"


def test_a_configured_one_has_no_end() -> None:
    found = NegativeTrustAnchors([wire_name("corp")], {}).covering(wire_name("a.corp"), TYPE_A)
    assert [(one.text(), one.is_temporary(), one.end_s) for one in found] == [("corp: configured", False, FOREVER_S)]


def test_the_latest_of_a_zone_counts_and_can_be_removed() -> None:
    table = anchors("de")
    table.put(NegativeTrustAnchor(wire_name("de"), "later", "who", 0, 200))
    assert [one.reason for one in table.covering(wire_name("de"), TYPE_A)] == ["later"]
    assert table.remove(wire_name("de")) and not table.remove(wire_name("de"))
    assert table.covering(wire_name("de"), TYPE_A) == []
