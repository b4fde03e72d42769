"""KeyTrap (CVE-2023-50387): zones made so that many keys and many signatures have to be tried in vain."""

from itertools import combinations

import pytest

from holdfast.base.limits import (
    DNSKEYS_PER_ZONE,
    KEYS_PER_TAG,
    SIGNATURE_CHECKS_PER_REQUEST,
    SIGNATURE_CHECKS_PER_RRSET,
)
from holdfast.dns.iana import RCODE_NOERROR, RCODE_SERVFAIL, TYPE_A, TYPE_DNSKEY
from holdfast.dns.message import Message
from holdfast.dns.rdata import key_tag
from holdfast.lab.broken import key_of
from holdfast.registry.zone import Zone, wire_name
from tests.support.attack_world import ATTACKER_ADDRESS, START_S, AttackWorld, reply

EDE_OTHER = 0
EDE_BOGUS = 6
DAY_S = 86400


def colliding_key(genuine: bytes, number: int) -> bytes:
    """Another DNSKEY RDATA with the same key tag: a sum of 16-bit words does not notice when two of them swap."""
    first, second = list(combinations(range(4, len(genuine) - 1, 2), 2))[number]
    body = bytearray(genuine)
    body[first : first + 2], body[second : second + 2] = genuine[second : second + 2], genuine[first : first + 2]
    assert key_tag(bytes(body)) == key_tag(genuine)
    return bytes(body)


def forged(signature: bytes, number: int) -> bytes:
    """The same RRSIG with another signature."""
    return signature[:-8] + number.to_bytes(8, "big")


class Trap:
    """Gives a zone many colliding keys and each address record many worthless signatures."""

    def __init__(self, keys: int, signatures: int) -> None:
        self.keys = keys
        self.signatures = signatures

    def __call__(self, zone: Zone) -> None:
        key = key_of(zone)
        dnskeys = zone.nodes[zone.name][TYPE_DNSKEY]
        dnskeys.rdatas += [colliding_key(key.dnskey, number) for number in range(self.keys)]
        dnskeys.signatures = [key.sign(dnskeys, zone.name, START_S - DAY_S, START_S + DAY_S)]
        for node in zone.nodes.values():
            if TYPE_A in node:
                genuine = node[TYPE_A].signatures[0]
                node[TYPE_A].signatures = [forged(genuine, number) for number in range(self.signatures)]


@pytest.mark.parametrize(("keys", "signatures"), [(30, 1), (1, 100), (30, 100), (200, 200)])
def test_colliding_keys_times_signatures_are_bounded(keys: int, signatures: int) -> None:
    world = AttackWorld()
    world.add_zone("trap", "www 3600 IN A 192.0.2.1\n", change=Trap(keys, signatures))
    world.check_innocent()
    before = world.verifier.checks
    answer = world.query("www.trap")
    assert answer.rcode == RCODE_SERVFAIL
    assert EDE_OTHER in answer.errors or EDE_BOGUS in answer.errors
    # Of the address record at the server and at no other (there is one server), and the links above it.
    assert world.verifier.checks - before <= 2 * SIGNATURE_CHECKS_PER_RRSET + 4
    world.check_innocent()
    world.check_books()


def test_the_cause_names_the_limit() -> None:
    world = AttackWorld()
    world.add_zone("trap", "www 3600 IN A 192.0.2.1\n", change=Trap(20, 50))
    assert "validation work limit reached for www.trap/A" in world.query("www.trap").errors[EDE_OTHER]


def test_one_key_of_the_few_that_are_tried_is_enough() -> None:
    world = AttackWorld()
    zone = world.add_zone("trap", "www 3600 IN A 192.0.2.1\n", change=Trap(KEYS_PER_TAG - 1, 0))
    key = key_of(zone)
    rrset = zone.nodes[wire_name("www.trap")][TYPE_A]
    rrset.signatures = [key.sign(rrset, zone.name, START_S - DAY_S, START_S + DAY_S)]
    answer = world.query("www.trap")
    assert (answer.rcode, answer.secure) == (RCODE_NOERROR, True)


def test_many_keys_in_one_zone_are_read_up_to_the_limit() -> None:
    world = AttackWorld()
    world.add_zone("trap", "www 3600 IN A 192.0.2.1\n", change=Trap(400, 0))
    world.query("www.trap")
    trust = world.engine.state.trust.get(wire_name("trap"), world.clock_us)
    assert trust is not None
    assert 0 < len(trust.keys) <= DNSKEYS_PER_ZONE


def test_a_chain_of_trap_zones_shares_one_budget() -> None:
    """Eleven aliases through eleven trap zones: without a budget per request this would be eleven times the work."""
    world = AttackWorld()
    links = 11
    for number in range(links):
        target = f"www.trap{number + 1}." if number + 1 < links else "h.innocent."
        world.add_zone(f"trap{number}", f"www 3600 IN CNAME {target}\n", change=worthless_aliases)
    number = world.ask("www.trap0")
    request = next(iter(world.engine.waiting.values())).request
    assert request is not None
    budget = request.budget
    world.run(lambda: number in world.answers)
    spent = SIGNATURE_CHECKS_PER_REQUEST - budget.work.signature_checks
    assert 0 < spent <= SIGNATURE_CHECKS_PER_REQUEST
    assert world.verifier.checks <= SIGNATURE_CHECKS_PER_REQUEST
    world.check_books()


def worthless_aliases(zone: Zone) -> None:
    """Many colliding keys; each alias has worthless signatures first and then the genuine one."""
    Trap(20, 0)(zone)
    alias = zone.nodes[b"\x03www" + zone.name][5]
    genuine = alias.signatures[0]
    alias.signatures = [forged(genuine, 1), genuine]


@pytest.mark.parametrize("what", ["checks", "queries"])
def test_a_spent_budget_does_not_make_names_fail_for_others(what: str) -> None:
    """An alias leads to a healthy zone when nothing is left to look it up and validate it with: nobody else suffers."""
    world = AttackWorld()
    world.add_zone("evil", "www 3600 IN CNAME h.innocent.\nx 3600 IN A 192.0.2.1\n", signed=False)
    world.query("x.evil")  # so that the alias itself needs no check any more
    number = world.ask("www.evil")
    request = next(iter(world.engine.waiting.values())).request
    assert request is not None
    if what == "checks":
        request.budget.work.signature_checks = 0
    else:
        request.budget.queries = 0
    world.run(lambda: number in world.answers)
    assert world.answers[number].rcode == RCODE_SERVFAIL
    for name in ("h.innocent", "www.innocent", "innocent"):
        answer = world.query(name, client="127.0.0.2")
        assert (answer.rcode, answer.secure) == (RCODE_NOERROR, True), answer.errors
    answer = world.query("www.evil", client="127.0.0.2")
    assert (answer.rcode, answer.secure) == (RCODE_NOERROR, False)


@pytest.mark.parametrize("what", ["checks", "queries"])
def test_who_joins_a_request_without_budget_goes_on_with_its_own(what: str) -> None:
    """A second question needs the keys that a first one, whose budget is spent, is about to establish."""
    world = AttackWorld()
    poor = world.ask("one.innocent", client="127.0.0.1")
    request = next(iter(world.engine.waiting.values())).request
    assert request is not None
    rich = world.ask("two.innocent", client="127.0.0.2")
    world.run(lambda: world.sent_to("192.0.2.10") >= 2)
    if what == "checks":
        request.budget.work.signature_checks = 0
    else:
        request.budget.queries = 0
    world.run(lambda: len(world.answers) == 2)
    assert world.answers[poor].rcode == RCODE_SERVFAIL
    assert (world.answers[rich].rcode, world.answers[rich].secure) == (RCODE_NOERROR, True)
    world.check_books()


def test_denial_with_hundreds_of_signed_records_is_looked_at_in_part() -> None:
    """Each NSEC is validly signed, and none proves anything: every one of them would cost a check."""
    world = AttackWorld()
    text = "".join(f"n{number:03d} 3600 IN A 192.0.2.1\n" for number in range(300))
    zone = world.add_zone("many", text)
    everything = [rrset for rrset in zone.chain if rrset.name != zone.name][:150]
    honest = world.handlers[b"\xc0\x00\x02\x63"]

    def flood(query: Message, transport: int) -> bytes | None:
        if query.qtype == TYPE_A and query.qname == wire_name("zzz.many"):
            return reply(query, authority=[zone.nodes[zone.name][6], *everything], rcode=3)
        return honest(query, transport)

    world.serve(ATTACKER_ADDRESS, flood)
    world.check_innocent()
    before = world.verifier.checks
    assert world.query("zzz.many").rcode == RCODE_SERVFAIL
    assert world.verifier.checks - before <= 40
    world.check_innocent()
