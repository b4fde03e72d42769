"""Which negative trust anchors a question is subject to, and who sees which."""

import pytest

from holdfast.base.audience import ANYBODY, Audience
from holdfast.base.instant import FOREVER_S
from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.iana import TYPE_A, TYPE_DS, TYPE_TLSA
from holdfast.dns.name import ROOT, is_subdomain, to_text
from holdfast.dnssec.anchor_scope import WIDE, AnchorScope, narrow_scope
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.dnssec.negative_trust_anchors import ASKERS_REMEMBERED, VIEWS, NegativeTrustAnchors
from holdfast.dnssec.trust_anchor import TrustAnchor
from holdfast.dnssec.trust_view import PLAIN_VIEW
from tests.support.dnssec_records import wire_name

SOME_DS = bytes([0, 1, 13, 2]) + bytes(32)
DE = wire_name("de")
MAIL = Audience(1, "default", "mail", True)
OFFICE = Audience(2, "default", "office", False)
FAMILY = Audience(3, "family", "", False)


def anchor(zone: str, scope: AnchorScope = WIDE, reason: str = "why") -> NegativeTrustAnchor:
    return NegativeTrustAnchor(ROOT if zone == "." else wire_name(zone), reason, "who", 0, 100, scope)


def anchors(*negative: str, positive: tuple[str, ...] = (), scope: AnchorScope = WIDE) -> NegativeTrustAnchors:
    trusted = {
        wire_name(name): TrustAnchor(TrustAnchorSetting(wire_name(name), [SOME_DS], [], False, "")) for name in positive
    }
    table = NegativeTrustAnchors([], trusted)
    for name in negative:
        table.put(anchor(name, scope))
    return table


def scope(
    services: tuple[str, ...] = (),
    clients: tuple[str, ...] = (),
    except_clients: tuple[str, ...] = (),
    types: tuple[int, ...] = (),
) -> AnchorScope:
    return AnchorScope(list(services), list(clients), list(except_clients), list(types), [], False)


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
    table = anchors(*negative, positive=positive)
    found = table.covering(ROOT if name == "." else wire_name(name), rtype, table.view(ANYBODY, rtype))
    assert [to_text(one.zone) for one in found] == covering


def test_a_configured_one_has_no_end_and_is_seen_by_everybody() -> None:
    found = NegativeTrustAnchors([wire_name("corp")], {}).covering(wire_name("a.corp"), TYPE_A, PLAIN_VIEW)
    assert [(one.text(), one.is_temporary(), one.end_s) for one in found] == [("corp: configured", False, FOREVER_S)]


def test_the_latest_of_a_zone_counts_and_can_be_removed() -> None:
    table = anchors("de")
    table.put(anchor("de", reason="later"))
    assert [one.reason for one in table.covering(DE, TYPE_A, table.view(ANYBODY, TYPE_A))] == ["later"]
    assert table.remove(DE) and not table.remove(DE)
    assert table.view(ANYBODY, TYPE_A) is PLAIN_VIEW


@pytest.mark.parametrize(
    ("limits", "seen_by"),
    [
        (scope(), {"anybody", "office", "family"}),
        (scope(services=("family",)), {"family"}),
        (scope(clients=("office",)), {"office"}),
        (scope(clients=("mail",)), set()),
        (scope(except_clients=("office",)), {"anybody", "family"}),
        (scope(services=("default",), except_clients=("office",)), {"anybody"}),
    ],
)
def test_who_sees_one_and_never_the_never_list(limits: AnchorScope, seen_by: set[str]) -> None:
    table = anchors("de", scope=limits)
    audiences = {"anybody": ANYBODY, "mail": MAIL, "office": OFFICE, "family": FAMILY}
    assert {name for name, one in audiences.items() if table.view(one, TYPE_A) is not PLAIN_VIEW} == seen_by
    treated = {table.treatment(one) for name, one in audiences.items() if name in seen_by}
    others = {table.treatment(one) for name, one in audiences.items() if name not in seen_by}
    assert len(treated) <= 1 and not treated & others


def test_types_decide_for_everybody_alike() -> None:
    table = anchors("de", scope=narrow_scope())
    assert table.view(ANYBODY, TYPE_A).anchors == table.all()
    assert table.view(ANYBODY, TYPE_TLSA) is PLAIN_VIEW
    table.put(anchor("nl", scope(types=(TYPE_TLSA,))))
    assert [to_text(one.zone) for one in table.view(ANYBODY, TYPE_TLSA).anchors] == ["nl"]


def test_who_sees_the_same_shares_a_view_until_something_changes() -> None:
    table = anchors("de", "nl")
    view = table.view(ANYBODY, TYPE_A)
    assert table.view(OFFICE, TYPE_TLSA) is view
    table.put(anchor("nl"))
    assert table.view(ANYBODY, TYPE_A) is not view
    assert table.view(ANYBODY, TYPE_A).key(DE) != view.key(DE), "what was found before is not found any more"


def test_keys_are_plain_where_no_anchor_covers_and_below_their_zone_elsewhere() -> None:
    table = anchors("de")
    view = table.view(ANYBODY, TYPE_A)
    name = wire_name("www.example.de")
    assert view.key(wire_name("example.com")) == wire_name("example.com")
    assert view.key(name) != name == PLAIN_VIEW.key(name)
    for zone in (ROOT, DE, wire_name("example.de"), name):
        assert is_subdomain(view.key(name), zone)
    assert not is_subdomain(view.key(name), wire_name("example.com"))
    assert table.keys(name) == [name, view.key(name)]


def test_views_and_who_has_them_are_bounded() -> None:
    table = NegativeTrustAnchors([], {})
    for number in range(VIEWS + 10):
        table.put(anchor(f"z{number}", scope(types=(number + 1,))))
    for rtype in range(1, VIEWS + 11):
        assert len(table.view(ANYBODY, rtype).anchors) == 1
    assert len(table.views) <= VIEWS
    for number in range(ASKERS_REMEMBERED + 1):
        table.view(Audience(number, "default", "", False), TYPE_A)
    assert len(table.known) <= ASKERS_REMEMBERED
