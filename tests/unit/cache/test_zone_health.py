"""What is counted of zones between two looks, and what is kept."""

from holdfast.base.cause import Cause
from holdfast.cache.failure_cache import REFRESH_BOGUS, REFRESH_ERROR
from holdfast.cache.zone_health import LOOKS_REMEMBERED, ZONES_KEPT, ZONES_TAKEN, ZONES_WATCHED, ZoneHealthTable
from holdfast.dns.iana import EDE_DNSSEC_BOGUS
from holdfast.dns.name import from_text

CAUSE = Cause(EDE_DNSSEC_BOGUS, "bad", "rrsig.invalid")


def wire(text: str) -> bytes:
    name = from_text(text)
    assert name is not None
    return name


def test_failures_are_counted_by_the_zones_children() -> None:
    table = ZoneHealthTable()
    for name in ("www.site1.de", "mail.site1.de", "site1.de", "site2.de", "de"):
        table.note_failure(wire("de"), wire(name), REFRESH_BOGUS, [CAUSE], [b"\x01"])
    (health,) = table.take()
    assert list(health.bogus.children) == [wire("site1.de"), wire("site2.de"), wire("de")]
    assert (health.bogus.total, health.bogus.causes[0].count) == (5, 5)
    assert list(health.bogus.servers) == [b"\x01"]


def test_healthy_zones_and_errors_are_not_reported() -> None:
    table = ZoneHealthTable()
    table.note_validated(wire("de"))
    table.note_failure(wire("de"), wire("site1.de"), REFRESH_ERROR, [CAUSE], [])
    assert table.take() == []


def test_a_zone_that_failed_is_reported_until_it_has_been_well_for_long() -> None:
    table = ZoneHealthTable()
    table.note_failure(wire("de"), wire("site1.de"), REFRESH_BOGUS, [CAUSE], [])
    table.take()
    assert table.take() == []  # nothing was seen of it
    table.note_validated(wire("de"))
    (health,) = table.take()
    assert (health.validated, health.bogus.total) == (1, 0)
    for _ in range(LOOKS_REMEMBERED):
        table.take()
    table.note_validated(wire("de"))
    assert table.take() == []


def test_a_flood_of_zones_does_not_push_out_those_in_use() -> None:
    table = ZoneHealthTable()
    table.note_validated(wire("de"))
    table.take()
    for number in range(2 * ZONES_WATCHED):
        table.note_failure(wire(f"z{number}"), wire(f"z{number}"), REFRESH_BOGUS, [CAUSE], [])
    assert len(table.zones) == ZONES_WATCHED
    table.note_failure(wire("de"), wire("site1.de"), REFRESH_BOGUS, [CAUSE], [])
    table.note_failure(wire("de"), wire("site2.de"), REFRESH_BOGUS, [CAUSE], [])
    taken = table.take()
    assert len(taken) == ZONES_TAKEN
    assert taken[0].zone == wire("de")


def test_zones_that_have_been_silent_longest_make_room() -> None:
    table = ZoneHealthTable()
    for number in range(ZONES_WATCHED):
        table.note_failure(wire(f"z{number}"), wire(f"z{number}"), REFRESH_BOGUS, [CAUSE], [])
    table.take()
    table.note_failure(wire("z7"), wire("z7"), REFRESH_BOGUS, [CAUSE], [])
    table.take()
    assert len(table.zones) == ZONES_KEPT
    assert wire("z7") in table.zones
