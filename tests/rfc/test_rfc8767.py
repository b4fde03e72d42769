"""RFC 8767, Serving Stale Data to Improve DNS Resiliency: section by section, against the engine."""

from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import pytest

from holdfast.dns.iana import EDE_STALE_ANSWER, EDE_STALE_NXDOMAIN_ANSWER
from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to, texts
from tests.support.signed_world import ede_codes, ede_texts

DAY_US = 86_400_000_000
SOA_LINE = "example. 60 SOA ns1.example. host.example. 1 7200 3600 1209600 60"

Answer = Callable[[Message], Message | None]


def servers(query: Message) -> Message | None:
    """What the authoritative servers say while all is well."""
    name = query.question[0].name.to_text()
    if name == "www.example.":
        return reply_to(query, ["www.example. 60 A 192.0.2.1"])
    if name == "alias.example.":
        return reply_to(query, ["alias.example. 60 CNAME target.example."])
    if name == "target.example.":
        return reply_to(query, ["target.example. 60 A 192.0.2.2"])
    denial = reply_to(query, [], [SOA_LINE])
    denial.set_rcode(dns.rcode.NXDOMAIN)
    return denial


def error(rcode: dns.rcode.Rcode) -> Answer:
    def answer(query: Message) -> Message:
        response = reply_to(query)
        response.set_rcode(rcode)
        return response

    return answer


def silence(_query: Message) -> None:
    return None


class StaleWorld(EngineWorld):
    """One zone whose servers can be changed."""

    def __init__(self) -> None:
        self.servers: Answer = servers
        settings = plain_settings()
        settings.validate = False
        super().__init__(lambda _address, query: self.servers(query), settings)

    def expire(self, seconds: int = 3600) -> None:
        self.pass_time_us(seconds * 1_000_000)


def warmed(*names: str) -> StaleWorld:
    world = StaleWorld()
    for name in names or ("www.example",):
        world.ask(name)
    world.expire()
    return world


def test_section_4_a_ttl_with_the_highest_bit_counts_as_zero() -> None:
    world = StaleWorld()
    world.servers = lambda query: reply_to(query, ["www.example. 2147483647 A 192.0.2.1"])
    assert world.ask("www.example").answer[0].ttl == world.settings.maximum_ttl_s


@pytest.mark.parametrize("failing", [silence, error(dns.rcode.SERVFAIL), error(dns.rcode.REFUSED)])
def test_section_4_data_past_its_ttl_is_used_when_no_fresh_answer_can_be_had(failing: Answer) -> None:
    world = warmed()
    world.servers = failing
    answer = world.ask("www.example")
    assert answer.rcode() == dns.rcode.NOERROR
    assert texts(answer.answer) == ["www.example. A 192.0.2.1"]
    assert EDE_STALE_ANSWER in ede_codes(answer)


def test_section_4_stale_records_have_a_ttl_of_30_seconds() -> None:
    world = warmed()
    world.servers = silence
    assert world.ask("www.example").answer[0].ttl == 30


def test_section_4_an_authoritative_answer_replaces_stale_data_whatever_it_is() -> None:
    world = warmed()
    world.servers = _denied
    answer = world.ask("www.example")
    assert answer.rcode() == dns.rcode.NXDOMAIN and not answer.answer
    world.expire()
    world.servers = silence
    answer = world.ask("www.example")
    assert answer.rcode() == dns.rcode.NXDOMAIN, "the denial is what is stale now"
    assert EDE_STALE_NXDOMAIN_ANSWER in ede_codes(answer)


def _denied(query: Message) -> Message:
    response = reply_to(query, [], [SOA_LINE])
    response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def test_section_5_client_response_timer_answers_stale_while_resolution_goes_on() -> None:
    world = warmed()
    world.servers = silence
    begun_us = world.clock_us
    world.submit(dns.message.make_query("www.example", "A", use_edns=0))
    assert world.answers == []
    while not world.answers:
        world.next_timer()
    assert world.clock_us - begun_us == world.settings.client_response_timer_ms * 1000 == 1_800_000
    world.servers = servers
    for _ in range(10):
        world.next_timer()
        if world.engine.state.rrsets.get(b"\x03www\x07example\x00", 1, world.clock_us) is not None:
            break
    assert world.ask("www.example").answer[0].ttl > 30, "the resolution that went on refreshed the cache"


def test_section_5_query_resolution_timer_bounds_the_whole_resolution() -> None:
    world = StaleWorld()
    world.servers = silence
    begun_us = world.clock_us
    answer = world.ask("never.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert world.clock_us - begun_us <= 10_000_000


def test_section_5_failure_recheck_timer_keeps_servers_from_being_asked_again() -> None:
    world = warmed()
    world.settings.recovery_probe_interval_s = 0
    world.servers = error(dns.rcode.SERVFAIL)
    world.ask("www.example")
    asked = len(world.sent)
    for _ in range(5):
        world.pass_time_us(5_000_000)
        assert world.ask("www.example").answer
    assert len(world.sent) == asked, "within 30 s nobody is asked"
    world.pass_time_us(6_000_000)
    world.ask("www.example")
    assert len(world.sent) > asked


def test_section_5_maximum_stale_timer_bounds_the_age() -> None:
    world = warmed()
    world.servers = error(dns.rcode.SERVFAIL)
    world.pass_time_us(2 * DAY_US)
    assert world.ask("www.example").answer
    world.pass_time_us(DAY_US)
    assert world.ask("www.example").rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(
    ("setting", "failing"),
    [("maximum_stale_unreachable_s", silence), ("maximum_stale_error_s", error(dns.rcode.SERVFAIL))],
)
def test_section_5_each_kind_of_failure_has_its_own_switch(setting: str, failing: Answer) -> None:
    world = warmed()
    setattr(world.settings, setting, 0)
    world.servers = failing
    assert world.ask("www.example").rcode() == dns.rcode.SERVFAIL


def test_section_6_a_stale_alias_does_not_keep_its_target_from_being_resolved() -> None:
    world = warmed("alias.example")

    def only_target(query: Message) -> Message | None:
        if query.question[0].name.to_text() == "target.example.":
            return reply_to(query, ["target.example. 60 A 192.0.2.99"])
        return error(dns.rcode.SERVFAIL)(query)

    world.servers = only_target
    answer = world.ask("alias.example")
    assert texts(answer.answer) == ["alias.example. CNAME target.example.", "target.example. A 192.0.2.99"]
    assert [rrset.ttl for rrset in answer.answer] == [30, 60]


def test_section_6_answers_say_why_and_how_old_they_are() -> None:
    world = warmed()
    world.servers = error(dns.rcode.SERVFAIL)
    answer = world.ask("www.example")
    text = "; ".join(ede_texts(answer))
    assert "www.example A expired 59 min 0 s ago" in text
    assert "SERVFAIL from 192.0.2.53" in text


def test_section_7_without_serve_stale_nothing_stale_is_served() -> None:
    world = warmed()
    world.settings.serve_stale = False
    world.servers = error(dns.rcode.SERVFAIL)
    assert world.ask("www.example").rcode() == dns.rcode.SERVFAIL


def test_section_7_a_timer_of_zero_answers_stale_at_once_and_refreshes() -> None:
    world = warmed()
    world.settings.client_response_timer_ms = 0
    begun_us = world.clock_us
    world.servers = lambda query: reply_to(query, ["www.example. 60 A 192.0.2.77"])
    answer = world.ask("www.example")
    assert texts(answer.answer) == ["www.example. A 192.0.2.1"]
    assert world.clock_us - begun_us < 10_000
    assert texts(world.ask("www.example").answer) == ["www.example. A 192.0.2.77"]
