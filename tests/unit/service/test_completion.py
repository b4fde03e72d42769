"""`answers.minimal = false`: the NS set of the answering zone and addresses that are known."""

import dns.flags
import pytest

from tests.support.engine_world import ROOT_ADDRESS, EngineWorld, Message, plain_settings, reply_to, texts

CHILD = "192.0.2.54"


def respond(address: str, query: Message) -> Message:
    question = query.question[0]
    if address == ROOT_ADDRESS:
        return _referral(query)
    name = question.name.to_text()
    servers = ["example. 3600 NS ns1.example. | ns2.example."]
    if name == "ns1.example.":
        return reply_to(query, ["ns1.example. 3600 A 192.0.2.54"], servers)
    if question.rdtype == dns.rdatatype.MX:
        return reply_to(query, ["example. 300 MX 10 mail.example."])
    if name == "nothing.example.":
        return reply_to(query, [], ["example. 3600 SOA ns1.example. root.example. 1 2 3 4 5"])
    return reply_to(query, [f"{name} 300 A 192.0.2.99"], servers, ["ns2.example. 3600 A 192.0.2.66"])


def _referral(query: Message) -> Message:
    response = reply_to(query, [], ["example. 3600 NS ns1.example."], [f"ns1.example. 3600 A {CHILD}"])
    response.flags &= ~dns.flags.AA
    return response


@pytest.fixture
def world() -> EngineWorld:
    settings = plain_settings()
    settings.minimal_responses = False
    return EngineWorld(respond, settings)


def test_the_name_servers_come_along_and_addresses_only_if_they_were_looked_up(world: EngineWorld) -> None:
    first = world.ask("www.example")
    assert texts(first.authority) == ["example. NS ns1.example.", "example. NS ns2.example."]
    assert first.additional == []  # glue, and what a server volunteers, is not shown
    world.ask("ns1.example")
    assert texts(world.ask("web.example").additional) == ["ns1.example. A 192.0.2.54"]


def test_hosts_of_mx_records_come_along(world: EngineWorld) -> None:
    world.ask("mail.example")
    answer = world.ask("example", "MX")
    assert texts(answer.additional) == ["mail.example. A 192.0.2.99"]


def test_negative_answers_have_no_name_servers(world: EngineWorld) -> None:
    world.ask("www.example")
    assert [line.split()[1] for line in texts(world.ask("nothing.example").authority)] == ["SOA"]


def test_minimal_answers_have_neither() -> None:
    world = EngineWorld(respond)
    world.ask("ns1.example")
    answer = world.ask("www.example")
    assert (answer.authority, answer.additional) == ([], [])


def test_a_small_buffer_leaves_the_extras_out_without_truncation(world: EngineWorld) -> None:
    label = "x" * 60
    name = f"{label}.{label}.{label}.{label}.example"[-240:].lstrip(".")
    servers = [f"example. 3600 NS {' | '.join(f'server-number-{n}.{label}.example.' for n in range(20))}"]
    world.respond = lambda address, query: (
        _referral(query)
        if address == ROOT_ADDRESS
        else reply_to(query, [f"{query.question[0].name} 300 A 192.0.2.1"], servers)
    )
    answer = world.ask(name, edns=False)
    assert answer.answer and not answer.authority
    assert not answer.flags & dns.flags.TC


def test_the_packet_does_not_outlive_what_was_added(world: EngineWorld) -> None:
    world.respond = lambda address, query: (
        _referral(query)
        if address == ROOT_ADDRESS
        else reply_to(query, ["www.example. 3000 A 192.0.2.1"], ["example. 60 NS ns1.example."])
    )
    assert texts(world.ask("www.example").authority)
    world.pass_time_us(61_000_000)
    later = world.ask("www.example")
    assert (texts(later.answer), later.authority) == (["www.example. A 192.0.2.1"], [])
