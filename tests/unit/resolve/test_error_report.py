"""DNS error reporting (RFC 9567): who is told, what, and how often."""

import dns.edns
import dns.rcode
import dns.rdatatype
import pytest

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.resolve.error_report import (
    REPORT_AGAIN_US,
    REPORTS_PER_PERIOD,
    ErrorReports,
    report_name,
)
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import ROOT_ADDRESS, EngineWorld, Message, plain_settings, reply_to

CHILD = "192.0.2.54"
REPORT_CHANNEL = dns.edns.OptionType.REPORTCHANNEL


def agent_option(agent: str) -> dns.edns.Option:
    return dns.edns.GenericOption(REPORT_CHANNEL, wire_name(agent))


def respond(address: str, query: Message) -> Message:
    name = query.question[0].name.to_text()
    if address == ROOT_ADDRESS and name.endswith("broken."):
        response = reply_to(query, [], ["broken. 3600 NS ns.broken."], [f"ns.broken. 3600 A {CHILD}"])
        response.flags &= ~dns.flags.AA
        return response
    response = reply_to(query)
    if address == CHILD:
        response.set_rcode(dns.rcode.SERVFAIL)
        response.use_edns(0, options=[agent_option("Agent.example")])
    elif name.startswith("_er."):
        response = reply_to(query, [f'{name} 60 TXT "thanks"'])
    return response


@pytest.fixture
def world() -> EngineWorld:
    settings = plain_settings()
    settings.error_reporting = True
    return EngineWorld(respond, settings)


def reports(world: EngineWorld) -> list[str]:
    return [
        query.question[0].name.to_text()
        for _, query in world.sent
        if query.question[0].rdtype == dns.rdatatype.TXT and query.question[0].name.to_text().startswith("_er.")
    ]


def test_a_failure_is_reported_once_to_the_agent_of_its_zone(world: EngineWorld) -> None:
    assert world.ask("www.broken", "AAAA").rcode() == dns.rcode.SERVFAIL
    assert reports(world) == ["_er.28.www.broken.23._er.agent.example."]
    world.pass_time_us(61_000_000)
    world.ask("www.broken", "AAAA")
    assert len(reports(world)) == 1
    world.pass_time_us(REPORT_AGAIN_US)
    world.ask("www.broken", "AAAA")
    assert len(reports(world)) == 2


def test_nothing_is_reported_unless_it_is_configured() -> None:
    world = EngineWorld(respond, plain_settings())
    world.ask("www.broken")
    assert reports(world) == []


def test_a_failing_report_is_not_reported(world: EngineWorld) -> None:
    def fail_everywhere(address: str, query: Message) -> Message:
        response = respond(address, query)
        response.set_rcode(response.rcode() if address == ROOT_ADDRESS and response.authority else dns.rcode.SERVFAIL)
        response.use_edns(0, options=[agent_option("agent.broken")])
        return response

    world.respond = fail_everywhere
    world.ask("www.broken")
    assert set(reports(world)) == {"_er.1.www.broken.23._er.agent.broken."}
    assert not any("_er.16." in name for name in reports(world))


@pytest.mark.parametrize("agent", [b"", b"\0", b"\x05agent", b"\x05agent\0more", b"\xc0\x0c"])
def test_unusable_agent_domains_are_none(agent: bytes) -> None:
    world = EngineWorld(respond, plain_settings())
    world.settings.error_reporting = True

    def with_agent(address: str, query: Message) -> Message:
        response = respond(address, query)
        if address == CHILD:
            response.use_edns(0, options=[dns.edns.GenericOption(REPORT_CHANNEL, agent)])
        return response

    world.respond = with_agent
    assert world.ask("www.broken").rcode() == dns.rcode.SERVFAIL
    assert reports(world) == []


def test_names_that_get_too_long_are_not_reported() -> None:
    label = "x" * 60
    assert report_name(wire_name(f"{label}.{label}.{label}"), 1, 7, wire_name("a.example"))
    assert report_name(wire_name(f"{label}.{label}.{label}.{label}"), 1, 7, wire_name("agent.example")) == b""


def test_all_reports_together_are_limited() -> None:
    known = ErrorReports()
    known.agents[wire_name("broken")] = wire_name("agent.example")
    cause = Cause(23, "", "test")
    sent = [known.due(wire_name("broken"), wire_name(f"n{n}.broken"), 1, cause, Instant(0, 0)) for n in range(200)]
    assert sum(1 for name in sent if name) == REPORTS_PER_PERIOD
    later = Instant(61_000_000, 61)
    assert known.due(wire_name("broken"), wire_name("n199.broken"), 1, cause, later)
    assert known.due(wire_name("broken"), wire_name("n0.broken"), 1, Cause(0, "", "test"), later) == b""
