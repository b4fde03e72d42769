"""Delegations and aliases made to multiply queries: what one client query costs is bounded, and others are served."""

from itertools import count

import pytest

from holdfast.base.effects import TRANSPORT_TCP, TRANSPORT_UDP
from holdfast.base.limits import (
    CNAME_LINKS,
    MINIMISATION_STEPS,
    NAME_SERVERS_PER_ZONE,
    REFERRALS_PER_FETCH,
    RRSET_RECORDS,
    SENDS_PER_ZONE,
    SERVER_NAME_FAILURES_PER_FETCH,
    UPSTREAM_QUERIES_PER_REQUEST,
)
from holdfast.dns.iana import FLAG_RA, RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_SERVFAIL, RCODE_YXDOMAIN
from holdfast.dns.message import Message
from holdfast.dns.name import label_count, suffix, to_text
from tests.support.attack_world import (
    ATTACKER_ADDRESS,
    DEAD_ADDRESS,
    VICTIM_ADDRESS,
    Answer,
    AttackWorld,
    Handler,
    records,
    reply,
)

EDE_OTHER = 0
EDE_NO_REACHABLE_AUTHORITY = 22
WALK = 6  # queries that walking from the root to a zone needs here, DS and DNSKEY included


def attacker(handler: Handler, zone: str = "evil") -> AttackWorld:
    """A world with an unsigned zone whose server does as it likes."""
    world = AttackWorld()
    world.delegate(zone, [f"ns.{zone}"], {f"ns.{zone}": ATTACKER_ADDRESS})
    world.serve(ATTACKER_ADDRESS, handler)
    return world


def cost(world: AttackWorld, name: str | bytes, rtype: str = "A") -> tuple[Answer, int]:
    """Ask between two questions of an innocent client; returns the answer and what it cost in upstream queries."""
    world.check_innocent()
    before = len(world.sent)
    answer = world.query(name, rtype)
    spent = len(world.sent) - before
    assert spent <= UPSTREAM_QUERIES_PER_REQUEST + WALK
    world.check_innocent()
    world.check_books()
    return answer, spent


def referral(query: Message, cut: str, servers: list[str], glue: dict[str, str] | None = None) -> bytes:
    """Refer to name servers with or without addresses."""
    additional = [records(name, "A", address) for name, address in (glue or {}).items()]
    return reply(query, authority=[records(cut, "NS", *(f"{one}." for one in servers))], additional=additional, flags=0)


# -- name servers without addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [5, NAME_SERVERS_PER_ZONE, 1500])
def test_nxnsattack_against_another_zone(names: int) -> None:
    """CVE-2020-12662: a referral to many made-up names in the victim's zone."""
    serial = count()

    def evil(query: Message, transport: int) -> bytes:
        cut = to_text(suffix(query.qname, 2))
        return referral(query, cut, [f"x{next(serial)}.victim" for _ in range(names)])

    world = attacker(evil)
    world.add_zone("victim", "www 3600 IN A 192.0.2.1\n", VICTIM_ADDRESS, signed=False)
    answer, _ = cost(world, "a.sub.evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert world.sent_to(VICTIM_ADDRESS) <= SERVER_NAME_FAILURES_PER_FETCH + WALK


def test_nxnsattack_inside_the_own_zone_recurses_without_end() -> None:
    """Every name server's name leads to a referral to more such names."""
    serial = count()

    def evil(query: Message, transport: int) -> bytes:
        labels = label_count(query.qname)
        cut = to_text(suffix(query.qname, min(labels, 2)))
        return referral(query, cut, [f"n.y{next(serial)}.evil" for _ in range(10)])

    answer, _ = cost(attacker(evil), "a.sub.evil")
    assert answer.rcode == RCODE_SERVFAIL


def test_glueless_circular_delegations() -> None:
    """Each zone's only server is named in the other."""
    world = AttackWorld()
    world.delegate("ping", ["ns.pong"], {})
    world.delegate("pong", ["ns.ping"], {})
    answer, spent = cost(world, "www.ping")
    assert answer.rcode == RCODE_SERVFAIL
    assert EDE_NO_REACHABLE_AUTHORITY in answer.errors
    assert spent <= 12


def test_a_circle_of_many_zones_ends_at_the_depth_limit() -> None:
    world = AttackWorld()
    for number in range(40):
        world.delegate(f"c{number}", [f"ns.c{(number + 1) % 40}"], {})
    answer, _ = cost(world, "www.c0")
    assert answer.rcode == RCODE_SERVFAIL


def test_a_zone_whose_server_is_inside_and_without_glue() -> None:
    world = AttackWorld()
    world.delegate("lost", ["ns.lost"], {})
    answer, spent = cost(world, "www.lost")
    assert answer.rcode == RCODE_SERVFAIL
    assert spent <= 12


# -- referrals ------------------------------------------------------------------------------------------------------


def test_referrals_that_go_deeper_without_end() -> None:
    def evil(query: Message, transport: int) -> bytes:
        for labels in range(2, label_count(query.qname) + 1):
            cut = to_text(suffix(query.qname, labels))
            if cut not in seen:
                seen.add(cut)
                return referral(query, cut, ["ns.evil"], {"ns.evil": ATTACKER_ADDRESS})
        return reply(query, [records(to_text(query.qname), "A", "192.0.2.1")])

    seen: set[str] = set()
    world = attacker(evil)
    world.settings.qname_minimisation = False
    name = ".".join(["a"] * 100) + ".evil"
    answer, spent = cost(world, name)
    assert answer.rcode == RCODE_SERVFAIL
    assert "too many referrals" in answer.errors[EDE_OTHER]
    assert spent <= REFERRALS_PER_FETCH + WALK


@pytest.mark.parametrize("where", ["evil", ".", "innocent"])
def test_referrals_to_itself_upwards_and_sideways_are_useless(where: str) -> None:
    def evil(query: Message, transport: int) -> bytes:
        return referral(query, where, ["ns.evil"], {"ns.evil": ATTACKER_ADDRESS})

    world = attacker(evil)
    answer, spent = cost(world, "www.evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert spent <= SENDS_PER_ZONE + WALK
    assert not [1 for address, name, _ in world.sent if address == ATTACKER_ADDRESS and name.endswith(b"innocent\x00")]


def test_a_delegation_to_silent_addresses() -> None:
    """Twenty name servers with addresses where nobody answers."""
    glue = {f"n{number}.evil": f"198.51.100.{number + 1}" for number in range(NAME_SERVERS_PER_ZONE)}

    def evil(query: Message, transport: int) -> bytes:
        return referral(query, to_text(suffix(query.qname, 2)), list(glue), glue)

    answer, spent = cost(attacker(evil), "www.sub.evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert spent <= SENDS_PER_ZONE + WALK + 1


def test_a_dead_zone_costs_less_each_time_it_is_asked_for() -> None:
    world = AttackWorld()
    world.delegate("dead", ["ns.dead"], {"ns.dead": DEAD_ADDRESS})
    first, spent = cost(world, "www.dead")
    assert first.rcode == RCODE_SERVFAIL
    assert spent <= SENDS_PER_ZONE + WALK
    before = world.sent_to(DEAD_ADDRESS)
    for number in range(50):
        assert world.query(f"h{number}.dead").rcode == RCODE_SERVFAIL
    assert world.sent_to(DEAD_ADDRESS) - before <= 3 * 50


def test_resolvers_as_name_servers_are_lame_not_asked_further() -> None:
    """TsuKing: delegations to resolvers, each of which would work for us."""
    glue = {f"r{number}.evil": f"198.51.100.{number + 1}" for number in range(20)}
    asked: list[int] = []

    def evil(query: Message, transport: int) -> bytes:
        return referral(query, to_text(suffix(query.qname, 2)), list(glue), glue)

    def resolver(query: Message, transport: int) -> bytes:
        asked.append(query.qtype)
        return reply(query, rcode=RCODE_SERVFAIL, flags=FLAG_RA)

    world = attacker(evil)
    for address in glue.values():
        world.serve(address, resolver)
    answer, _ = cost(world, "www.sub.evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert len(asked) <= SENDS_PER_ZONE


# -- aliases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 5])
def test_cname_loops(length: int) -> None:
    text = "".join(f"l{number} 3600 IN CNAME l{(number + 1) % length}\n" for number in range(length))
    world = AttackWorld()
    world.add_zone("loop", text)
    answer, spent = cost(world, "l0.loop")
    assert answer.rcode == RCODE_SERVFAIL
    assert "CNAME loop" in answer.errors[EDE_OTHER]
    assert spent <= length + WALK


def test_a_cname_chain_without_end() -> None:
    serial = count()

    def evil(query: Message, transport: int) -> bytes:
        return reply(query, [records(to_text(query.qname), "CNAME", f"n{next(serial)}.evil.")])

    answer, spent = cost(attacker(evil), "start.evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert "longer than" in answer.errors[EDE_OTHER]
    assert spent <= CNAME_LINKS + WALK


def test_a_cname_chain_in_one_huge_response() -> None:
    def evil(query: Message, transport: int) -> bytes:
        chain = [records(f"n{number}.evil", "CNAME", f"n{number + 1}.evil.") for number in range(1500)]
        return reply(query, [records(to_text(query.qname), "CNAME", "n0.evil."), *chain])

    answer, spent = cost(attacker(evil), "start.evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert len(answer.message.answer) <= CNAME_LINKS
    assert spent <= 2 * CNAME_LINKS + WALK


def test_a_chain_across_zones() -> None:
    world = AttackWorld()
    for number in range(30):
        world.add_zone(f"z{number}", f"www 3600 IN CNAME www.z{number + 1}.\n")
    answer, spent = cost(world, "www.z0")
    assert answer.rcode == RCODE_SERVFAIL
    assert spent <= CNAME_LINKS * 3 + WALK


def test_dname_loops() -> None:
    world = AttackWorld()
    world.add_zone("ding", "sub 3600 IN DNAME sub.dong.\n")
    world.add_zone("dong", "sub 3600 IN DNAME sub.ding.\n")
    answer, spent = cost(world, "www.sub.ding")
    assert answer.rcode == RCODE_SERVFAIL
    assert "CNAME loop" in answer.errors[EDE_OTHER]
    assert spent <= 2 * WALK


def test_a_dname_that_makes_names_longer_and_longer() -> None:
    world = AttackWorld()
    label = "x" * 60
    world.add_zone("grow", f"g 3600 IN DNAME {label}.g\n")
    answer, spent = cost(world, "www.g.grow")
    assert answer.rcode == RCODE_YXDOMAIN
    assert spent <= CNAME_LINKS + WALK


# -- names and sizes ---------------------------------------------------------------------------------------------------


def test_a_name_of_127_labels_is_minimised_in_few_steps() -> None:
    world = AttackWorld()
    world.add_zone("e", "www 3600 IN A 192.0.2.1\n", signed=False)
    answer, spent = cost(world, ".".join(["a"] * 126) + ".e")
    assert answer.rcode == RCODE_NXDOMAIN
    assert spent <= MINIMISATION_STEPS + WALK


def test_minimisation_of_a_name_whose_every_part_exists_is_bounded() -> None:
    def evil(query: Message, transport: int) -> bytes:
        return reply(query, authority=[records("e", "SOA", "ns.e. h.e. 1 2 3 4 5")])

    answer, spent = cost(attacker(evil, "e"), ".".join(["a"] * 126) + ".e")
    assert (answer.rcode, answer.message.answer) == (RCODE_NOERROR, [])
    assert spent <= MINIMISATION_STEPS + WALK


def test_camp_aliases_times_minimisation_share_the_budget() -> None:
    """Each link has a name of many labels, so that minimisation multiplies the links."""
    serial = count()

    def evil(query: Message, transport: int) -> bytes:
        if label_count(query.qname) < 100:
            return reply(query, authority=[records("evil", "SOA", "ns.evil. h.evil. 1 2 3 4 5")])
        target = f"n{next(serial)}." + ".".join(["b"] * 100) + ".evil."
        return reply(query, [records(to_text(query.qname), "CNAME", target)])

    answer, spent = cost(attacker(evil), ".".join(["a"] * 100) + ".evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert spent <= UPSTREAM_QUERIES_PER_REQUEST


def test_a_spent_query_budget_says_so() -> None:
    serial = count()

    def evil(query: Message, transport: int) -> bytes | None:
        if query.qname == b"\x05start\x04evil\x00" or label_count(query.qname) > 90:
            target = f"n{next(serial)}." + ".".join(["b"] * 99) + ".evil."
            return reply(query, [records(to_text(query.qname), "CNAME", target)])
        return reply(query, authority=[records("evil", "SOA", "ns.evil. h.evil. 1 2 3 4 5")])

    world = attacker(evil)
    number = world.ask("start.evil")
    request = next(iter(world.engine.waiting.values())).request
    assert request is not None
    request.budget.queries = 10
    world.run(lambda: number in world.answers)
    answer = world.answers[number]
    assert answer.rcode == RCODE_SERVFAIL
    assert "too many queries needed" in answer.errors[EDE_OTHER]
    assert len(world.sent) <= 12


@pytest.mark.parametrize("size", [RRSET_RECORDS, RRSET_RECORDS + 1, 1900])
def test_huge_rrsets_over_tcp(size: int) -> None:
    addresses = [f"10.{number >> 8}.{number & 255}.1" for number in range(size)]

    def evil(query: Message, transport: int) -> bytes:
        return reply(query, [records(to_text(query.qname), "A", *addresses)])

    answer, spent = cost(attacker(evil), "big.evil")
    if size <= RRSET_RECORDS:
        assert answer.rcode == RCODE_NOERROR
    else:
        assert answer.rcode == RCODE_SERVFAIL
        assert f"more than {RRSET_RECORDS} records" in " ".join(answer.errors.values())
    assert spent <= SENDS_PER_ZONE + WALK


def test_a_response_of_64_kib_of_anything() -> None:
    def evil(query: Message, transport: int) -> bytes:
        text = records(to_text(query.qname), "TXT", *(f'"{number} {"x" * 240}"' for number in range(240)))
        return reply(query, [text])

    world = attacker(evil)
    answer, spent = cost(world, "big.evil", "TXT")
    assert answer.rcode == RCODE_NOERROR
    assert answer.message.flags & 0x0200  # TC: the client comes again over TCP
    number = world.ask("big.evil", "TXT", transport=TRANSPORT_TCP)
    world.run(lambda: number in world.answers)
    assert len(world.answers[number].rdatas("TXT")) == 240
    assert spent <= WALK


def test_truncation_over_udp_and_silence_over_tcp() -> None:
    def evil(query: Message, transport: int) -> bytes | None:
        return reply(query, flags=0x0200) if transport == TRANSPORT_UDP else None

    answer, spent = cost(attacker(evil), "www.evil")
    assert answer.rcode == RCODE_SERVFAIL
    assert spent <= 2 * SENDS_PER_ZONE + WALK


def test_hundreds_of_signatures_over_one_rrset() -> None:
    """None of them can be checked against a key, and all of them are looked at only once."""

    def evil(query: Message, transport: int) -> bytes:
        rrset = records(to_text(query.qname), "A", "192.0.2.1")
        signature = b"\x00\x01\x0d\x02" + b"\x00\x00\x0e\x10" + b"\x7f\xff\xff\xff" + b"\x00\x00\x00\x01"
        rrset.signatures = [
            signature + number.to_bytes(2, "big") + b"\x04evil\x00" + bytes(64) for number in range(500)
        ]
        return reply(query, [rrset])

    world = attacker(evil)
    answer, spent = cost(world, "www.evil")
    assert answer.rcode == RCODE_NOERROR  # unsigned zone: nothing to check
    assert spent <= WALK
