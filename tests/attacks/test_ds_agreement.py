"""Forgers below a broken registry whose servers are asked to agree on DS records: what each of them gains."""

from collections.abc import Collection

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from holdfast.base.limits import DS_ROUNDS_PER_SECOND, UPSTREAM_QUERIES_PER_REQUEST
from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR
from holdfast.lab.authority import Authority
from holdfast.lab.broken import sign_well
from holdfast.registry.zone_file import load_zone
from tests.support.engine_world import START_S, Message, texts
from tests.support.registry_world import (
    BELOW,
    BELOW_ADDRESS,
    FORGED,
    MAIL,
    MORE_ADDRESSES,
    RegistryWorld,
    is_let_through,
    is_refused,
)
from tests.support.signed_world import CHILD_ADDRESS, ede_codes, is_secure

REGISTRY = [CHILD_ADDRESS, *MORE_ADDRESSES]
SECOND_US = 1_000_000


class Forger:
    """Has a zone `unseen.de` of his own, signed with his own keys, and serves it in the place of the true one.

    On the paths to the servers in ``paths`` he puts his DS record in the place of the true one.
    """

    def __init__(self, paths: Collection[str], silenced: Collection[str] = ()) -> None:
        self.world = RegistryWorld(servers=len(REGISTRY))
        self.world.broken = True
        zone = load_zone("unseen.de", BELOW.replace("192.0.2.80", FORGED).replace("192.0.2.81", FORGED))
        (ds,) = sign_well(zone, START_S, algorithm=15)
        self.ds = f"{ds[0] << 8 | ds[1]} {ds[2]} {ds[3]} {ds[4:].hex()}"
        self.own = Authority()
        self.own.add(zone)
        self.respond = self.world.respond
        self.paths = paths
        self.silenced = silenced
        self.world.respond = self.answer
        self.world.add_anchor()

    def answer(self, address: str, query: Message) -> Message | None:
        """Answer in the place of a server."""
        name = query.question[0].name.to_text()
        if address in self.silenced and query.question[0].rdtype == dns.rdatatype.DS:
            return None
        if address == BELOW_ADDRESS and name.endswith("unseen.de."):
            wire = self.own.answer(query.to_wire(), 0)
            return dns.message.from_wire(wire) if wire is not None else None
        response = self.respond(address, query)
        if response is not None and address in self.paths:
            for section in (response.answer, response.authority):
                for at, rrset in enumerate(section):
                    if rrset.rdtype == dns.rdatatype.DS and rrset.name.to_text() == "unseen.de.":
                        section[at] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "DS", self.ds)
        return response


def is_forged(answer: Message) -> bool:
    return FORGED in "".join(texts(answer.answer))


def test_a_forger_on_the_way_to_the_zone_alone_gets_nothing_through() -> None:
    world = Forger([]).world
    for name in ("www.unseen.de", "new.unseen.de"):
        answer = world.ask_from(name)
        assert answer.rcode() == dns.rcode.SERVFAIL and not is_forged(answer)


def test_one_bad_server_of_the_registry_makes_nobody_believe_in_its_record() -> None:
    """All it can do is prevent an agreement; then the zone is insecure, as the anchor would make it by itself."""
    for bad in REGISTRY:
        world = Forger([bad]).world
        answer = world.ask_from("www.unseen.de")
        assert is_let_through(answer) and is_forged(answer)
        assert not world.engine.state.agreements.by_child
        assert is_refused(world.ask_from("www.unseen.de", address=MAIL))


def test_one_bad_server_cannot_make_a_genuine_zone_fail() -> None:
    for bad in REGISTRY:
        forger = Forger([bad])
        forger.own = forger.world.servers[BELOW_ADDRESS]
        answer = forger.world.ask_from("www.unseen.de")
        assert is_let_through(answer) and answer.answer and not is_forged(answer)


def test_nor_can_it_if_the_others_are_silenced() -> None:
    forger = Forger(REGISTRY[:1], silenced=REGISTRY[1:])
    forger.own = forger.world.servers[BELOW_ADDRESS]
    assert is_let_through(forger.world.ask_from("www.unseen.de"))
    assert not forger.world.engine.state.agreements.by_child


def test_who_is_on_all_paths_gets_no_more_than_what_any_anchor_lets_through() -> None:
    world = Forger(REGISTRY).world
    answer = world.ask_from("www.unseen.de")
    assert is_forged(answer) and not is_secure(answer) and EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(answer)
    assert is_refused(world.ask_from("www.unseen.de", address=MAIL))
    assert is_refused(world.ask_from("www.unseen.de", "TLSA"))
    world.remove_anchor()
    for name in ("www.unseen.de", "new.unseen.de"):
        answer = world.ask_from(name)
        assert answer.rcode() == dns.rcode.SERVFAIL and not is_forged(answer)


def test_a_forger_who_leaves_takes_his_record_with_him_soon() -> None:
    """He was on all paths to the registry for a moment, to make a genuine zone fail for long."""
    forger = Forger(REGISTRY)
    forger.own = forger.world.servers[BELOW_ADDRESS]
    assert forger.world.ask_from("www.unseen.de").rcode() == dns.rcode.SERVFAIL
    forger.paths = []
    forger.world.pass_time_us(61 * SECOND_US)
    answer = forger.world.ask_from("www.unseen.de")
    assert is_let_through(answer) and answer.answer


def rename(message: Message, old: str, new: str) -> Message:
    return dns.message.from_text(message.to_text().replace(old, new))


def test_questions_for_ever_new_signed_zones_cost_a_bounded_number_of_rounds() -> None:
    """Whoever knows the names of a country's signed zones, and asks for all of them."""
    world = RegistryWorld(servers=len(REGISTRY))
    world.broken = True
    world.add_anchor()
    respond = world.respond

    def everywhere(address: str, query: Message) -> Message | None:
        label = query.question[0].name.to_text().removesuffix(".de.").rpartition(".")[2]
        if not label.startswith("zone"):
            return respond(address, query)
        response = respond(address, rename(query, label, "unseen"))
        return rename(response, "unseen", label) if response is not None else None

    world.respond = everywhere
    world.ask_from("www.de")
    world.pass_time_us(SECOND_US - world.clock_us % SECOND_US)
    began_us, zones = world.clock_us, 0
    while world.clock_us < began_us + SECOND_US * 9 // 10:
        before = len(world.sent)
        world.submit_from(f"www.zone{zones}.de")
        zones += 1
        assert len(world.sent) - before <= UPSTREAM_QUERIES_PER_REQUEST
    asked = [query for _, query in world.sent if query.question[0].rdtype == dns.rdatatype.DS]
    assert zones > 2 * DS_ROUNDS_PER_SECOND
    assert len(asked) <= DS_ROUNDS_PER_SECOND * len(REGISTRY)
    assert world.engine.statistics()["ds_rounds_refused"] == zones - DS_ROUNDS_PER_SECOND
    assert world.ask_from("www.org").rcode() == dns.rcode.NOERROR


def test_made_up_names_cost_no_round() -> None:
    world = RegistryWorld(servers=len(REGISTRY))
    world.broken = True
    world.add_anchor()
    world.ask_from("www.de")
    for number in range(50):
        before = len(world.sent)
        assert is_let_through(world.ask_from(f"n{number}.de"), dns.rcode.NXDOMAIN)
        assert len(world.sent) - before == 1
