"""Which zone the engine blames for a failure, and with which cause, child and servers."""

import pytest

from holdfast.cache.zone_health import ZoneHealth
from holdfast.dns.iana import FLAG_CD, FLAG_RD, TYPE_A
from holdfast.dns.writer import build_query
from holdfast.lab.outage import find_outage
from holdfast.lab.replay import QUIET
from holdfast.lab.simulation import SECOND_US, SimulatedNetwork, VirtualClock, VirtualResolver
from holdfast.lab.world import World
from holdfast.lab.zone_versions import wire

SEED = 1


def health_after(outage_name: str, names: list[str], after_s: int = 60, flags: int = FLAG_RD) -> list[ZoneHealth]:
    """What an engine with an empty cache counted while it was asked for some names."""
    outage = find_outage(outage_name).scaled(0.05)
    world = World.generate(outage, SEED)
    world.settle(outage.broken_s + after_s)
    clock = VirtualClock(outage.broken_s + after_s)
    resolver = VirtualResolver(clock, SimulatedNetwork(clock, world.servers, SEED, QUIET), world.settings(), SEED)
    for name in names:
        resolver.ask(b"\x0a\x00\x00\x01", build_query(1, wire(name), TYPE_A, flags, 1232, True, []), lambda _wire: None)
        clock.run_until(clock.now_us + 5 * SECOND_US)
    return resolver.engine.take_health()


def test_a_parent_that_cannot_deny_a_ds_is_to_blame_and_its_child_is_the_one_hit() -> None:
    (health,) = health_after("de-2026-05-05", ["typo1.de", "a.typo2.de"])
    assert health.zone == wire("de")
    assert {wire("typo1.de"), wire("typo2.de")} <= set(health.bogus.children)
    causes = [one.cause for one in health.bogus.causes]
    assert "a0d5d1p51kijsevll74k523htmq406bk.de/NSEC3" in [cause.subject for cause in causes]
    assert {cause.key_tag for cause in causes} == {33834}
    assert len(health.bogus.servers) > 1
    assert health.unreachable.total == 0


def test_a_zone_whose_keys_do_not_match_is_to_blame_itself_and_its_names_are_hit() -> None:
    (health,) = health_after("nasa-gov-2012-01-18", ["www.nasa.gov", "science.nasa.gov"])
    assert health.zone == wire("nasa.gov")
    assert {wire("nasa.gov"), wire("www.nasa.gov"), wire("science.nasa.gov")} == set(health.bogus.children)
    assert [one.cause.subject for one in health.bogus.causes] == ["nasa.gov/DNSKEY"]


@pytest.mark.parametrize(("after_s", "flags"), [(-60, FLAG_RD), (60, FLAG_RD | FLAG_CD)])
def test_nobody_is_to_blame_before_the_break_or_without_checking(after_s: int, flags: int) -> None:
    assert health_after("de-2026-05-05", ["typo1.de", "typo2.de"], after_s, flags) == []
