"""Queries that are answered without any work: what they get, and that the packet cache does not hide it."""

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from holdfast.base.settings import AccessRule
from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to


def respond(_address: str, query: Message) -> Message:
    return reply_to(query, [f"{query.question[0].name} 300 A 192.0.2.80"])


@pytest.fixture(params=["empty cache", "cached"])
def world(request: pytest.FixtureRequest) -> EngineWorld:
    """A world in which a.example is not known, or has just been asked for."""
    found = EngineWorld(respond)
    if request.param == "cached":
        assert found.ask("a.example").rcode() == dns.rcode.NOERROR
        found.sent.clear()
    return found


def answer_to(world: EngineWorld, query: Message | bytes) -> Message:
    world.submit(query)
    assert not world.sent
    return world.answers.pop()


def errors(message: Message) -> list[tuple[int, str | None]]:
    return [(option.code, option.text) for option in message.extended_errors()]


def test_a_later_version_of_edns_is_answered_in_ours(world: EngineWorld) -> None:
    # RFC 6891 section 6.1.3: BADVERS (16) has its upper bits in an OPT record of the highest version we speak.
    query = dns.message.make_query("a.example", "A", use_edns=1)
    answer = answer_to(world, query)
    assert answer.rcode() == dns.rcode.BADVERS
    assert (answer.edns, answer.question, answer.answer) == (0, query.question, [])
    assert not answer.flags & dns.flags.CD


def test_options_of_a_later_version_are_not_read(world: EngineWorld) -> None:
    wire = bytearray(dns.message.make_query("a.example", "A", use_edns=1).to_wire())
    wire[-2:] = b"\x00\x03\xff\xff\xff"  # three octets that are no option
    assert answer_to(world, bytes(wire)).rcode() == dns.rcode.BADVERS


def test_without_recursion_desired_nothing_is_told(world: EngineWorld) -> None:
    # Also not what is cached: it would tell what others asked for.
    answer = answer_to(world, dns.message.make_query("a.example", "A", use_edns=0, flags=0))
    assert (answer.rcode(), answer.answer) == (dns.rcode.REFUSED, [])
    assert errors(answer) == [(20, "this is a resolver: set RD, or ask an authoritative server")]


def test_without_recursion_desired_the_cache_answers_if_configured(world: EngineWorld) -> None:
    known = bool(world.engine.queries)
    world.settings.answer_without_recursion_desired = True
    answer = answer_to(world, dns.message.make_query("a.example", "A", flags=0))
    assert (answer.rcode(), bool(answer.answer)) == (dns.rcode.NOERROR, known)


@pytest.mark.parametrize(
    ("rtype", "rcode", "error"),
    [
        ("AXFR", dns.rcode.NOTIMP, (21, "type AXFR is not answered by a resolver")),
        ("TYPE200", dns.rcode.NOTIMP, (21, "type TYPE200 is not answered by a resolver")),
        ("NXNAME", dns.rcode.FORMERR, (30, "type NXNAME stands in NSEC records only")),
        ("TYPE0", dns.rcode.FORMERR, None),
        ("OPT", dns.rcode.FORMERR, None),
    ],
)
def test_types_that_are_no_questions(world: EngineWorld, rtype: str, rcode: int, error: tuple[int, str] | None) -> None:
    answer = answer_to(world, dns.message.make_query("a.example", rtype, use_edns=0))
    assert answer.rcode() == rcode
    assert errors(answer) == ([error] if error else [])


def test_other_classes(world: EngineWorld) -> None:
    answer = answer_to(world, dns.message.make_query("a.example", "A", "HS", use_edns=0))
    assert answer.rcode() == dns.rcode.REFUSED
    assert errors(answer) == [(21, "class 4 is not supported")]


@pytest.mark.parametrize("opcode", [dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE, 15])
def test_other_opcodes(world: EngineWorld, opcode: int) -> None:
    query = dns.message.make_query("a.example", "SOA")
    wire = bytearray(query.to_wire())
    wire[2] = wire[2] & 0x87 | opcode << 3
    answer = answer_to(world, bytes(wire))
    assert (answer.rcode(), answer.id) == (dns.rcode.NOTIMP, query.id)


def test_clients_that_no_rule_allows() -> None:
    settings = plain_settings()
    settings.access_rules = [AccessRule(b"\x7f\0\0\0", 8, True), AccessRule(b"\x7f\1\0\0", 16, False)]
    world = EngineWorld(respond, settings)
    for address, rcode in (("127.0.0.1", dns.rcode.NOERROR), ("127.1.2.3", dns.rcode.REFUSED), ("192.0.2.1", 5)):
        assert world.ask("a.example", address=address).rcode() == rcode
    # Neither does the packet cache serve them, which has the answer by now.
    answer = world.ask("a.example", address="127.1.2.3")
    assert errors(answer) == [(18, "this client address is not allowed to query this resolver")]
    assert not answer.flags & dns.flags.RA


def test_the_rate_limit_drops() -> None:
    settings = plain_settings()
    settings.client_rate_limit_qps = 5
    world = EngineWorld(respond, settings)
    query = dns.message.make_query("a.example", "A")
    for _ in range(30):
        world.submit(query)
    assert len(world.answers) == 10  # two seconds' worth at once
    world.submit(query, address="127.0.0.2")
    assert len(world.answers) == 11
    world.clock_us += 1_000_000
    for _ in range(30):
        world.submit(query)
    assert len(world.answers) == 16
