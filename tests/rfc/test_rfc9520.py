"""RFC 9520, Negative Caching of DNS Resolution Failures: section by section, against the engine."""

from collections.abc import Callable

import dns.rcode
import dns.rdatatype
import pytest

from holdfast.base.limits import FAILURE_TTL_MAXIMUM_S
from holdfast.dns.iana import EDE_CACHED_ERROR, EDE_DNSSEC_BOGUS
from tests.rfc.test_rfc8767 import error, servers, silence
from tests.support.engine_world import ROOT_ADDRESS, EngineWorld, Message, plain_settings
from tests.support.outage_world import CHILDREN, OutageWorld
from tests.support.signed_world import SignedWorld, ede_codes, ede_texts

# Names that are asked all the time make failures that others meet when they are about to end.
ASKED_EVERY_S = {
    "www.signed": 301,
    "missing.signed": 401,
    "www.unseen": 3,
    "www.plain": 601,
    "missing.plain": 97,
    "missing": 457,
}
OUTAGE_S = 1_240


def failing_world() -> EngineWorld:
    settings = plain_settings()
    settings.validate = False
    settings.recovery_probe_interval_s = 0
    return EngineWorld(lambda _address, query: error(dns.rcode.SERVFAIL)(query), settings)


def sent_for(world: EngineWorld, name: str) -> int:
    """How many queries an answer costs."""
    before = len(world.sent)
    assert world.ask(name).rcode() == dns.rcode.SERVFAIL
    return len(world.sent) - before


def test_section_2_1_server_failures_are_cached() -> None:
    world = failing_world()
    assert sent_for(world, "www.example") > 0
    assert sent_for(world, "www.example") == 0


def test_section_2_2_timeouts_are_cached_for_the_whole_zone() -> None:
    world = failing_world()
    world.respond = lambda _address, _query: None
    assert sent_for(world, "one.example") > 0
    assert sent_for(world, "two.example") == 0, "no server of the zone answers: other names need not find out again"


def test_section_2_4_validation_failures_are_cached_with_their_cause() -> None:
    world = OutageWorld()
    world.settings.recovery_probe_interval_s = 0
    world.broken = True
    first = world.ask_secure("www.unseen")
    asked = len(world.sent)
    again = world.ask_secure("www.unseen")
    assert first.rcode() == again.rcode() == dns.rcode.SERVFAIL
    assert len(world.sent) == asked
    assert EDE_DNSSEC_BOGUS in ede_codes(first) and EDE_DNSSEC_BOGUS in ede_codes(again)


def test_section_2_4_what_three_servers_sign_badly_is_not_asked_of_more_of_them() -> None:
    world = OutageWorld()
    world.settings.recovery_probe_interval_s = 0
    world.broken = True
    world.ask_secure("www.unseen")
    before = len(world.sent)
    world.ask_secure("www.plain")
    assert len(world.sent) - before <= 6


def test_section_3_1_one_resolution_does_not_ask_a_server_without_end() -> None:
    world = failing_world()
    world.respond = lambda _address, _query: None
    world.ask("www.example")
    questions = [query.question[0].name.to_text() for _, query in world.sent]
    assert 0 < questions.count("www.example.") <= 3


def test_section_3_2_failures_are_kept_from_one_second_to_five_minutes_growing() -> None:
    world = failing_world()
    holds = []
    for _ in range(12):
        assert sent_for(world, "www.example") > 0
        entry = world.engine.state.failures.get(b"\x03www\x07example\x00", 1, world.clock_us)
        assert entry is not None
        holds.append((entry.expires_us - world.clock_us + 999_999) // 1_000_000)
        world.pass_time_us(entry.expires_us - world.clock_us + 3_000_000)
    assert holds[:4] == [1, 2, 4, 8]
    assert max(holds) == FAILURE_TTL_MAXIMUM_S == 300
    assert holds == sorted(holds)


def test_section_3_2_a_cached_failure_says_so_and_since_when() -> None:
    world = failing_world()
    world.ask("www.example")
    world.pass_time_us(500_000)
    world.engine.packets.clear()
    answer = world.ask("www.example")
    assert EDE_CACHED_ERROR in ede_codes(answer)
    assert any("www.example A fails since 0 s, tried 1 times" in text for text in ede_texts(answer))


def test_section_3_2_a_success_ends_the_failure() -> None:
    world = failing_world()
    world.ask("www.example")
    world.respond = lambda _address, query: servers(query)
    world.pass_time_us(4_000_000)
    assert world.ask("www.example").rcode() == dns.rcode.NOERROR
    world.respond = lambda _address, query: error(dns.rcode.SERVFAIL)(query)
    world.pass_time_us(120_000_000)
    world.ask("www.example")
    entry = world.engine.state.failures.get(b"\x03www\x07example\x00", 1, world.clock_us)
    assert entry is not None and entry.failures == 1


def test_section_3_4_retries_of_clients_cost_no_queries_upstream() -> None:
    world = OutageWorld()
    world.broken = True
    for _ in range(100):
        assert world.ask_secure("www.unseen").rcode() == dns.rcode.SERVFAIL
        world.pass_time_us(100_000)
    client_queries = 100
    assert len(world.sent) < client_queries
    assert world.engine.statistics()["packet_cache_hits"] > 80


def test_a_zone_that_comes_back_is_noticed_by_probes_within_seconds() -> None:
    state: dict[str, bool] = {"down": True}

    def respond(_address: str, query: Message) -> Message | None:
        return None if state["down"] else servers(query)

    settings = plain_settings()
    settings.validate = False
    world = EngineWorld(respond, settings)
    for _ in range(20):
        world.ask("www.example")
        world.pass_time_us(2_000_000)
    state["down"] = False
    healed_us = world.clock_us
    while world.ask("www.example").rcode() != dns.rcode.NOERROR:
        world.pass_time_us(500_000)
    assert world.clock_us - healed_us <= 10_000_000


def to_the_root(address: str, _query: Message) -> bool:
    return address == ROOT_ADDRESS


def to_children(address: str, _query: Message) -> bool:
    return address != ROOT_ADDRESS


def for_keys_of_children(address: str, query: Message) -> bool:
    return address != ROOT_ADDRESS and query.question[0].rdtype == dns.rdatatype.DNSKEY


@pytest.mark.parametrize(
    ("fault", "concerns"),
    [
        (silence, to_the_root),
        (silence, to_children),
        (silence, for_keys_of_children),
        (error(dns.rcode.SERVFAIL), to_the_root),
    ],
)
def test_section_3_2_what_follows_from_a_remembered_failure_ends_with_the_same_five_minutes(
    fault: Callable[[Message], Message | None], concerns: Callable[[str, Message], bool]
) -> None:
    settings = plain_settings()
    settings.recovery_probe_interval_s = 0
    settings.last_known_good = False
    settings.serve_stale = False
    world = SignedWorld(CHILDREN, unsigned=("plain",), settings=settings)
    genuine = world.respond
    for name in ASKED_EVERY_S:
        world.ask_secure(name)
    world.pass_time_us(4_000_000_000)  # what is known of them runs out
    world.respond = lambda address, query: fault(query) if concerns(address, query) else genuine(address, query)
    for second in range(1, OUTAGE_S):
        world.pass_time_us(1_000_000)
        for name, every_s in ASKED_EVERY_S.items():
            if second % every_s == 0:
                world.ask_secure(name)
    world.respond = genuine
    healed_us = world.clock_us
    while any(world.ask_secure(name).rcode() == dns.rcode.SERVFAIL for name in ASKED_EVERY_S):
        world.pass_time_us(1_000_000)
    assert world.clock_us - healed_us <= FAILURE_TTL_MAXIMUM_S * 1_000_000
