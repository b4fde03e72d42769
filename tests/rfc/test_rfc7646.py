"""RFC 7646, Definition and Use of DNSSEC Negative Trust Anchors: section by section, against the engine."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.iana import EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR, EDE_STALE_ANSWER
from holdfast.dnssec.anchor_scope import AnchorScope
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.lab.broken import key_of
from holdfast.server.commands import CommandError, check_request
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import ROOT_ADDRESS, START_S, Message, plain_settings, texts
from tests.support.kept import KeptRecords
from tests.support.registry_world import RegistryWorld
from tests.support.signed_world import SignedWorld, ede_codes, ede_texts, is_secure, spoil_signatures

HOUR_S = 3600
HOUR_US = HOUR_S * 1_000_000
ZONE = "www 3600 IN A 203.0.113.1\nalias 3600 IN CNAME www.other.\nbrief 60 IN A 203.0.113.3\n"


class BrokenWorld(SignedWorld):
    """A signed zone `example` whose signatures can be made bad, and a sound one, `other`."""

    def __init__(self, **more: object) -> None:
        self.broken = True
        settings = plain_settings()
        for name, value in more.items():
            setattr(settings, name, value)
        zones = {"example": ZONE, "other": "www 3600 IN A 203.0.113.2\n"}
        super().__init__(zones, tamper=self.spoil, settings=settings)

    def spoil(self, query: Message, response: Message) -> Message:
        """Break what `example` signs."""
        if self.broken:
            spoil_signatures(response, "example.")
        return response

    def add_anchor(self, zone: str = "example", reason: str = "bad signatures", end_s: int = 0) -> None:
        """Put a negative trust anchor in force, for an hour if nothing else is said."""
        begin_s = self.now().wall_s
        anchor = NegativeTrustAnchor(wire_name(zone), reason, "ops", begin_s, end_s or begin_s + HOUR_S)
        self.engine.put_negative_trust_anchor(anchor, self.now())

    def remove_anchor(self, zone: str = "example") -> bool:
        """End it."""
        return self.engine.remove_negative_trust_anchor(wire_name(zone), self.now())


def is_let_through(answer: Message) -> bool:
    """Whether an answer is as below a negative trust anchor: good, not authentic, and said so, after what is wrong."""
    return (
        answer.rcode() == dns.rcode.NOERROR
        and bool(answer.answer)
        and not is_secure(answer)
        and ede_codes(answer) in ([EDE_NEGATIVE_TRUST_ANCHOR], [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR])
    )


def anchor_of(world: SignedWorld, zone: str) -> TrustAnchorSetting:
    name = wire_name(zone)
    return TrustAnchorSetting(name, [key_of(world.zones[zone]).ds(name)], [], False, "")


# -- section 1.1: what it is -------------------------------------------------------------------------------------------


def test_section_1_1_any_response_is_as_if_the_zone_were_unsigned() -> None:
    world = BrokenWorld()
    world.add_anchor()
    for name, rtype, rcode in (("no.example", "A", dns.rcode.NXDOMAIN), ("www.example", "TXT", dns.rcode.NOERROR)):
        for _ in range(2):  # from the server, then from the cache
            answer = world.ask_secure(name, rtype)
            assert answer.rcode() == rcode and not answer.answer and not is_secure(answer)
            assert ede_codes(answer)[-1] == EDE_NEGATIVE_TRUST_ANCHOR


def test_section_1_1_an_alias_out_of_the_zone_is_no_more_authentic_than_its_weakest_link() -> None:
    world = BrokenWorld()
    world.add_anchor()
    answer = world.ask_secure("alias.example")
    assert is_let_through(answer)
    assert "www.other. A 203.0.113.2" in texts(answer.answer)


def test_section_1_1_with_checking_disabled_nothing_was_to_be_validated() -> None:
    world = BrokenWorld()
    world.add_anchor()
    assert ede_codes(world.ask_secure("www.example", cd=True)) == []


def test_section_1_1_validation_goes_on_below_a_trust_anchor_further_down() -> None:
    signed = BrokenWorld()
    world = BrokenWorld(trust_anchors=[anchor_of(signed, "other"), anchor_of(signed, ".")])
    world.add_anchor(".")
    answer = world.ask_secure("www.other")
    assert is_secure(answer) and ede_codes(answer) == []
    assert is_let_through(world.ask_secure("www.example"))


def test_section_1_1_validation_resumes_at_a_signed_zone_that_all_servers_of_its_parent_vouch_for() -> None:
    """The anchor of `de` says so; of the child nothing was known before, and no signature over its DS is good."""
    world = RegistryWorld(servers=3)
    world.broken = True
    world.add_anchor(AnchorScope([], [], [], [], [], True))
    answer = world.ask_from("www.unseen.de")
    assert answer.answer and not is_secure(answer) and EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(answer)
    world.forged = {"unseen.de", "plain.de"}
    answer = world.ask_from("new.unseen.de")
    assert answer.rcode() == dns.rcode.SERVFAIL and EDE_DNSSEC_BOGUS in ede_codes(answer)
    assert world.ask_from("new.plain.de").rcode() == dns.rcode.NOERROR, "unsigned: there is nothing to resume at"


@pytest.mark.parametrize("zone", ["example", "www.example", "."])
def test_section_1_1_it_can_be_at_any_level(zone: str) -> None:
    world = BrokenWorld()
    world.add_anchor(zone)
    assert is_let_through(world.ask_secure("www.example"))
    assert is_let_through(world.ask_secure("brief.example")) is (zone != "www.example")


def test_section_1_1_nobody_evades_a_trust_anchor_further_down_by_claiming_another_signer() -> None:
    """Signed, as it says, by the zone above, where anything passes: but this zone's anchor says who has to sign."""
    signed = BrokenWorld()

    def forge(_query: Message, response: Message) -> Message:
        for rrset in response.answer:
            if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.A:
                claims = [rdata.replace(signer=dns.name.root) for rdata in rrset]
                rrset.items.clear()
                for rdata in claims:
                    rrset.add(rdata)
        return response

    world = BrokenWorld(trust_anchors=[anchor_of(signed, "other"), anchor_of(signed, ".")])
    world.tamper = forge
    world.add_anchor(".")
    assert is_let_through(world.ask_secure("www.example"))
    assert world.ask_secure("www.other").rcode() == dns.rcode.SERVFAIL


def test_section_1_1_nor_can_the_zone_above_deny_what_that_trust_anchor_vouches_for() -> None:
    signed = BrokenWorld()
    world = BrokenWorld(trust_anchors=[anchor_of(signed, "other"), anchor_of(signed, ".")])
    world.add_anchor(".")
    respond = world.respond
    denied = respond(ROOT_ADDRESS, dns.message.make_query("nothing", "A", want_dnssec=True))
    assert denied is not None and denied.rcode() == dns.rcode.NXDOMAIN

    def deny(address: str, query: Message) -> Message | None:
        response = respond(address, query)
        if response is not None and address == ROOT_ADDRESS and "other" in query.question[0].name.to_text():
            response = dns.message.make_response(query)
            response.flags |= dns.flags.AA
            response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority = list(denied.authority)
        return response

    world.respond = deny
    assert world.ask_secure("www.other").rcode() == dns.rcode.SERVFAIL


# -- section 2: what it is for -----------------------------------------------------------------------------------------


def test_section_2_a_zone_that_fails_validation_answers_at_once() -> None:
    world = BrokenWorld()
    assert world.ask_secure("www.example").rcode() == dns.rcode.SERVFAIL
    world.add_anchor()
    answer = world.ask_secure("www.example")
    assert is_let_through(answer)
    assert "www.example. A 203.0.113.1" in texts(answer.answer)


# -- section 2.1: how far it reaches, and how long ---------------------------------------------------------------------


def test_section_2_1_its_end_can_be_set_anew() -> None:
    world = BrokenWorld()
    world.add_anchor()
    world.add_anchor(end_s=START_S + 2 * HOUR_S)
    world.pass_time_us(HOUR_US + 60_000_000)
    answer = world.ask_secure("www.example")
    assert is_let_through(answer)
    assert "until 2026-05-05T18:53:20Z" in ede_texts(answer)[-1]


@pytest.mark.parametrize("rtype", ["A", "AAAA"])
def test_section_2_1_other_branches_are_validated_as_before(rtype: str) -> None:
    world = BrokenWorld()
    world.add_anchor()
    answer = world.ask_secure("www.other", rtype)
    assert is_secure(answer) and ede_codes(answer) == []


def test_section_2_1_names_up_the_chain_are_validated_and_so_the_ds_of_the_zone() -> None:
    world = BrokenWorld()
    world.add_anchor()
    answer = world.ask_secure("example", "DS")
    assert is_secure(answer) and ede_codes(answer) == []


# -- section 3: beside positive trust anchors --------------------------------------------------------------------------


def test_section_3_it_takes_precedence_over_a_trust_anchor_at_the_same_name() -> None:
    world = BrokenWorld()
    world.add_anchor(".")
    assert is_let_through(world.ask_secure("www.example"))
    assert is_let_through(world.ask_secure("www.other"))


# -- section 3.1: what users are told ----------------------------------------------------------------------------------


def test_section_3_1_users_are_told_name_end_and_reason() -> None:
    world = BrokenWorld()
    world.add_anchor(reason="registry signs with a wrong key")
    text = "negative trust anchor example until 2026-05-05T17:53:20Z: registry signs with a wrong key"
    assert ede_texts(world.ask_secure("www.example"))[-1] == text
    assert ede_texts(world.ask_secure("www.example"))[-1] == text, "also from the packet cache"


def test_section_3_1_several_are_told_each_by_itself() -> None:
    world = BrokenWorld(insecure_zones=[wire_name("other")])
    world.add_anchor()
    answer = world.ask_secure("alias.example")
    assert ede_codes(answer)[-2:] == [EDE_NEGATIVE_TRUST_ANCHOR] * 2
    assert [text.split(" ")[3] for text in ede_texts(answer)[-2:]] == ["example", "other:"]


def test_section_3_1_configured_insecure_zones_are_told_as_well() -> None:
    world = BrokenWorld(insecure_zones=[wire_name("example")])
    for _ in range(2):
        answer = world.ask_secure("www.example")
        assert is_let_through(answer)
        assert ede_texts(answer) == ["negative trust anchor example: configured"]
    assert not world.remove_anchor()


# -- section 4: its end ------------------------------------------------------------------------------------------------


def test_section_4_it_ends_by_itself() -> None:
    world = BrokenWorld()
    world.add_anchor()
    assert is_let_through(world.ask_secure("www.example"))
    world.pass_time_us(HOUR_US - 10_000_000)
    assert is_let_through(world.ask_secure("www.example"))
    world.pass_time_us(10_000_000)
    answer = world.ask_secure("www.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert EDE_NEGATIVE_TRUST_ANCHOR not in ede_codes(answer)


def test_section_4_the_end_is_by_the_wall_clock() -> None:
    world = BrokenWorld()
    world.add_anchor(end_s=START_S + 2 * HOUR_S)
    world.clock_us += 2 * HOUR_US  # the machine slept: no timer could fire
    world.engine.handle_timer(world.now())
    assert world.ask_secure("www.example").rcode() == dns.rcode.SERVFAIL


def test_section_4_nothing_that_was_let_through_outlives_it() -> None:
    world = BrokenWorld()
    world.keep(KeptRecords())
    world.add_anchor()
    for name in ("www.example", "no.example", "alias.example"):
        world.ask_secure(name)
    assert world.remove_anchor()
    for name in ("www.example", "no.example", "alias.example"):
        assert world.ask_secure(name).rcode() == dns.rcode.SERVFAIL, name
    world.restart()
    assert world.ask_secure("www.example").rcode() == dns.rcode.SERVFAIL, "kept on disk as judged"


def test_section_4_what_was_let_through_is_validated_when_it_is_used_next() -> None:
    world = BrokenWorld()
    world.broken = False
    world.add_anchor()
    assert is_let_through(world.ask_secure("www.example"))
    world.remove_anchor()
    before = world.asked().count("www.example. A")
    assert is_secure(world.ask_secure("www.example"))
    assert world.asked().count("www.example. A") == before, "its signatures are good: it need not be fetched again"


def test_section_4_a_bad_copy_of_a_zone_that_is_well_again_is_fetched_anew() -> None:
    world = BrokenWorld()
    world.add_anchor()
    assert is_let_through(world.ask_secure("www.example"))
    world.broken = False
    world.remove_anchor()
    assert is_secure(world.ask_secure("www.example"))


def test_section_4_what_was_validated_before_is_so_afterwards() -> None:
    world = BrokenWorld()
    world.broken = False
    assert is_secure(world.ask_secure("www.example"))
    world.broken = True
    world.add_anchor()
    assert is_let_through(world.ask_secure("www.example"))
    world.remove_anchor()
    sent = len(world.sent)
    assert is_secure(world.ask_secure("www.example"))
    assert "www.example. A" not in world.asked()[sent:]


def test_section_4_a_refresh_below_it_displaces_nothing_that_was_validated() -> None:
    world = BrokenWorld()
    world.broken = False
    assert is_secure(world.ask_secure("www.example"))
    world.broken = True
    world.add_anchor()
    before = world.asked().count("www.example. A")
    world.pass_time_us(HOUR_US * 95 // 100)  # so close to its end that a question is a reason to refresh it
    for _ in range(3):
        assert is_let_through(world.ask_secure("www.example"))
        world.run()
    assert world.asked().count("www.example. A") == before + 1, "one refresh, not one for each question"
    world.remove_anchor()
    assert is_secure(world.ask_secure("www.example"))


def test_section_4_stale_answers_rest_on_what_was_validated() -> None:
    world = BrokenWorld()
    world.broken = False
    assert is_secure(world.ask_secure("brief.example"))
    world.broken = True
    world.pass_time_us(120_000_000)
    world.add_anchor()
    assert is_let_through(world.ask_secure("brief.example"))
    world.pass_time_us(120_000_000)
    world.remove_anchor()
    answer = world.ask_secure("brief.example")
    assert answer.rcode() == dns.rcode.NOERROR and EDE_STALE_ANSWER in ede_codes(answer)
    assert EDE_NEGATIVE_TRUST_ANCHOR not in ede_codes(answer)


def test_section_4_a_question_under_way_is_judged_by_what_holds_when_its_data_comes() -> None:
    world = BrokenWorld()
    respond = world.respond
    held: list[tuple[str, Message]] = []

    def add_meanwhile(address: str, query: Message) -> Message | None:
        if query.question[0].rdtype == dns.rdatatype.DNSKEY and not held:
            held.append((address, query))
            world.add_anchor()
        return respond(address, query)

    world.respond = add_meanwhile
    assert is_let_through(world.ask_secure("www.example"))
    assert held
    assert is_let_through(world.ask_secure("www.example"))


@pytest.mark.parametrize(("lifetime_s", "good"), [(7 * 86400, True), (7 * 86400 + 1, False), (0, False)])
def test_section_4_its_lifetime_is_a_week_at_most(lifetime_s: int, good: bool) -> None:
    values = {"command": "nta.add", "zone": "de", "reason": "wrong key", "author": "ops", "lifetime_s": lifetime_s}
    if good:
        assert check_request(values).name == "nta.add"
    else:
        with pytest.raises(CommandError, match="lifetime_s must be at"):
            check_request(values)
