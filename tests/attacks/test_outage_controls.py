"""While a parent is broken and its children are kept alive, an attacker gains nothing."""

import dns.rcode
import dns.rdatatype
import dns.rrset

from holdfast.dns.iana import EDE_DNSSEC_BOGUS, EDE_STALE_ANSWER, TYPE_DS
from holdfast.lab.broken import sign_well
from tests.support.engine_world import ROOT_ADDRESS, START_S, Message, texts
from tests.support.outage_world import OutageWorld, signatures, spoil
from tests.support.signed_world import ede_codes, ede_texts, is_secure

FORGED = "198.51.100.66"
NEW_ALGORITHM = 15  # a zone has one key for each algorithm here, so another algorithm is another key


def known_world() -> OutageWorld:
    """A world in which two children were asked before the break."""
    world = OutageWorld()
    for name in ("www.signed", "www.plain"):
        assert world.ask_secure(name).rcode() == dns.rcode.NOERROR
    return world


def addresses(message: Message) -> set[str]:
    return {rdata.to_text() for rrset in message.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset}


def forging(query: Message, response: Message) -> Message:
    """Change every address but the server's own, keep the signatures."""
    for at, rrset in enumerate(response.answer):
        if rrset.rdtype == dns.rdatatype.A and not rrset.name.to_text().startswith("ns."):
            response.answer[at] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "A", FORGED)
    return response


def test_the_children_that_were_known_go_on_and_say_why() -> None:
    world = known_world()
    world.break_parent()
    for name, secure in (("new.signed", True), ("new.plain", False)):
        answer = world.ask_secure(name)
        assert answer.rcode() == dns.rcode.NOERROR and addresses(answer), name
        assert is_secure(answer) == secure
        assert ede_codes(answer) == [EDE_STALE_ANSWER]
        assert f"zone cut {name.split('.')[1]} crossed" in ede_texts(answer)[0]


def test_a_child_that_nobody_knew_fails_with_the_parents_fault() -> None:
    world = known_world()
    world.break_parent()
    answer = world.ask_secure("www.unseen")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert EDE_DNSSEC_BOGUS in ede_codes(answer)


def test_forged_answers_below_a_stale_cut_are_bogus() -> None:
    world = known_world()
    world.break_parent()
    world.forge = forging
    answer = world.ask_secure("new.signed")
    assert answer.rcode() == dns.rcode.SERVFAIL and not addresses(answer)
    kept = world.ask_secure("www.signed")
    assert addresses(kept) == {"192.0.2.80"}, "what was validated before is served instead of the forgery"


def test_stripped_signatures_below_a_stale_cut_are_bogus() -> None:
    def strip(query: Message, response: Message) -> Message:
        for section in (response.answer, response.authority):
            section[:] = [rrset for rrset in section if rrset.rdtype != dns.rdatatype.RRSIG]
        return response

    world = known_world()
    world.break_parent()
    world.forge = strip
    answer = world.ask_secure("new.signed")
    assert answer.rcode() == dns.rcode.SERVFAIL and not is_secure(answer)


def test_a_replayed_record_whose_signature_ran_out_is_bogus_and_displaces_nothing() -> None:
    world = known_world()
    old: list[Message] = []

    def record(query: Message, response: Message) -> Message:
        if query.question[0].name.to_text() == "new.signed.":
            old.append(response)
        return response

    world.forge = record
    world.ask_secure("new.signed")
    zone = world.zones["signed"]
    world.broken = True
    world.later(24 * 40)  # beyond the signatures' validity
    sign_well(zone, world.now().wall_s, None)

    def replay(query: Message, response: Message) -> Message:
        if query.question[0].name.to_text() != "new.signed.":
            return response
        again = old[0]
        again.id = query.id
        again.question = query.question
        return again

    world.forge = replay
    answer = world.ask_secure("new.signed")
    assert not is_secure(answer)
    assert not addresses(answer)


def test_a_ds_that_was_replaced_before_the_break_counts_not_the_older_one() -> None:
    world = known_world()
    replace_ds(world, sign_well(world.zones["signed"], START_S, None, NEW_ALGORITHM))
    world.later(2)
    assert is_secure(world.ask_secure("www.signed")), "the new DS is validated before the break"
    world.break_parent()
    assert is_secure(world.ask_secure("new.signed"))
    sign_well(world.zones["signed"], world.now().wall_s, None)  # somebody has the old keys, and only those
    world.later(2)
    answer = world.ask_secure("real.wild.signed")
    assert answer.rcode() == dns.rcode.SERVFAIL and not is_secure(answer)


def replace_ds(world: OutageWorld, ds_rdatas: list[bytes]) -> None:
    """Give the child another DS, or none, at the root, which signs anew."""
    top = world.zones["."]
    node = top.nodes[b"\x06signed\x00"]
    rrset = node.pop(TYPE_DS)
    if ds_rdatas:
        rrset.rdatas = ds_rdatas
        node[TYPE_DS] = rrset
    sign_well(top, world.now().wall_s, None)


def test_a_ds_that_was_removed_before_the_break_leaves_the_child_insecure() -> None:
    world = known_world()
    replace_ds(world, [])
    world.later(2)
    answer = world.ask_secure("www.signed")
    assert answer.rcode() == dns.rcode.NOERROR and not is_secure(answer)
    world.break_parent()
    answer = world.ask_secure("new.signed")
    assert answer.rcode() == dns.rcode.NOERROR and not is_secure(answer)


def test_a_ghost_domain_does_not_come_back() -> None:
    world = known_world()
    top = world.zones["."]
    for name in (b"\x06signed\x00", b"\x02ns\x06signed\x00"):
        top.nodes.pop(name, None)
    sign_well(top, world.now().wall_s, None)
    world.later(2)
    assert world.ask_secure("new.signed").rcode() == dns.rcode.NXDOMAIN
    world.break_parent()
    answer = world.ask_secure("www.signed")
    assert not addresses(answer), "the parent's last word was that the zone does not exist"
    world.broken = False
    world.parent_silent = True
    assert not addresses(world.ask_secure("www.signed"))


def test_a_changed_ds_ends_the_old_one_as_soon_as_the_parent_is_well() -> None:
    world = known_world()
    world.break_parent()
    assert is_secure(world.ask_secure("new.signed"))
    replace_ds(world, sign_well(world.zones["signed"], world.now().wall_s, None, NEW_ALGORITHM))
    world.broken = False
    for _ in range(200):
        world.next_timer()
        if world.engine.statistics().get("zones_recovered"):
            break
    for _ in range(20):
        world.next_timer()
    answer = world.ask_secure("new.signed")
    assert is_secure(answer)
    assert ede_codes(answer) == []


def test_a_wildcard_is_not_replayed_for_a_name_that_exists() -> None:
    world = known_world()
    expanded: list[Message] = []

    def record(query: Message, response: Message) -> Message:
        if query.question[0].name.to_text() == "anything.wild.signed.":
            expanded.append(response)
        return response

    world.forge = record
    assert is_secure(world.ask_secure("anything.wild.signed"))
    world.break_parent()

    def replay(query: Message, response: Message) -> Message:
        if query.question[0].name.to_text() != "real.wild.signed.":
            return response
        owner = query.question[0].name
        for section in (expanded[0].answer, expanded[0].authority):
            for rrset in section:
                fake = dns.rrset.RRset(owner, rrset.rdclass, rrset.rdtype, rrset.covers)
                for rdata in rrset:
                    fake.add(rdata, rrset.ttl)
                if section is expanded[0].answer:
                    response.answer = [one for one in response.answer if one.rdtype != rrset.rdtype] + [fake]
        return response

    world.forge = replay
    answer = world.ask_secure("real.wild.signed")
    assert answer.rcode() == dns.rcode.SERVFAIL and not is_secure(answer)
    stale = world.ask_secure("anything.wild.signed")
    assert addresses(stale) == {"192.0.2.82"}


def test_a_forger_at_the_parent_cannot_lead_a_known_child_elsewhere() -> None:
    world = known_world()
    world.later(2)
    genuine = world.respond

    def respond(address: str, query: Message) -> Message | None:
        response = genuine(address, query)
        if response is not None and address == ROOT_ADDRESS:
            response.authority = [one for one in response.authority if one.rdtype != dns.rdatatype.DS]
            for rrset in signatures(response):
                spoil(rrset)
        return response

    world.respond = respond
    answer = world.ask_secure("new.signed")
    assert is_secure(answer), "the DS that was validated last still stands"
    world.forge = forging
    assert world.ask_secure("real.wild.signed").rcode() == dns.rcode.SERVFAIL


def test_texts_of_stale_answers_name_cause_and_age() -> None:
    world = known_world()
    world.break_parent()
    world.forge = forging
    answer = world.ask_secure("www.signed")
    text = "; ".join(ede_texts(answer))
    assert "expired 1 h 5" in text
    assert "RRSIG with invalid signature for www.signed/A" in text
    assert texts(answer.answer)
