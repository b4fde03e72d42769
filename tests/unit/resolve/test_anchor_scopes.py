"""Scopes of negative trust anchors against an engine: signed zones below, never list, services, types."""

import dns.rcode
import dns.rdatatype
import pytest

from holdfast.base.audience import ANYBODY as PLAIN_AUDIENCE
from holdfast.base.security_status import BOGUS
from holdfast.base.settings import EngineSettings
from holdfast.dns.iana import (
    EDE_DNSSEC_BOGUS,
    EDE_NEGATIVE_TRUST_ANCHOR,
    EDE_STALE_ANSWER,
    TYPE_A,
    TYPE_DS,
)
from holdfast.dnssec.anchor_scope import WIDE, AnchorScope, narrow_scope
from holdfast.resolve.task import RequestBudget
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import Message, texts
from tests.support.kept import KeptRecords
from tests.support.registry_world import (
    FORGED,
    MAIL,
    OFFICE,
    RegistryWorld,
    is_let_through,
    is_refused,
    registry_settings,
)
from tests.support.signed_world import ede_codes, ede_texts, is_secure

BELOW_STRICT = AnchorScope([], [], [], [], [], True)  # narrow for all types


def broken_world(
    *known: str, scope: AnchorScope | None = None, settings: EngineSettings | None = None
) -> RegistryWorld:
    """A world whose registry broke after some zones had been seen, and has a negative trust anchor."""
    world = RegistryWorld(settings)
    world.know(*known)
    world.broken = True
    world.add_anchor(scope)
    return world


# -- depth -------------------------------------------------------------------------------------------------------------


def test_without_an_anchor_all_but_known_zones_fail() -> None:
    world = broken_world("known.de")
    world.remove_anchor()
    assert is_secure(world.ask_from("www.known.de"))
    for name in ("www.de", "no.de", "www.unseen.de", "www.plain.de"):
        assert is_refused(world.ask_from(name)), name


def test_every_name_answers() -> None:
    world = broken_world("known.de")
    for name in ("www.de", "www.unseen.de", "www.plain.de", "new.plain.de"):
        answer = world.ask_from(name)
        assert is_let_through(answer) and answer.answer, name
    for name in ("no.de", "no.way.de", "no.plain.de", "no.unseen.de"):
        assert is_let_through(world.ask_from(name), dns.rcode.NXDOMAIN), name
    assert is_let_through(world.ask_from("www.plain.de", "TXT"))


def test_what_is_wrong_in_the_zone_itself_is_said_beside_it() -> None:
    world = broken_world()
    for name in ("www.de", "no.de"):
        answer = world.ask_from(name)
        assert ede_codes(answer) == [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR]
        assert "keytag=" in ede_texts(answer)[0]


@pytest.mark.parametrize("hours", [0, 2])
def test_a_signed_zone_that_is_known_stays_validated(hours: int) -> None:
    world = broken_world("known.de")
    world.pass_time_us(hours * 3_600_000_000)
    world.add_anchor()
    answer = world.ask_from("new.known.de")
    assert is_secure(answer) and "new.known.de. A 192.0.2.81" in texts(answer.answer)
    assert EDE_NEGATIVE_TRUST_ANCHOR not in ede_codes(answer)
    assert (EDE_STALE_ANSWER in ede_codes(answer)) is (hours > 0), "its DS record has expired: old data, and said so"
    assert is_secure(world.ask_from("no.known.de"))


def test_one_whose_ds_is_good_is_known_at_once() -> None:
    world = broken_world()
    world.broken = False
    answer = world.ask_from("www.unseen.de")
    assert is_secure(answer) and ede_codes(answer) == []


@pytest.mark.parametrize("hours", [0, 2])
def test_forged_data_of_a_known_zone_fails(hours: int) -> None:
    world = broken_world("known.de")
    world.pass_time_us(hours * 3_600_000_000)
    world.add_anchor()
    world.forged = {"known.de"}
    for _ in range(3):
        assert is_refused(world.ask_from("www.known.de"))
    world.change = without_signatures
    assert world.ask_from("new.known.de").rcode() == dns.rcode.SERVFAIL


def without_signatures(response: Message) -> Message:
    response.answer = [one for one in response.answer if one.rdtype != dns.rdatatype.RRSIG]
    return response


def test_data_of_a_known_zone_cannot_hide_behind_its_parents_failure() -> None:
    """Signatures that claim to be the registry's own: what it says is let through, but not about a signed zone."""
    world = broken_world("known.de")
    world.forged = {"known.de", "unseen.de", "plain.de"}

    def claim(response: Message) -> Message:
        for rrset in response.answer:
            if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.A:
                signatures = [rdata.replace(signer=dns.name.from_text("de.")) for rdata in rrset]
                rrset.items.clear()
                for rdata in signatures:
                    rrset.add(rdata)
        return response

    world.change = claim
    assert world.ask_from("www.known.de").rcode() == dns.rcode.SERVFAIL
    assert is_let_through(world.ask_from("www.unseen.de")), "of this one no DS record is known"


def test_denial_about_a_known_zone_cannot_either() -> None:
    world = broken_world("known.de")
    denied = world.respond("192.0.2.1", dns.message.make_query("no.de", "A", want_dnssec=True))
    assert denied is not None and denied.rcode() == dns.rcode.NXDOMAIN

    def deny(response: Message) -> Message:
        if response.question[0].name.to_text() == "new.known.de.":
            response.set_rcode(dns.rcode.NXDOMAIN)
            response.answer = []
            response.authority = list(denied.authority)
        return response

    world.change = deny
    assert world.ask_from("new.known.de").rcode() == dns.rcode.SERVFAIL


def test_a_registry_whose_keys_are_bad_is_excused_as_well() -> None:
    world = RegistryWorld()
    world.know("known.de")
    world.keys_broken = True
    world.pass_time_us(2 * 3_600_000_000)
    assert is_refused(world.ask_from("www.de"))
    world.add_anchor()
    for name in ("www.de", "www.unseen.de", "www.plain.de"):
        assert is_let_through(world.ask_from(name)), name
    answer = world.ask_from("www.known.de")
    assert is_secure(answer) and EDE_NEGATIVE_TRUST_ANCHOR not in ede_codes(answer)
    world.forged = {"known.de"}
    assert is_refused(world.ask_from("new.known.de"))


def test_wide_validates_nothing_below() -> None:
    world = broken_world("known.de", scope=WIDE)
    assert is_let_through(world.ask_from("new.known.de"))
    world.forged = {"known.de"}
    world.pass_time_us(100_000_000)
    assert FORGED in "".join(texts(world.ask_from("new.known.de").answer))


@pytest.mark.parametrize("scope", [WIDE, BELOW_STRICT])
def test_a_name_inside_a_zone_can_have_one(scope: AnchorScope) -> None:
    world = RegistryWorld()
    world.forged = {"new.known.de"}
    assert is_refused(world.ask_from("new.known.de"))
    world.add_anchor(scope, zone="new.known.de")
    assert is_let_through(world.ask_from("new.known.de"))
    assert is_secure(world.ask_from("www.known.de"))


def test_an_anchor_inside_another_has_its_own_depth() -> None:
    world = broken_world("known.de")
    world.forged = {"new.known.de"}
    assert is_refused(world.ask_from("new.known.de"))
    world.add_anchor(WIDE, zone="known.de")
    assert is_let_through(world.ask_from("new.known.de"))
    assert is_let_through(world.ask_from("www.de"))
    world.remove_anchor("known.de")
    assert is_refused(world.ask_from("new.known.de"))
    assert is_let_through(world.ask_from("www.de"))


def test_ds_records_that_fail_for_the_chain_are_let_through_to_clients() -> None:
    world = broken_world(scope=BELOW_STRICT)
    for zone in ("unseen.de", "plain.de"):
        assert is_let_through(world.ask_from(f"www.{zone}"))
        answer = world.ask_from(zone, "DS")
        assert is_let_through(answer) and bool(answer.answer) is (zone == "unseen.de")


def test_what_failed_is_not_asked_for_again_with_each_name() -> None:
    world = broken_world()
    world.ask_from("www.unseen.de")
    before = len(world.asked())
    for name in ("new.unseen.de", "a.unseen.de", "b.unseen.de"):
        world.ask_from(name)
    assert [one for one in world.asked()[before:] if one.endswith(("DS", "DNSKEY"))] == []


def test_what_fails_for_want_of_a_budget_is_not_excused_nor_remembered() -> None:
    world = broken_world(scope=BELOW_STRICT)
    world.ask_from("www.de")
    view = world.engine.state.negative_anchors.view(PLAIN_AUDIENCE, TYPE_A)
    budget = RequestBudget(view)
    budget.queries = 0
    name = wire_name("unseen.de")
    search = world.engine.tasks.trust_in(name, budget, 0, world.now())
    assert search.done and search.trust is not None and search.trust.status == BOGUS
    assert world.engine.state.trust.get(view.key(name), world.clock_us) is None
    assert is_let_through(world.ask_from("www.unseen.de"))


def test_failures_of_before_do_not_outlive_an_anchor() -> None:
    world = RegistryWorld()
    world.broken = True
    for _ in range(10):  # each failure is remembered longer than the one before
        assert is_refused(world.ask_from("www.de"))
        world.pass_time_us(100_000_000)
    world.add_anchor()
    world.broken = False
    world.remove_anchor()
    assert is_secure(world.ask_from("www.de"))


# -- types -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rtype", ["TLSA", "SSHFP", "CAA", "DS", "DNSKEY", "OPENPGPKEY", "CERT", "ANY"])
def test_what_secures_things_stays_strict(rtype: str) -> None:
    world = broken_world("known.de")
    assert is_let_through(world.ask_from("www.plain.de"))
    assert is_refused(world.ask_from("www.plain.de", rtype))
    assert is_let_through(world.ask_from("www.plain.de")), "and does not get in the way of what is let through"
    assert world.ask_from("www.known.de", rtype).rcode() == dns.rcode.NOERROR


def test_only_some_types() -> None:
    world = broken_world(scope=AnchorScope([], [], [], [TYPE_A], [], False))
    assert is_let_through(world.ask_from("www.plain.de"))
    assert is_refused(world.ask_from("www.plain.de", "AAAA"))


def test_ds_alone_can_be_let_through() -> None:
    world = broken_world(scope=AnchorScope([], [], [], [TYPE_DS], [], False))
    assert is_let_through(world.ask_from("unseen.de", "DS"))
    assert is_refused(world.ask_from("www.unseen.de"))


# -- clients and services ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [narrow_scope(), WIDE])
@pytest.mark.parametrize("strict_first", [True, False])
def test_the_never_list_keeps_its_servfail(scope: AnchorScope, strict_first: bool) -> None:
    world = broken_world(scope=scope)
    for name in ("www.plain.de", "www.de", "no.de"):
        for _ in range(2):
            if strict_first:
                assert is_refused(world.ask_from(name, address=MAIL)), name
            assert EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(world.ask_from(name)), name
            assert is_refused(world.ask_from(name, address=MAIL)), name
    assert is_secure(world.ask_from("www.org", address=MAIL))
    assert world.engine.packet_hits > 0


def test_what_strict_clients_refuse_stays_there_for_the_others() -> None:
    world = broken_world()
    for name in ("www.plain.de", "no.de"):
        world.ask_from(name)
        assert is_refused(world.ask_from(name, address=MAIL))
        world.engine.packets.clear()
        before = len(world.sent)
        assert EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(world.ask_from(name))
        assert is_refused(world.ask_from(name, address=MAIL))
        assert f"{name}. A" not in world.asked()[before:]
    world.broken = False
    world.pass_time_us(400_000_000)
    assert is_secure(world.ask_from("www.de", address=MAIL))


def test_only_some_clients() -> None:
    world = broken_world(scope=AnchorScope([], ["office"], [], [], [], False))
    assert is_let_through(world.ask_from("www.de", address=OFFICE))
    assert is_refused(world.ask_from("www.de"))


def test_all_clients_but_some() -> None:
    world = broken_world(scope=AnchorScope([], [], ["office"], [], [], False))
    assert is_refused(world.ask_from("www.de", address=OFFICE))
    assert is_let_through(world.ask_from("www.de"))


def test_only_one_service() -> None:
    world = broken_world(scope=AnchorScope(["family"], [], [], [], [], False))
    assert is_let_through(world.ask_from("www.de", service=1))
    assert is_refused(world.ask_from("www.de", service=0))
    assert is_refused(world.ask_from("www.de", address=MAIL, service=1))


def test_audiences_share_answers_that_are_the_same_for_them() -> None:
    world = broken_world(scope=AnchorScope([], [], ["office"], [], [], False))
    world.ask_from("www.de")
    hits = world.engine.packet_hits
    world.ask_from("www.de", service=1)
    assert world.engine.packet_hits == hits + 1
    world.remove_anchor()
    world.broken = False
    world.ask_from("www.org")
    hits = world.engine.packet_hits
    for address in (MAIL, OFFICE):
        world.ask_from("www.org", address=address)
    assert world.engine.packet_hits == hits + 2


def test_clients_who_ask_together_each_get_what_is_theirs() -> None:
    world = broken_world()
    held = world.respond
    asked: list[Message] = []

    def ask_meanwhile(address: str, query: Message) -> Message | None:
        if not asked:
            asked.append(query)
            world.submit_from("www.de", address=MAIL)
            world.submit_from("www.de", address=OFFICE)
        return held(address, query)

    world.respond = ask_meanwhile
    world.submit_from("www.de")
    while len(world.answers) < 3:
        world.next_timer()
    assert sorted(is_let_through(answer) for answer in world.answers) == [False, True, True]


@pytest.mark.parametrize("put", [True, False])
def test_clients_who_ask_together_are_told_apart_by_a_decision_that_comes_meanwhile(put: bool) -> None:
    world = RegistryWorld()
    world.broken = True
    if not put:
        world.add_anchor()
    held = world.respond
    asked: list[Message] = []

    def decide_meanwhile(address: str, query: Message) -> Message | None:
        if not asked:
            asked.append(query)
            world.submit_from("www.de", address=MAIL)
            world.submit_from("www.de", address=OFFICE)
            if put:
                world.add_anchor()
            else:
                world.remove_anchor()
        return held(address, query)

    world.respond = decide_meanwhile
    world.submit_from("www.de")
    while len(world.answers) < 3:
        world.next_timer()
    assert len(world.answers) == 3
    assert sum(is_let_through(answer) for answer in world.answers) == (2 if put else 0)
    assert is_let_through(world.ask_from("www.de")) is put
    assert is_refused(world.ask_from("www.de", address=MAIL))


def test_questions_without_rd_are_answered_as_the_others() -> None:
    settings = registry_settings()
    settings.answer_without_recursion_desired = True
    world = broken_world(settings=settings)
    assert is_let_through(world.ask_from("www.de"))
    assert is_let_through(world.ask_from("www.de", rd=False))
    assert is_refused(world.ask_from("www.de", address=MAIL))
    assert is_refused(world.ask_from("www.de", address=MAIL, rd=False))
    assert is_let_through(world.ask_from("www.de", rd=False))


def test_what_is_added_to_answers_has_been_validated() -> None:
    settings = registry_settings()
    settings.minimal_responses = False
    world = RegistryWorld(settings)
    world.know("known.de")
    world.forged = {"ns.known.de"}
    world.add_anchor(WIDE)
    assert FORGED in "".join(texts(world.ask_from("ns.known.de").answer))
    answer = world.ask_from("known.de", "NS", address=MAIL)
    assert is_secure(answer) and answer.additional == []
    world.forged = set()
    assert is_secure(world.ask_from("ns.known.de", address=MAIL))
    world.add_anchor(WIDE, zone="org")  # other answers than the kept ones
    assert "ns.known.de. A 192.0.2.2" in texts(world.ask_from("known.de", "NS", address=MAIL).additional)


def test_the_soa_record_of_a_denial_is_not_one_that_was_let_through() -> None:
    world = RegistryWorld()
    assert world.ask_from("none.de", address=MAIL).rcode() == dns.rcode.NXDOMAIN
    world.add_anchor(WIDE)

    def forge(response: Message) -> Message:
        for rrset in response.authority:
            if rrset.rdtype == dns.rdatatype.SOA:
                (soa,) = rrset
                rrset.items.clear()
                rrset.add(soa.replace(serial=99))
        return response

    world.change = forge
    assert is_let_through(world.ask_from("no.de"), dns.rcode.NXDOMAIN)
    answer = world.ask_from("none.de", address=MAIL)
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert [rdata.serial for one in answer.authority if one.rdtype == dns.rdatatype.SOA for rdata in one] == [1]


def test_a_restart_forgets_views_and_keeps_nothing_that_was_let_through() -> None:
    world = RegistryWorld()
    world.keep(KeptRecords())
    world.broken = True
    world.add_anchor()
    for name in ("www.de", "www.unseen.de", "www.plain.de", "no.de"):
        world.ask_from(name)
    world.restart()
    for name in ("www.de", "www.unseen.de", "www.plain.de", "no.de"):
        assert is_refused(world.ask_from(name)), name
