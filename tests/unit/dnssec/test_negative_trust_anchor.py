"""What is said of a negative trust anchor."""

from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR
from holdfast.dnssec.anchor_scope import narrow_scope
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from tests.support.dnssec_records import wire_name


def test_one_is_told_with_name_end_and_reason() -> None:
    cause = NegativeTrustAnchor(wire_name("de"), "wrong key", "ops", 0, 1_778_000_000).cause()
    assert cause.info_code == EDE_NEGATIVE_TRUST_ANCHOR
    assert cause.extra_text == "negative trust anchor de until 2026-05-05T16:53:20Z: wrong key"


def test_another_end_changes_nothing_else() -> None:
    old = NegativeTrustAnchor(wire_name("de"), "wrong key", "ops", 7, 8, narrow_scope())
    new = old.until(9)
    same = ("zone", "reason", "author", "start_s", "scope")
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    assert new.end_s == 9
