"""What all name servers of a parent agree on: for how long it is remembered, and how often they may be asked."""

from holdfast.base.cause import Cause
from holdfast.base.limits import DS_AGREEMENT_MINIMUM_S, DS_AGREEMENTS, DS_ROUNDS_PER_SECOND
from holdfast.cache.ds_agreements import DsAgreement, DsAgreements
from holdfast.dns.iana import EDE_OTHER, TYPE_DS
from holdfast.dns.rrset import RRset
from tests.support.dnssec_records import wire_name

SECOND_US = 1_000_000
CHILD = wire_name("child.de")


def agreement(expires_us: int = 10 * SECOND_US, cause: Cause | None = None) -> DsAgreement:
    remark = Cause(EDE_OTHER, "all agree", "test.remark")
    return DsAgreement(RRset(CHILD, TYPE_DS, 3600, [b"ds"], []), cause, remark, expires_us)


def test_it_is_found_until_it_ends() -> None:
    agreements = DsAgreements()
    agreements.put(CHILD, agreement())
    assert agreements.get(CHILD, 10 * SECOND_US - 1) is agreements.by_child[CHILD]
    assert agreements.get(CHILD, 10 * SECOND_US) is None
    assert agreements.get(wire_name("other.de"), 0) is None


def test_doubt_shortens_it_and_never_prolongs_it() -> None:
    doubted = agreement(10 * DS_AGREEMENT_MINIMUM_S * SECOND_US)
    doubted.doubt(SECOND_US)
    assert doubted.expires_us == (DS_AGREEMENT_MINIMUM_S + 1) * SECOND_US
    doubted.doubt(5 * SECOND_US)
    assert doubted.expires_us == (DS_AGREEMENT_MINIMUM_S + 1) * SECOND_US


def test_why_the_record_does_not_validate_comes_before_who_agrees_on_it() -> None:
    cause = Cause(6, "bad signature", "test.cause")
    assert [one.site for one in agreement(cause=cause).causes()] == ["test.cause", "test.remark"]
    assert [one.site for one in agreement().causes()] == ["test.remark"]


def test_the_oldest_goes_first() -> None:
    agreements = DsAgreements()
    keys = [wire_name(f"c{number}.de") for number in range(DS_AGREEMENTS + 1)]
    for key in [*keys[:-1], keys[0], keys[-1]]:
        agreements.put(key, agreement())
    assert len(agreements.by_child) == DS_AGREEMENTS
    assert agreements.get(keys[0], 0) is not None, "renewed, so not the oldest"
    assert agreements.get(keys[1], 0) is None


def test_what_is_taken_away() -> None:
    agreements = DsAgreements()
    names = [wire_name(name) for name in ("a.de", "b.a.de", "aa.de", "c.de")]
    for name in names:
        agreements.put(name, agreement())
    agreements.remove_subtree(names[0])
    agreements.remove(names[3])
    agreements.remove(names[3])
    assert list(agreements.by_child) == [names[2]]
    agreements.clear()
    assert agreements.by_child == {}


def test_rounds_are_counted_for_each_broken_zone_and_second() -> None:
    agreements = DsAgreements()
    de, nl = wire_name("de"), wire_name("nl")
    assert [agreements.take_round(de, 0) for _ in range(DS_ROUNDS_PER_SECOND + 1)] == [True] * DS_ROUNDS_PER_SECOND + [
        False
    ]
    assert agreements.take_round(nl, SECOND_US - 1)
    assert not agreements.take_round(de, SECOND_US - 1)
    assert agreements.take_round(de, SECOND_US)
