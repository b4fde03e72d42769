"""The outage with NSD in the place of all servers: it breaks, it heals, and what NSD says is checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.rcode

from bench.nsd import NsdInternet
from bench.served_zone import ServedZone
from holdfast.dns.name import is_subdomain
from holdfast.lab.three_hours import VARIANTS
from holdfast.lab.world import LeafZone, World
from tests.support.ports import reserve_port
from tests.support.programs import require_program
from tests.support.served_world import EDE_BOGUS, EDE_STALE, ask, configuration, errors, is_authentic, small_world
from tests.support.server_process import running_server, until

SCALE = 0.02
ALL_BAD, ONE_IN_THREE_GOOD = VARIANTS


@contextmanager
def on_nsd(world: World, folder: Path) -> Iterator[NsdInternet]:
    """Serve a world at loopback addresses of its own."""
    port = reserve_port()
    places = {address: (f"127.88.{number}.1", port) for number, address in enumerate(world.servers)}
    with NsdInternet.serving(world, folder, require_program("nsd", "nsd"), places) as network:
        yield network


def below(world: World, signed: bool) -> list[LeafZone]:
    return [leaf for leaf in world.leaves if leaf.signed == signed and is_subdomain(leaf.name, world.subject)]


def advance(world: World, network: NsdInternet, until_s: int) -> None:
    """Let everything happen that is due."""
    world.settle(until_s)
    network.publish(world.subject_addresses())


def test_every_version_is_served_as_it_is_meant_and_the_present_one_in_the_end(tmp_path: Path) -> None:
    world = small_world(ONE_IN_THREE_GOOD, SCALE)
    with on_nsd(world, tmp_path) as network:
        served = [zone for _, zone in network.rehearse()]
        children = len(below(world, signed=True))
        good = ServedZone(True, True, children, children)
        assert served[0] == served[2] == network.judge() == good
        broken = served[1]
        assert (broken.keys_verify, broken.apex_denial_verifies) == (True, False)
        assert broken.ds_verified < children


def test_names_below_a_zone_that_breaks_on_nsd_keep_answering_until_it_heals(tmp_path: Path) -> None:
    world = small_world(ALL_BAD, SCALE)
    outage = world.outage
    known = [below(world, signed=True)[0], below(world, signed=False)[0]]
    unseen = below(world, signed=False)[1]
    with on_nsd(world, tmp_path) as network:
        where = configuration(world, tmp_path, network.address_map)
        with running_server(tmp_path, network=where) as server:
            for leaf in known:
                answer = ask(server.port, leaf.names[0])
                assert (answer.rcode(), is_authentic(answer), errors(answer)) == (dns.rcode.NOERROR, leaf.signed, [])

            advance(world, network, outage.broken_s)
            until(lambda: not network.judge().apex_denial_verifies)
            for leaf in known:
                until(lambda name=leaf.names[1]: EDE_STALE in errors(ask(server.port, name)))  # type: ignore[misc]
                for name in leaf.names:  # one that was asked before, and twenty that were not
                    answer = ask(server.port, name)
                    assert (answer.rcode(), is_authentic(answer)) == (dns.rcode.NOERROR, leaf.signed)
            answer = ask(server.port, unseen.names[0])
            assert (answer.rcode(), answer.answer) == (dns.rcode.SERVFAIL, [])
            assert EDE_BOGUS in errors(answer)

            advance(world, network, outage.healed_s)
            until(lambda: network.judge().apex_denial_verifies)
            until(lambda: ask(server.port, unseen.names[0]).rcode() == dns.rcode.NOERROR)
            for leaf in known:
                until(lambda name=leaf.names[0]: not errors(ask(server.port, name)))  # type: ignore[misc]
