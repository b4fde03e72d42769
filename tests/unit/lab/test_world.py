"""The generated Internet of an outage: what its servers show as time goes by."""

import pytest

from holdfast.lab.outage import catalogue, find_outage
from holdfast.lab.world import World
from holdfast.registry.serial import is_ahead

SEED = 3
SCALE = 0.02


@pytest.mark.parametrize("name", catalogue())
def test_no_servers_serial_goes_backward(name: str) -> None:
    world = World.generate(find_outage(name).scaled(SCALE), SEED)
    latest: dict[bytes, int] = {}
    rose = 0
    for change in world.changes:
        if change.at_s > world.settled_s:
            world.apply(change)
        for address in world.subject_addresses():
            serial = world.servers[address].zones[world.subject].soa().serial
            before = latest.setdefault(address, serial)
            assert serial == before or is_ahead(serial, before), f"{before} to {serial} at {change.at_s}"
            rose += serial != before
            latest[address] = serial
    assert rose
