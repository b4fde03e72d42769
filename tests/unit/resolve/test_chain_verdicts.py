"""Below an anchor that keeps signed zones validated: what rests on a DS RRset that nobody but all servers vouch for."""

from ipaddress import ip_address

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from holdfast.base.audience import ANYBODY as PLAIN_AUDIENCE
from holdfast.base.security_status import INSECURE, SECURE
from holdfast.cache.delegation_cache import Delegation, NameServer
from holdfast.cache.negative_cache import NODATA, NegativeEntry
from holdfast.dns.iana import (
    EDE_DNSKEY_MISSING,
    EDE_DNSSEC_BOGUS,
    EDE_NEGATIVE_TRUST_ANCHOR,
    TYPE_A,
    TYPE_DS,
)
from holdfast.dns.name import to_text
from holdfast.dnssec.anchor_scope import AnchorScope
from holdfast.lab.broken import sign_well
from holdfast.registry.zone_file import load_zone
from holdfast.resolve.task import RequestBudget
from tests.support.dnssec_records import wire_name
from tests.support.ds_rounds import (
    HOUR_US,
    MINUTE_US,
    REGISTRY,
    RESOLVED,
    asked_for_ds,
    broken_world,
    change_ds,
    statistic,
    with_other_ds,
)
from tests.support.engine_world import START_S, Message, texts
from tests.support.kept import KeptRecords
from tests.support.registry_world import (
    BELOW,
    BELOW_ADDRESS,
    FORGED,
    MAIL,
    RegistryWorld,
    is_let_through,
    is_refused,
)
from tests.support.signed_world import ede_codes, ede_texts, is_secure


def test_genuine_data_of_a_zone_never_seen_before_arrive_but_are_not_called_authentic() -> None:
    world = broken_world()
    for name in ("www.unseen.de", "new.unseen.de"):
        for _ in range(2):
            answer = world.ask_from(name)
            assert is_let_through(answer) and answer.answer
            assert ede_codes(answer) == RESOLVED
        assert "unseen.de/DS (keytag=" in ede_texts(answer)[0], "what is wrong at the registry"
        assert ede_texts(answer)[1] == "DS of unseen.de is what 4 addresses of 4 name servers of de agree on"
    assert is_let_through(world.ask_from("no.unseen.de"), dns.rcode.NXDOMAIN)
    assert is_let_through(world.ask_from("www.unseen.de", "TXT"))


def test_forged_data_of_it_fail() -> None:
    world = broken_world()
    world.forged = {"unseen.de"}
    for name in ("www.unseen.de", "new.unseen.de"):
        answer = world.ask_from(name)
        assert is_refused(answer)
        assert f"RRSIG with invalid signature for {name}/A" in ede_texts(answer)[0]
        assert "name servers of de agree on" in ede_texts(answer)[1], "by what it was judged"
    world.forged = set()
    assert is_let_through(world.ask_from("unseen.de"))


def test_data_without_signatures_fail() -> None:
    world = broken_world()

    def strip(response: Message) -> Message:
        if response.question[0].name.to_text() == "www.unseen.de.":
            response.answer = [one for one in response.answer if one.rdtype == dns.rdatatype.A]
        return response

    world.change = strip
    assert world.ask_from("www.unseen.de").rcode() == dns.rcode.SERVFAIL


def test_data_that_claim_to_be_the_registrys_own_fail() -> None:
    """They would be excused; but a zone cut is known on the way to them, so they are not the registry's."""
    world = broken_world()

    def claim(response: Message) -> Message:
        for rrset in response.answer:
            if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.A:
                signatures = [rdata.replace(signer=dns.name.from_text("de.")) for rdata in rrset]
                rrset.items.clear()
                for rdata in signatures:
                    rrset.add(rdata)
        return response

    world.change = claim
    assert world.ask_from("www.unseen.de").rcode() == dns.rcode.SERVFAIL
    assert is_let_through(world.ask_from("www.plain.de"))


def test_keys_that_the_agreed_record_does_not_name_are_bogus() -> None:
    world = broken_world()
    other = load_zone("unseen.de", BELOW)
    sign_well(other, START_S, algorithm=15)
    world.servers[BELOW_ADDRESS].add(other)
    answer = world.ask_from("www.unseen.de")
    assert answer.rcode() == dns.rcode.SERVFAIL and EDE_DNSKEY_MISSING in ede_codes(answer)
    assert "no DNSKEY matches the DS of unseen.de" in ede_texts(answer)[0]


def test_where_the_registrys_own_keys_are_bad_its_servers_are_asked_as_well() -> None:
    world = broken_world()
    world.keys_broken = True
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer) and ede_codes(answer) == RESOLVED
    assert "de/DNSKEY (keytag=" in ede_texts(answer)[0]
    world.forged = {"unseen.de"}
    assert is_refused(world.ask_from("new.unseen.de"))
    for name in ("www.plain.de", "www.de"):
        assert is_let_through(world.ask_from(name)), name


def test_zones_further_down_are_validated_from_there_and_not_called_authentic_either() -> None:
    world = broken_world(deeper=True)
    assert is_let_through(world.ask_from("www.safe.unseen.de"))
    assert is_let_through(world.ask_from("www.open.unseen.de"))
    world.forged = {"unseen.de"}
    assert is_refused(world.ask_from("new.safe.unseen.de"))
    answer = world.ask_from("new.open.unseen.de")
    assert is_let_through(answer) and FORGED in "".join(texts(answer.answer)), "an unsigned zone is what it is"


def test_nothing_about_zones_further_down_outlives_the_anchor_either() -> None:
    world = broken_world(deeper=True)
    world.keep(KeptRecords())
    names = ("www.safe.unseen.de", "www.open.unseen.de", "no.open.unseen.de")
    for name in names:
        assert EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(world.ask_from(name))
    world.remove_anchor()
    for _ in range(2):
        for name in names:
            assert is_refused(world.ask_from(name)), name
        world.restart()


def test_who_agrees_is_said_wherever_something_fails_by_it() -> None:
    world = broken_world(deeper=True)
    world.ask_from("www.unseen.de")
    other = load_zone("safe.unseen.de", BELOW)
    sign_well(other, START_S, algorithm=15)
    world.servers[BELOW_ADDRESS].add(other)
    answer = world.ask_from("www.safe.unseen.de")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert "no DNSKEY matches the DS of safe.unseen.de" in ede_texts(answer)[0]
    assert ede_texts(answer)[1] == "DS of unseen.de is what 4 addresses of 4 name servers of de agree on"
    (known,) = world.engine.state.agreements.by_child.values()
    assert known.expires_us > world.clock_us + 8 * MINUTE_US, "that is no fault of the record agreed on"
    world = broken_world(deeper=True)
    world.ask_from("www.unseen.de")
    change_ds(world, lambda _address, response: with_other_ds(response), name="safe.unseen.de")
    spoiled = world.respond
    world.respond = lambda address, query: without_referral(spoiled(address, query))
    answer = world.ask_from("www.safe.unseen.de")
    assert "RRSIG with invalid signature for safe.unseen.de/DS" in ede_texts(answer)[0]
    assert ede_texts(answer)[1] == "DS of unseen.de is what 4 addresses of 4 name servers of de agree on"


def without_referral(response: Message | None) -> Message | None:
    """Take the DS RRset out of a referral, so that it has to be asked for."""
    if response is not None:
        response.authority = [one for one in response.authority if dns.rdatatype.DS not in (one.rdtype, one.covers)]
    return response


def test_below_what_the_registry_calls_unsigned_nobody_is_asked() -> None:
    world = broken_world(deeper=True)
    world.keys_broken = True
    assert is_let_through(world.ask_from("www.plain.de"))
    servers = [NameServer(wire_name("ns.open.plain.de"), [ip_address(BELOW_ADDRESS).packed])]
    cut = Delegation(wire_name("open.plain.de"), servers, world.clock_us + HOUR_US, 53, False)
    world.engine.state.delegations.put(cut)
    assert is_let_through(world.ask_from("www.open.plain.de"))
    assert "open.plain.de. DS" not in world.asked()


def test_what_the_zone_above_says_of_the_anchors_own_zone_is_left_at_that() -> None:
    world = RegistryWorld(servers=4)

    def spoil(response: Message) -> Message:
        for rrset in [*response.answer, *response.authority]:
            if (
                rrset.rdtype == dns.rdatatype.RRSIG
                and rrset.covers == dns.rdatatype.DS
                and rrset.name.to_text() == "de."
            ):
                (good,) = rrset
                rrset.items.clear()
                rrset.add(good.replace(signature=bytes([good.signature[0] ^ 1]) + good.signature[1:]))
        return response

    world.change = spoil
    world.add_anchor()
    answer = world.ask_from("www.de")
    assert is_let_through(answer) and ede_codes(answer) == [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR]
    assert statistic(world, "ds_rounds_unheard") == 0


def test_a_zone_further_down_that_was_validated_before_stays_authentic() -> None:
    world = RegistryWorld(servers=4, deeper=True)
    assert is_secure(world.ask_from("www.safe.unseen.de"))
    world.engine.state.rrsets.remove(wire_name("unseen.de"), TYPE_DS)
    world.broken = True
    world.add_anchor()
    assert is_let_through(world.ask_from("www.unseen.de")), "of this one nothing is known any more"
    assert is_secure(world.ask_from("new.safe.unseen.de"))
    world.pass_time_us(20 * MINUTE_US)
    change_ds(world, lambda _address, response: with_other_ds(response), name="safe.unseen.de")
    assert is_secure(world.ask_from("new.safe.unseen.de")), "not by what is bad now, but by what was good last"


def test_names_inside_the_zone_rest_on_it_as_well() -> None:
    world = broken_world()
    world.ask_from("www.unseen.de")
    name, now_us = wire_name("www.unseen.de"), world.clock_us
    world.engine.state.negatives.put(
        NegativeEntry(name, NODATA, None, [], SECURE, None, now_us, now_us + MINUTE_US), TYPE_DS
    )
    view = world.engine.state.negative_anchors.view(PLAIN_AUDIENCE, TYPE_A)
    search = world.engine.tasks.trust_in(name, RequestBudget(view), 0, world.now())
    assert search.done and search.trust is not None
    assert (search.trust.zone, search.trust.status) == (wire_name("unseen.de"), SECURE)
    assert search.trust.agreed is not None


def test_a_record_that_no_algorithm_here_can_use_makes_the_zone_insecure() -> None:
    world = broken_world()

    def unusable(_address: str, response: Message) -> Message:
        for at, rrset in enumerate(response.answer):
            if rrset.rdtype == dns.rdatatype.DS:
                (ds,) = rrset
                response.answer[at] = dns.rrset.from_rdata(rrset.name, rrset.ttl, ds.replace(algorithm=200))
        return response

    change_ds(world, unusable)
    world.forged = {"unseen.de"}
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer) and answer.answer
    assert "no supported DNSKEY algorithm in DS of unseen.de" in "".join(ede_texts(answer))


def test_what_validates_needs_no_agreement() -> None:
    world = broken_world()
    world.broken = False
    assert is_secure(world.ask_from("www.unseen.de"))
    assert statistic(world, "ds_rounds_agreed") == 0


def test_once_the_record_validates_answers_are_authentic_again() -> None:
    world = broken_world()
    assert is_let_through(world.ask_from("www.unseen.de"))
    world.broken = False
    world.engine.flush(wire_name("de"), True, world.now())
    assert is_secure(world.ask_from("www.unseen.de"))


def test_nothing_that_rests_on_it_answers_other_questions() -> None:
    """Neither proofs of what does not exist, nor wildcards (RFC 8198), nor keys; nor does it add to what was proven."""
    world = broken_world()
    proven = world.engine.state.denials.zone_proofs(wire_name("unseen.de"))
    for name in ("www.unseen.de", "no.unseen.de", "a.wild.unseen.de", "alias.unseen.de"):
        assert EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(world.ask_from(name)), name
    assert world.engine.state.denials.heap.octets == 0 and proven.soa is None
    for name, rtype in (("nope.unseen.de", "A"), ("b.wild.unseen.de", "A"), ("unseen.de", "DNSKEY")):
        assert is_refused(world.ask_from(name, rtype, address=MAIL)), name


def test_answers_count_as_bogus_in_the_shadow_of_the_anchor() -> None:
    world = broken_world()
    world.ask_from("www.unseen.de")
    assert world.engine.state.shadows.numbers(wire_name("de"))["bogus"] == 1


def test_what_servers_of_the_registry_say_of_it_themselves_is_not_excused() -> None:
    world = broken_world()
    assert is_let_through(world.ask_from("www.unseen.de"))
    world.engine.state.delegations.remove(wire_name("unseen.de"))
    respond = world.respond

    def usurp(address: str, query: Message) -> Message | None:
        if address in REGISTRY and query.question[0].rdtype == dns.rdatatype.A:
            signed = respond(address, dns.message.make_query("www.de", "A", want_dnssec=True))
            assert signed is not None
            signed.id, signed.question = query.id, query.question
            for rrset in signed.answer:
                rrset.name = query.question[0].name
            return signed
        return respond(address, query)

    world.respond = usurp
    assert world.ask_from("new.unseen.de").rcode() == dns.rcode.SERVFAIL
    assert is_let_through(world.ask_from("new.known.de")), "of this one nothing is known"


def test_nothing_of_it_outlives_the_anchor() -> None:
    world = broken_world()
    world.keep(KeptRecords())
    names = ("www.unseen.de", "no.unseen.de", "unseen.de")
    for name in names:
        assert EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(world.ask_from(name))
    assert world.remove_anchor()
    for name in (*names, "other.unseen.de"):
        assert is_refused(world.ask_from(name)), name
    world.restart()
    for name in names:
        assert is_refused(world.ask_from(name)), name


def test_what_was_good_by_it_is_authentic_when_the_zone_is_well_again() -> None:
    world = broken_world()
    assert is_let_through(world.ask_from("www.unseen.de"))
    world.broken = False
    world.remove_anchor()
    answer = world.ask_from("www.unseen.de")
    assert is_secure(answer) and ede_codes(answer) == []
    assert "www.unseen.de. A 192.0.2.80" in texts(answer.answer)


def test_who_does_not_see_the_anchor_gets_nothing_of_it_and_causes_no_round() -> None:
    world = broken_world()
    assert is_refused(world.ask_from("www.unseen.de", address=MAIL))
    assert is_refused(world.ask_from("www.unseen.de", "TLSA"))
    assert statistic(world, "ds_rounds_agreed") == 0
    assert is_let_through(world.ask_from("www.unseen.de"))
    assert is_refused(world.ask_from("www.unseen.de", address=MAIL))


def test_a_wide_anchor_asks_nobody() -> None:
    world = broken_world(scope=AnchorScope([], [], [], [], [], False))
    world.forged = {"unseen.de"}
    assert is_let_through(world.ask_from("www.unseen.de"))
    assert statistic(world, "ds_rounds_agreed") == 0


def test_what_is_known_of_the_zone_comes_first() -> None:
    world = RegistryWorld(servers=4)
    world.know("known.de")
    world.broken = True
    world.add_anchor()
    assert is_secure(world.ask_from("www.known.de"))
    assert asked_for_ds(world, "known.de") == []


def test_the_chain_that_is_shown_to_the_process_itself_is_not_called_secure_either() -> None:
    world = broken_world()
    world.engine.resolve(1, wire_name("www.unseen.de"), TYPE_A, False, world.now())
    world.run()
    (found,) = world.engine.take_results()
    assert found.status == INSECURE
    assert {to_text(link.zone): link.status for link in found.chain} == {
        ".": SECURE,
        "de": SECURE,
        "unseen.de": INSECURE,
    }
