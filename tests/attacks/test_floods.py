"""Floods: many questions that nobody answers, many clients, many random names; memory is bounded, others are served."""

import pytest

from holdfast.base.effects import TRANSPORT_UDP, Client
from holdfast.base.limits import (
    NAME_SERVERS_PER_ZONE,
    OUTSTANDING_PER_CLIENT,
    OUTSTANDING_PER_SERVER,
    OUTSTANDING_REQUESTS,
    UPSTREAM_IN_FLIGHT,
)
from holdfast.base.settings import EngineSettings
from holdfast.cache.eviction import BoundedTable
from holdfast.dns.iana import EDE_OVER_QUOTA, FLAG_RD, RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_SERVFAIL, TYPE_A
from holdfast.dns.writer import build_query
from holdfast.registry.zone import Nsec3Parameters, wire_name
from holdfast.service.admission import RATE_CLIENTS
from tests.support.attack_world import DEAD_ADDRESS, VICTIM_ADDRESS, AttackWorld

FLOOD = 10_500


def dead_world(zones: int, settings: EngineSettings | None = None) -> AttackWorld:
    """A world with zones whose servers, each at an address of its own, never answer."""
    world = AttackWorld(settings)
    for number in range(zones):
        world.delegate(
            f"dead{number}", [f"ns.dead{number}"], {f"ns.dead{number}": f"198.18.{number >> 8}.{number & 255}"}
        )
    return world


def learn_delegations(world: AttackWorld, zones: int) -> None:
    """Let the engine learn where the dead zones are, so that what follows goes straight to their servers."""
    for number in range(zones):
        world.ask(f"first.dead{number}", client="10.0.0.1")
    world.run(limit_s=0.2)


def bounded_tables(world: AttackWorld) -> list[BoundedTable]:
    state = world.engine.state
    return [
        state.rrsets.table,
        state.rrsets.attempts,
        state.negatives.table,
        state.negatives.attempts,
        state.failures.table,
        state.trust.table,
        state.delegations.table,
        world.engine.packets.table,
    ]


def test_ten_thousand_questions_for_dead_servers() -> None:
    """More than may wait, from many clients: everybody else is served at once, the oldest questions give way."""
    world = dead_world(200)
    world.settings.qname_minimisation = False
    world.check_innocent()
    learn_delegations(world, 200)
    for number in range(FLOOD):
        world.ask(f"h{number}.dead{number % 200}", client=f"10.1.{number % 200}.1")
        if number % 2000 == 0:
            world.check_innocent()
    engine = world.engine
    assert len(engine.waiting) <= OUTSTANDING_REQUESTS
    assert len(engine.tasks.exchanges.open) <= UPSTREAM_IN_FLIGHT
    assert engine.statistics()["upstream_displaced"] > 0
    world.check_innocent()
    before = len(world.sent)
    cached = world.query("h1.innocent", client="127.0.0.3")
    assert (cached.rcode, cached.secure, cached.waited_us) == (RCODE_NOERROR, True, 0)
    assert len(world.sent) == before


def test_the_oldest_question_gives_way() -> None:
    settings = EngineSettings()
    settings.outstanding_requests = 50
    world = dead_world(10, settings)
    numbers = [world.ask(f"h{number}.dead{number % 10}", client=f"10.1.{number}.1") for number in range(80)]
    displaced = [number for number in numbers if number in world.answers]
    assert displaced == numbers[:30]
    assert {world.answers[number].rcode for number in displaced} == {RCODE_SERVFAIL}
    assert EDE_OVER_QUOTA in world.answers[displaced[0]].errors
    assert world.engine.statistics()["displaced_requests"] == 30
    world.check_innocent()
    world.check_books()
    assert len(world.answers) == 81


def test_one_client_cannot_take_all_and_displaces_its_own() -> None:
    world = dead_world(20)
    world.settings.qname_minimisation = False
    learn_delegations(world, 20)
    patient = world.ask("patient.dead0", client="127.0.0.5")
    for number in range(OUTSTANDING_PER_CLIENT + 500):
        world.ask(f"h{number}.dead{number % 20}", client="10.6.6.6")
    assert len(world.engine.waiting_of[b"\x0a\x06\x06\x06"]) == OUTSTANDING_PER_CLIENT
    assert patient not in world.answers
    world.check_innocent()
    world.check_innocent(client="10.6.6.6")  # who shares the address, or is the attacker, is served as well


def test_joined_clients_are_displaced_one_by_one() -> None:
    settings = EngineSettings()
    settings.outstanding_per_client = 3
    world = dead_world(1, settings)
    numbers = [world.ask("same.dead0", client="10.6.6.6") for _ in range(10)]
    assert [number for number in numbers if number in world.answers] == numbers[:7]
    world.check_books()
    assert set(world.answers) == set(numbers)


def test_queries_in_flight_to_one_server_are_bounded() -> None:
    world = AttackWorld()
    world.settings.qname_minimisation = False
    world.delegate("dead", ["ns.dead"], {"ns.dead": DEAD_ADDRESS})
    world.ask("first.dead")
    world.run(limit_s=0.2)
    for number in range(3 * OUTSTANDING_PER_SERVER):
        world.ask(f"h{number}.dead", client=f"10.1.{number % 200}.1")
    assert max(server.in_flight for server in world.engine.state.servers.entries.values()) <= OUTSTANDING_PER_SERVER
    world.check_innocent()
    world.check_books()


def test_fifty_thousand_client_addresses() -> None:
    """The rate limiter remembers a bounded number, and goes on limiting who floods."""
    settings = EngineSettings()
    settings.client_rate_limit_qps = 10
    world = AttackWorld(settings)
    world.check_innocent()
    wire = build_query(1, wire_name("h1.innocent"), TYPE_A, FLAG_RD, 1232, True, [])
    for number in range(50_000):
        address = b"\x0a" + number.to_bytes(3, "big")
        assert world.engine.receive_client_query(Client(address, TRANSPORT_UDP, 0), wire, world.now()) is not None
    assert len(world.engine.admission.allowances) <= RATE_CLIENTS
    flood = [world.ask("h1.innocent", client="10.6.6.6") for _ in range(100)]
    assert len([number for number in flood if number in world.dropped]) >= 75
    world.check_innocent()


def test_garbage_is_rate_limited_too() -> None:
    settings = EngineSettings()
    settings.client_rate_limit_qps = 10
    world = AttackWorld(settings)
    for _ in range(100):
        world.send(b"\x00\x01\x01\x00\x00\x02" + b"\x00" * 6, client="10.6.6.6")
    assert len(world.dropped) >= 75


# -- random subdomains ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nsec3", [None, Nsec3Parameters()], ids=["nsec", "nsec3"])
def test_random_names_in_a_signed_zone_are_denied_from_the_cache(nsec3: Nsec3Parameters | None) -> None:
    """RFC 8198: the zone's whole chain is known after about as many questions as it has links."""
    world = AttackWorld()
    text = "".join(f"n{number} 3600 IN A 192.0.2.1\n" for number in range(20))
    world.add_zone("target", text, VICTIM_ADDRESS, nsec3=nsec3)
    for number in range(1500):
        answer = world.query(f"x{number * 7919}.target")
        assert (answer.rcode, answer.secure) == (RCODE_NXDOMAIN, True)
    assert world.sent_to(VICTIM_ADDRESS) <= 100
    world.check_innocent()
    world.check_books()


def test_random_names_in_an_unsigned_zone_cost_one_query_each_and_bounded_memory() -> None:
    settings = EngineSettings()
    settings.cache_bytes = 400_000
    world = AttackWorld(settings)
    world.add_zone("target", "www 3600 IN A 192.0.2.1\n", VICTIM_ADDRESS, signed=False)
    for number in range(1500):
        assert world.query(f"x{number}.target", client="10.6.6.6").rcode == RCODE_NXDOMAIN
        for table in bounded_tables(world):
            assert table.octets <= table.capacity_octets
    assert world.sent_to(VICTIM_ADDRESS) <= 1500 + 10
    assert any(table.evictions for table in bounded_tables(world))
    world.check_innocent()
    world.check_books()


def test_random_names_in_a_zone_whose_servers_broke_down() -> None:
    world = AttackWorld()
    glue = {f"ns{number}.target": f"198.51.100.{number + 1}" for number in range(NAME_SERVERS_PER_ZONE)}
    world.delegate("target", list(glue), glue)
    sent: list[int] = []
    for number in range(300):
        before = len(world.sent)
        assert world.query(f"x{number}.target", client="10.6.6.6").rcode == RCODE_SERVFAIL
        sent.append(len(world.sent) - before)
    assert sum(sent[-100:]) <= 100 * NAME_SERVERS_PER_ZONE
    world.check_innocent()
    world.check_books()


def test_denial_proofs_of_many_zones_are_bounded() -> None:
    settings = EngineSettings()
    settings.cache_bytes = 300_000
    world = AttackWorld(settings)
    for zone in range(40):
        world.add_zone(f"t{zone}", "www 3600 IN A 192.0.2.1\n", VICTIM_ADDRESS, algorithm=15)
    for zone in range(40):
        assert world.query(f"missing.t{zone}").rcode == RCODE_NXDOMAIN
    denials = world.engine.state.denials
    octets = sum(proof.octets for one in denials.zones.values() for proof in one.proofs.values())
    assert 0 < octets == denials.heap.octets
    assert octets <= denials.capacity_octets + 2000
    assert len(denials.zones) < 40
    world.check_innocent()
