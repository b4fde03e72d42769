"""The newest SOA of a zone."""

import pytest

from holdfast.base.security_status import INDETERMINATE, INSECURE, SECURE
from holdfast.cache.zone_soa import ZONES, SoaTable
from holdfast.dns.rrset import RRset
from tests.support.dnssec_records import rrset

SECOND_US = 1_000_000


def soa(serial: int, zone: str = "example", ttl: int = 60) -> RRset:
    return rrset(zone, "SOA", f"ns.example. root.example. {serial} 2 3 4 5", ttl=ttl)


def test_a_newer_soa_takes_the_place_of_an_older_one() -> None:
    table = SoaTable()
    first = table.learn(soa(1), SECURE, 0, 0)
    assert (first.rrset.rdatas, first.version) == (soa(1).rdatas, 0)
    assert table.learn(soa(2), SECURE, SECOND_US, SECOND_US) is first
    assert (first.rrset.rdatas, first.version) == (soa(2).rdatas, 1)
    table.learn(soa(1), SECURE, 0, 2 * SECOND_US)  # what an old denial came with
    assert (first.rrset.rdatas, first.version) == (soa(2).rdatas, 1)


def test_the_same_soa_seen_again_is_no_change() -> None:
    table = SoaTable()
    table.learn(soa(1), SECURE, 0, 0)
    assert table.learn(soa(1), SECURE, SECOND_US, SECOND_US).version == 0


@pytest.mark.parametrize(("after_s", "serial"), [(59, 1), (61, 2)])
def test_weaker_data_replaces_only_what_is_out_of_date(after_s: int, serial: int) -> None:
    table = SoaTable()
    table.learn(soa(1), SECURE, 0, 0)
    table.learn(soa(2), INDETERMINATE, after_s * SECOND_US, after_s * SECOND_US)
    assert table.learn(soa(0), INDETERMINATE, 0, after_s * SECOND_US).rrset.rdatas == soa(serial).rdatas


def test_stronger_data_replaces_weaker_at_once() -> None:
    table = SoaTable()
    table.learn(soa(1), INSECURE, 0, 0)
    assert table.learn(soa(2), SECURE, 1, 1).status == SECURE


def test_the_table_is_bounded() -> None:
    table = SoaTable()
    for number in range(ZONES + 10):
        table.learn(soa(1, f"z{number}.example"), SECURE, 0, 0)
    assert len(table.zones) == ZONES
