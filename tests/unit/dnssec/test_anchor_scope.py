"""For whom, for which types and how deep an anchor holds."""

from holdfast.dns.iana import TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_CAA, TYPE_DS, TYPE_HTTPS, TYPE_MX, TYPE_SSHFP, TYPE_TLSA
from holdfast.dnssec.anchor_scope import WIDE, AnchorScope, default_scope, narrow_scope
from tests.support.dnssec_records import wire_name


def test_narrow_lets_through_what_reaches_a_service_and_not_what_secures_it() -> None:
    narrow = narrow_scope()
    assert all(narrow.relaxes(rtype) for rtype in (TYPE_A, TYPE_AAAA, TYPE_MX, TYPE_HTTPS))
    assert not any(narrow.relaxes(rtype) for rtype in (TYPE_TLSA, TYPE_SSHFP, TYPE_CAA, TYPE_DS, TYPE_ANY))
    assert narrow.below_strict


def test_wide_lets_everything_through() -> None:
    assert WIDE.relaxes(TYPE_TLSA) and not WIDE.below_strict
    assert WIDE.text() == ""


def test_a_top_level_domain_gets_the_narrow_one() -> None:
    assert default_scope(wire_name("de")).text() == narrow_scope().text()
    assert default_scope(wire_name("co.uk")) is WIDE


def test_in_words() -> None:
    scope = AnchorScope(["family"], ["office"], ["lab"], [TYPE_A, TYPE_AAAA], [TYPE_TLSA], True)
    public = "for A AAAA, not for TLSA, zones below are validated"
    assert scope.text() == f"service family, clients office, not clients lab, {public}"
    assert scope.public_text() == public
