"""Forged and malicious responses: what does not belong to a question is neither believed nor kept nor handed out."""

import pytest

from holdfast.base.effects import TRANSPORT_UDP, Client
from holdfast.base.limits import MISMATCHES_PER_QUERY
from holdfast.dns.iana import FLAG_AA, FLAG_QR, RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_SERVFAIL
from holdfast.dns.message import Message, parse
from holdfast.dns.name import to_text
from holdfast.dns.rrset import RRset
from holdfast.dns.writer import build_query
from holdfast.registry.zone import wire_name
from tests.support.attack_world import ATTACKER_ADDRESS, VICTIM_ADDRESS, AttackWorld, records, reply

TRUE_ADDRESS = bytes([192, 0, 2, 1])
FALSE_ADDRESS = bytes([6, 6, 6, 6])
TARGET = "www.victim"


def victim_world() -> AttackWorld:
    """An unsigned zone that a forger is after: no signature would give him away."""
    world = AttackWorld()
    world.add_zone("victim", "www 3600 IN A 192.0.2.1\n", VICTIM_ADDRESS, signed=False)
    return world


def asked(world: AttackWorld) -> tuple[int, int, Message]:
    """Ask for the target, and stop when its server has been asked: question, exchange, query."""
    number = world.ask(TARGET)
    world.run(lambda: world.sent_to(VICTIM_ADDRESS) == 1)
    exchange, _, _, query = world.open_exchange("victim")
    return number, exchange, query


def changed(wire: bytes, offset: int, octets: bytes) -> bytes:
    return wire[:offset] + octets + wire[offset + len(octets) :]


def forgery(query: Message) -> bytes:
    return reply(query, [records(TARGET, "A", "6.6.6.6")])


def check_unharmed(world: AttackWorld, number: int) -> None:
    world.run(lambda: number in world.answers)
    assert world.answers[number].rdatas("A") == [TRUE_ADDRESS]
    assert world.query(TARGET, client="127.0.0.2").rdatas("A") == [TRUE_ADDRESS]


def test_a_perfect_forgery_would_be_believed() -> None:
    """So the other tests fail for the reason that they name."""
    world = victim_world()
    number, exchange, query = asked(world)
    world.inject(exchange, VICTIM_ADDRESS, forgery(query))
    world.run(lambda: number in world.answers)
    assert world.answers[number].rdatas("A") == [FALSE_ADDRESS]


def test_wrong_ids() -> None:
    world = victim_world()
    number, exchange, query = asked(world)
    for guess in range(1, MISMATCHES_PER_QUERY):
        wrong = ((query.id + guess) & 0xFFFF).to_bytes(2, "big")
        world.inject(exchange, VICTIM_ADDRESS, changed(forgery(query), 0, wrong))
    check_unharmed(world, number)


def test_wrong_source_address() -> None:
    world = victim_world()
    number, exchange, query = asked(world)
    for address in (ATTACKER_ADDRESS, "192.0.2.67", "::1"):
        world.inject(exchange, address, forgery(query))
    check_unharmed(world, number)


@pytest.mark.parametrize("name", ["wwx.victim", "victim", "www.victin", "a.www.victim"])
def test_wrong_question(name: str) -> None:
    world = victim_world()
    number, exchange, query = asked(world)
    other = build_query(query.id, wire_name(name), 1, 0, 0, False, [])
    parsed = parse(other)
    assert parsed is not None
    world.inject(exchange, VICTIM_ADDRESS, reply(parsed, [records(TARGET, "A", "6.6.6.6")]))
    check_unharmed(world, number)


def test_wrong_type_class_or_no_question() -> None:
    world = victim_world()
    number, exchange, query = asked(world)
    good = forgery(query)
    end = 12 + len(query.qname)
    for wire in (
        changed(good, end, b"\x00\x1c"),
        changed(good, end + 2, b"\x00\x03"),
        good[:4] + b"\x00\x00" + good[6:12],
    ):
        world.inject(exchange, VICTIM_ADDRESS, wire)
    check_unharmed(world, number)


def test_a_query_instead_of_a_response() -> None:
    world = victim_world()
    number, exchange, query = asked(world)
    wire = forgery(query)
    world.inject(exchange, VICTIM_ADDRESS, changed(wire, 2, bytes([wire[2] & 0x7F])))
    check_unharmed(world, number)


def test_wrong_letter_case_with_0x20() -> None:
    world = victim_world()
    world.settings.randomise_query_case = True
    number, exchange, query = asked(world)
    assert query.qname_wire != query.qname, "the seed shuffles no letter of this name: choose another"
    wire = forgery(query)
    world.inject(exchange, VICTIM_ADDRESS, changed(wire, 12, query.qname))
    check_unharmed(world, number)


def test_wrong_client_cookie() -> None:
    world = victim_world()
    number, exchange, query = asked(world)
    cookie = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x14\x00\x0a\x00\x10" + b"guessed!server!!"
    wire = forgery(query)
    world.inject(exchange, VICTIM_ADDRESS, changed(wire, 10, b"\x00\x01") + cookie)
    check_unharmed(world, number)


def test_a_flood_of_guesses_moves_the_question_to_tcp() -> None:
    """RFC 5452 section 9.2: a resolver that sees itself under attack can fall back to TCP."""
    world = victim_world()
    number, exchange, query = asked(world)
    for guess in range(1, 65536):
        wrong = ((query.id + guess) & 0xFFFF).to_bytes(2, "big")
        world.inject(exchange, VICTIM_ADDRESS, changed(forgery(query), 0, wrong))
    world.inject(exchange, VICTIM_ADDRESS, forgery(query))  # the right guess, too late
    assert world.engine.statistics()["upstream_suspicions"] == 1
    assert world.engine.statistics()["upstream_mismatches"] == MISMATCHES_PER_QUERY
    check_unharmed(world, number)
    assert world.engine.statistics()["upstream_tcp_queries"] == 1


# -- records that a server has no say in ------------------------------------------------------------------------------


def evil_world(**sections: list[RRset]) -> AttackWorld:
    """The zone "evil" answers everything as its owner likes, next to the victim."""
    world = victim_world()
    world.delegate("evil", ["ns.evil"], {"ns.evil": ATTACKER_ADDRESS})

    def evil(query: Message, transport: int) -> bytes:
        own = records(to_text(query.qname), "A", "192.0.2.99")
        return reply(
            query, [own, *sections.get("answer", [])], sections.get("authority", []), sections.get("additional", [])
        )

    world.serve(ATTACKER_ADDRESS, evil)
    return world


@pytest.mark.parametrize("section", ["answer", "authority", "additional"])
@pytest.mark.parametrize(
    ("owner", "rtype", "data"),
    [
        (TARGET, "A", "6.6.6.6"),
        ("victim", "NS", "ns.evil."),
        ("ns.victim", "A", "192.0.2.99"),
        (".", "NS", "ns.evil."),
        ("ns", "A", "192.0.2.99"),
        (TARGET, "CNAME", "www.evil."),
        ("victim", "DNAME", "evil."),
        ("victim", "SOA", "ns.evil. h.evil. 1 2 3 4 5"),
    ],
)
def test_records_out_of_bailiwick_are_ignored(section: str, owner: str, rtype: str, data: str) -> None:
    world = evil_world(**{section: [records(owner, rtype, data)]})
    assert world.query("www.evil").rcode == RCODE_NOERROR
    before = world.sent_to(ATTACKER_ADDRESS)
    assert world.query(TARGET).rdatas("A") == [TRUE_ADDRESS]
    assert world.sent_to(ATTACKER_ADDRESS) == before
    world.check_innocent()


def test_a_sibling_zone_cannot_be_redirected_by_a_referral() -> None:
    """A referral for the victim's zone from the attacker's server, and one with glue for the victim's server."""
    world = victim_world()
    world.delegate("evil", ["ns.evil"], {"ns.evil": ATTACKER_ADDRESS})

    def evil(query: Message, transport: int) -> bytes:
        if query.qname.endswith(b"\x03sub\x04evil\x00"):
            glue = records("ns.victim", "A", "192.0.2.99")
            return reply(query, authority=[records("sub.evil", "NS", "ns.victim.")], additional=[glue], flags=0)
        return reply(query, authority=[records("victim", "NS", "ns.evil.")], flags=0)

    world.serve(ATTACKER_ADDRESS, evil)
    world.query("www.evil")
    world.query("www.sub.evil")
    before = world.sent_to(ATTACKER_ADDRESS)
    assert world.query(TARGET).rdatas("A") == [TRUE_ADDRESS]
    assert world.sent_to(ATTACKER_ADDRESS) == before


def test_kaminsky_a_forged_referral_for_a_made_up_name_needs_the_id() -> None:
    """Random names below the victim, each with forged referrals to the attacker: none is let in."""
    world = victim_world()
    world.query(TARGET)
    for attempt in range(50):
        number = world.ask(f"r{attempt}.victim", client="127.0.0.9")
        exchange, _, _, query = world.open_exchange("victim")
        forged = reply(
            query, authority=[records("victim", "NS", "ns.evil.")], additional=[records("ns.evil", "A", "192.0.2.99")]
        )
        for guess in range(1, 10):
            wrong = ((query.id + guess) & 0xFFFF).to_bytes(2, "big")
            world.inject(exchange, VICTIM_ADDRESS, changed(forged, 0, wrong))
        world.run(lambda asked_for=number: asked_for in world.answers)  # type: ignore[misc]
        assert world.answers[number].rcode == RCODE_NXDOMAIN
    assert world.sent_to(ATTACKER_ADDRESS) == 0


def test_a_forged_answer_in_a_signed_zone_is_not_accepted_even_if_it_gets_in() -> None:
    world = AttackWorld()
    number = world.ask("forged.innocent")
    world.run(lambda: world.sent_to("192.0.2.10") == 1)
    exchange, _, address, query = world.open_exchange("innocent")
    world.inject(exchange, address, reply(query, [records("forged.innocent", "A", "6.6.6.6")]))
    world.run(lambda: number in world.answers)
    assert world.answers[number].rdatas("A") in ([], [bytes([203, 0, 113, 1])])
    world.check_innocent()


def test_glue_is_not_handed_out() -> None:
    """The parent's glue says one address, the zone itself another: clients get the zone's word."""
    world = AttackWorld()
    world.add_zone(
        "victim", "", VICTIM_ADDRESS, signed=False, change=lambda zone: zone.nodes[wire_name("ns.victim")].clear()
    )
    assert world.query("ns.victim").rdatas("A") == []


def test_data_of_a_child_does_not_prolong_its_delegation() -> None:
    """Ghost domains: NS records from the child do not renew what the parent has withdrawn."""
    world = AttackWorld()
    world.delegate("evil", ["ns.evil"], {"ns.evil": ATTACKER_ADDRESS})

    def evil(query: Message, transport: int) -> bytes:
        own = records("evil", "NS", "ns.evil.", ttl=86400)
        return reply(query, [records(to_text(query.qname), "A", "192.0.2.99", ttl=1)], [own])

    world.serve(ATTACKER_ADDRESS, evil)
    world.query("www.evil")
    delegation = world.engine.state.delegations.get(wire_name("evil"), world.clock_us)
    assert delegation is not None
    until_us = delegation.expires_us
    for _ in range(5):
        world.clock_us += 600_000_000
        world.query("www.evil")
        world.query("evil", "NS")
    current = world.engine.state.delegations.get(wire_name("evil"), world.clock_us)
    assert current is not None
    assert current.expires_us == until_us


# -- reflection ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rcode", [RCODE_NOERROR, RCODE_SERVFAIL, 1])
def test_a_response_is_never_answered(rcode: int) -> None:
    """Two servers that answer each other's error messages would do so for ever (CVE-2024-2169)."""
    world = victim_world()
    query = build_query(1, wire_name(TARGET), 1, FLAG_QR | FLAG_AA | rcode, 1232, True, [])
    number = world.send(query)
    assert number in world.dropped and number not in world.answers
    assert world.sent == []


@pytest.mark.parametrize("wire", [b"", b"\x00" * 11, b"\x00\x01\x80" + b"\x00" * 30, b"\xff" * 40])
def test_garbage_that_could_be_a_response_is_never_answered(wire: bytes) -> None:
    world = victim_world()
    number = world.send(wire)
    assert number in world.dropped and number not in world.answers


def test_an_error_is_no_larger_than_its_query() -> None:
    """A forged source address gets nothing amplified out of garbage."""
    world = victim_world()
    for wire in (
        b"\x00\x01\x08" + b"\x00" * 9,
        b"\x00\x01\x01\x00\x00\x02" + b"\x00" * 6,
        b"\x00\x01\x01\x00\x00\x01" + b"\x00" * 6,
    ):
        answer = world.engine.receive_client_query(Client(b"\x7f\x00\x00\x01", TRANSPORT_UDP, 0), wire, world.now())
        assert answer is not None
        assert len(answer) <= len(wire)
