"""The registry's and the root's servers fall silent, many of them: what is known leads on, soon and for as long."""

from ipaddress import ip_address

import dns.edns
import dns.message
import dns.rcode
import pytest

from holdfast.base.effects import TRANSPORT_UDP
from holdfast.dns.name import is_subdomain, label_count, to_text
from holdfast.lab.three_hours import VARIANTS, three_hours
from holdfast.lab.world import LeafZone, Pace, World
from tests.support.engine_world import START_S, EngineWorld, Message
from tests.support.kept import KeptRecords
from tests.support.signed_world import is_secure

DAY_S = 86400  # divides every TTL down to one second
SECOND_US = 1_000_000
SOON_S = 5  # after which many a client gives up
HEALED_S = 10
GIVE_UP_S = 10


class RegistryWorld(EngineWorld):
    """The laboratory's world in front of an engine: three addresses of root servers, twelve of the registry's."""

    def __init__(self) -> None:
        self.lab = World.generate(three_hours(VARIANTS[0]).scaled(0.02), 1, Pace(DAY_S, START_S))
        self.silent: set[str] = set()
        settings = self.lab.settings()
        settings.serve_stale = True
        super().__init__(self.hear, settings)
        self.keep(KeptRecords())
        below = [leaf for leaf in self.lab.leaves if is_subdomain(leaf.name, self.lab.subject)]
        self.signed = next(leaf for leaf in below if leaf.signed)
        self.unsigned = next(leaf for leaf in below if not leaf.signed)

    def hear(self, address: str, query: Message) -> Message | None:
        """What comes back from a server."""
        if address in self.silent:
            return None
        answer = self.lab.servers[ip_address(address).packed].answer(query.to_wire(), TRANSPORT_UDP)
        return dns.message.from_wire(answer) if answer is not None else None

    def silence_parents(self) -> None:
        """Root and top-level domains say nothing more."""
        servers = self.lab.servers.items()
        self.silent = {str(ip_address(one)) for one, server in servers if min(map(label_count, server.zones)) < 2}

    def seconds_for(self, name: bytes) -> tuple[float, Message]:
        """Ask with DO, and say how long it took."""
        began_us = self.clock_us
        self.submit(dns.message.make_query(to_text(name), "A", want_dnssec=True))
        while not self.answers:
            self.next_timer()
        return (self.clock_us - began_us) / SECOND_US, self.answers.pop()


def is_stale(answer: Message) -> bool:
    return any(isinstance(one, dns.edns.EDEOption) and one.code == 3 for one in answer.options)


def known_world(kind: str) -> tuple[RegistryWorld, LeafZone]:
    """One name of one zone was asked for; all TTLs are over."""
    world = RegistryWorld()
    leaf: LeafZone = getattr(world, kind)
    world.ask(to_text(leaf.names[0]))
    world.pass_time_us(10 * SECOND_US)
    return world, leaf


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("kind", ["signed", "unsigned"])
def test_new_names_of_known_zones_are_answered_soon(kind: str, restarted: bool) -> None:
    world, leaf = known_world(kind)
    world.silence_parents()
    if restarted:
        world.restart()
    for name in leaf.names[1:]:
        seconds, answer = world.seconds_for(name)
        assert seconds <= SOON_S
        assert (answer.rcode(), is_stale(answer), is_secure(answer)) == (dns.rcode.NOERROR, True, leaf.signed)
        world.pass_time_us(60 * SECOND_US)


def test_parents_that_are_back_are_believed_again() -> None:
    world, leaf = known_world("signed")
    world.silence_parents()
    for name in leaf.names[1:5]:
        assert is_stale(world.seconds_for(name)[1])
        world.pass_time_us(60 * SECOND_US)
    world.silent = set()
    for _ in range(HEALED_S):
        world.seconds_for(leaf.names[0])
        world.pass_time_us(SECOND_US)
    answer = world.seconds_for(leaf.names[5])[1]
    assert (answer.rcode(), is_stale(answer), is_secure(answer)) == (dns.rcode.NOERROR, False, True)


def test_a_zone_whose_servers_all_rest_is_not_asked_at_each_of_them() -> None:
    world = RegistryWorld()
    leaves = [leaf.names[0] for leaf in world.lab.leaves if is_subdomain(leaf.name, world.lab.subject)]
    world.silence_parents()
    seconds, answer = world.seconds_for(leaves[0])
    for name in leaves[1:8]:
        world.pass_time_us(10 * SECOND_US)
        seconds, answer = world.seconds_for(name)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert seconds < GIVE_UP_S, "two servers may be given three seconds each"


def test_a_registry_some_of_whose_servers_are_silent_is_asked_and_not_replaced_by_what_it_said() -> None:
    world, leaf = known_world("signed")
    registry = [str(ip_address(one)) for one in world.lab.subject_addresses()]
    world.silent = set(registry[:2])
    for name in leaf.names[1:]:
        _, answer = world.seconds_for(name)
        assert (answer.rcode(), is_stale(answer), is_secure(answer)) == (dns.rcode.NOERROR, False, True)
        world.pass_time_us(10 * SECOND_US)
