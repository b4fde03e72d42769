"""What override rules make of answers, through the whole engine."""

import dns.flags
import dns.message
import dns.rcode
import pytest

from holdfast.base.effects import TRANSPORT_UDP, Client
from holdfast.base.override_rule import OverrideRule
from holdfast.base.settings import AccessRule, ClientGroup, EngineSettings
from holdfast.dns.iana import (
    EDE_BLOCKED,
    EDE_CENSORED,
    EDE_DNSSEC_BOGUS,
    EDE_FORGED_ANSWER,
    EDE_NEGATIVE_TRUST_ANCHOR,
    EDE_PROHIBITED,
    EDE_STALE_ANSWER,
    TYPE_A,
)
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import START_S, Message, plain_settings, reply_to, texts
from tests.support.rules import rule
from tests.support.signed_world import CHILD_ADDRESS, SignedWorld, ede_codes, ede_texts, is_secure, spoil_signatures

FORWARDER = "192.0.2.99"
ZONE = "www 3600 IN A 203.0.113.1\nalias 3600 IN CNAME www.other.\nbrief 60 IN A 203.0.113.3\ninner 3600 IN CNAME www\n"
DAY_US = 86400 * 1_000_000


class RuledWorld(SignedWorld):
    """Signed zones, an engine with rules, and a forwarder that knows other things."""

    def __init__(self, *rules: OverrideRule, settings: EngineSettings | None = None) -> None:
        super().__init__(
            {"example": ZONE, "other": "www 3600 IN A 203.0.113.2\n"}, settings=settings, tamper=self.tampered
        )
        self.silent = False
        self.forwarded: list[str] = []
        self.inside = {"www.example.": "10.0.0.1", "corp.invalid.": "10.0.0.2"}
        self.put(*rules)

    def tampered(self, _query: Message, response: Message) -> Message | None:
        return None if self.silent else response

    def _answer(self, address: str, query: Message) -> Message | None:
        if address != FORWARDER:
            return super()._answer(address, query)
        name = query.question[0].name.to_text()
        self.forwarded.append(name)
        if self.silent or not query.flags & dns.flags.RD:
            return None
        if name in self.inside:
            return reply_to(query, answer=[f"{name} 300 A {self.inside[name]}"])
        relayed = super()._answer(CHILD_ADDRESS, query)
        if relayed is not None:
            relayed.flags |= dns.flags.RA
            relayed.flags &= ~dns.flags.AA
        return relayed

    def put(self, *rules: OverrideRule) -> None:
        """Put rules in force as an operator does, the later ones behind."""
        order = [one.identity for one in self.engine.rules.rules]
        for one in rules:
            order.append(one.identity)
            self.engine.arrange_override_rules(one, order, self.now())

    def remove(self, identity: str = "one") -> None:
        """End one."""
        order = [one.identity for one in self.engine.rules.rules if one.identity != identity]
        self.engine.arrange_override_rules(None, order, self.now())


# -- answers that a rule makes up --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "rcode", "code"),
    [
        ("nxdomain", dns.rcode.NXDOMAIN, EDE_BLOCKED),
        ("nodata", dns.rcode.NOERROR, EDE_BLOCKED),
        ("refuse", dns.rcode.REFUSED, EDE_BLOCKED),
        ("bogus", dns.rcode.SERVFAIL, EDE_DNSSEC_BOGUS),
    ],
)
def test_denials_hold_at_once_for_cached_names_and_end_without_a_trace(action: str, rcode: int, code: int) -> None:
    world = RuledWorld()
    assert is_secure(world.ask_secure("www.example"))
    world.put(rule(action, "example"))
    before = len(world.sent)
    for _ in range(2):  # made up, then from the packet cache
        answer = world.ask_secure("www.example")
        assert answer.rcode() == rcode and not answer.answer and not is_secure(answer)
        assert (ede_codes(answer), ede_texts(answer)) == ([code], ["override rule one: test"])
    assert len(world.sent) == before
    world.remove()
    answer = world.ask_secure("www.example")
    assert is_secure(answer) and ede_codes(answer) == []
    assert len(world.sent) == before


def test_denials_tell_clients_for_how_long() -> None:
    world = RuledWorld(rule("nxdomain", "ads.example", ttl_s=20))
    [soa] = world.ask("x.ads.example").authority
    assert (soa.name.to_text(), soa.ttl, soa[0].minimum) == ("ads.example.", 20, 20)


def test_a_rule_may_say_in_whose_name_it_blocks() -> None:
    world = RuledWorld(rule("nxdomain", "example", ede="censored"), rule("refuse", "other", "two", ede="prohibited"))
    assert ede_codes(world.ask("www.example")) == [EDE_CENSORED]
    assert ede_codes(world.ask("www.other")) == [EDE_PROHIBITED]


def test_local_records_stand_for_all_that_the_name_has() -> None:
    records = ["A 192.0.2.7", "300 A 192.0.2.8", 'TXT "two words" more']
    world = RuledWorld(rule("records", "www.example", records=records, match="exact"))
    answer = world.ask_secure("www.example")
    assert texts(answer.answer) == ["www.example. A 192.0.2.7", "www.example. A 192.0.2.8"]
    assert answer.answer[0].ttl == 60 and not is_secure(answer)
    assert ede_codes(answer) == [EDE_FORGED_ANSWER]
    assert texts(world.ask("www.example", "TXT").answer) == ['www.example. TXT "two words" "more"']
    nothing = world.ask("www.example", "AAAA")
    assert nothing.rcode() == dns.rcode.NOERROR and not nothing.answer and nothing.authority
    assert len(world.ask("www.example", "ANY", tcp=True).answer) == 2
    assert is_secure(world.ask_secure("brief.example"))
    assert [query for _, query in world.sent if "www" in str(query.question[0])] == []


def test_a_rule_for_some_types_leaves_the_others_as_they_are() -> None:
    world = RuledWorld(rule("records", "www.example", records=["AAAA 2001:db8::1"], types=["AAAA"]))
    assert texts(world.ask("www.example", "AAAA").answer) == ["www.example. AAAA 2001:db8::1"]
    assert is_secure(world.ask_secure("www.example", "A"))


def test_local_records_may_be_private_addresses_that_zones_must_not_have() -> None:
    settings = plain_settings()
    settings.private_prefixes = [AccessRule(b"\x0a\x00\x00\x00", 8, False)]
    world = RuledWorld(rule("records", "www.example", records=["A 10.1.1.1"]), settings=settings)
    assert texts(world.ask("www.example").answer) == ["www.example. A 10.1.1.1"]


def test_an_alias_is_followed_like_any_other() -> None:
    world = RuledWorld(rule("cname", "www.example", target="www.other"))
    answer = world.ask_secure("www.example")
    assert texts(answer.answer)[0] == "www.example. CNAME www.other."
    assert "www.other. A 203.0.113.2" in texts(answer.answer)
    assert not is_secure(answer) and ede_codes(answer) == [EDE_FORGED_ANSWER]
    assert texts(world.ask("www.example", "CNAME").answer) == ["www.example. CNAME www.other."]


def test_an_alias_into_its_own_subtree_is_applied_once() -> None:
    world = RuledWorld(rule("cname", "example", target="www.example"))
    assert texts(world.ask("brief.example").answer) == [
        "brief.example. CNAME www.example.",
        "www.example. A 203.0.113.1",
    ]


def test_rules_that_chase_each_other_end_in_servfail() -> None:
    world = RuledWorld(
        rule("cname", "a.example", target="b.example"), rule("cname", "b.example", "two", target="a.example")
    )
    answer = world.ask("a.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert "CNAME loop" in " ".join(ede_texts(answer))


def test_targets_of_aliases_meet_rules_too() -> None:
    world = RuledWorld(rule("nxdomain", "www.other"))
    answer = world.ask("alias.example")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert texts(answer.answer) == ["alias.example. CNAME www.other."]
    world.put(rule("refuse", "www.other", "two"))
    world.remove("one")
    refused = world.ask("alias.example")
    assert refused.rcode() == dns.rcode.REFUSED and not refused.answer


def test_pass_is_an_exception_to_what_comes_later() -> None:
    world = RuledWorld(rule("pass", "www.example"), rule("nxdomain", "example", "two"))
    assert is_secure(world.ask_secure("www.example"))
    assert world.ask("brief.example").rcode() == dns.rcode.NXDOMAIN


def test_bogus_is_a_verdict_that_cd_switches_off() -> None:
    world = RuledWorld(rule("bogus", "example"))
    answer = world.ask_secure("www.example", cd=True)
    assert answer.rcode() == dns.rcode.NOERROR and answer.answer
    assert ede_codes(answer) == []


def test_rules_come_before_special_names() -> None:
    world = RuledWorld(rule("records", "localhost", records=["A 192.0.2.1"]))
    assert texts(world.ask("localhost").answer) == ["localhost. A 192.0.2.1"]


# -- who, how long, how often ------------------------------------------------------------------------------------------


def scoped_settings() -> EngineSettings:
    settings = plain_settings()
    settings.access_rules = [AccessRule(b"\x00\x00\x00\x00", 0, True)]
    settings.client_groups = [ClientGroup("school", [AccessRule(b"\x0a\x00\x00\x00", 8, True)], False)]
    settings.services = ["default", "quick"]
    return settings


def test_a_rule_for_a_client_group_or_a_service_is_for_nobody_else() -> None:
    world = RuledWorld(
        rule("nxdomain", "example", client_groups=["school"]),
        rule("refuse", "other", "two", services=["quick"]),
        settings=scoped_settings(),
    )
    for _ in range(2):
        assert world.ask("www.example", address="10.0.0.1").rcode() == dns.rcode.NXDOMAIN
        assert world.ask("www.example", address="11.0.0.1").rcode() == dns.rcode.NOERROR
        quick = world.ask("www.other", client=Client(b"\x0a\x00\x00\x01", TRANSPORT_UDP, None, 1))
        assert (quick.rcode(), ede_codes(quick)) == (dns.rcode.REFUSED, [EDE_PROHIBITED])
        assert world.ask("www.other", address="10.0.0.1").rcode() == dns.rcode.NOERROR


def test_a_rule_ends_by_itself_by_the_wall_clock() -> None:
    world = RuledWorld(rule("nxdomain", "example", end_s=START_S + 600))
    assert world.ask("www.example").rcode() == dns.rcode.NXDOMAIN
    world.pass_time_us(599 * 1_000_000)
    assert world.ask("www.example").rcode() == dns.rcode.NXDOMAIN
    world.pass_time_us(1_000_000)
    assert world.ask("www.example").rcode() == dns.rcode.NOERROR
    assert world.engine.rules.rules == []


def test_every_answer_is_counted_wherever_it_comes_from() -> None:
    counted = rule("nxdomain", "example")
    world = RuledWorld(counted)
    for name in ("www.example", "www.example", "x.example", "www.other"):
        world.ask(name)
    assert counted.hits == 3


def test_configured_rules_come_after_those_of_run_time() -> None:
    configured = rule("nxdomain", "example", "file")
    configured.configured = True
    settings = plain_settings()
    settings.override_rules = [configured]
    world = RuledWorld(settings=settings)
    assert world.engine.take_effects() == [], "a long file is no reason for a long log"
    assert world.ask("www.example").rcode() == dns.rcode.NXDOMAIN
    world.engine.arrange_override_rules(rule("pass", "www.example"), ["one"], world.now())
    assert world.ask("www.example").rcode() == dns.rcode.NOERROR
    world.engine.arrange_override_rules(None, [], world.now())
    assert world.ask("www.example").rcode() == dns.rcode.NXDOMAIN


def test_an_order_puts_rules_before_others() -> None:
    world = RuledWorld(rule("nxdomain", "example"), rule("pass", "www.example", "two"))
    assert world.ask("www.example").rcode() == dns.rcode.NXDOMAIN
    world.engine.arrange_override_rules(None, ["two", "one"], world.now())
    assert world.ask("www.example").rcode() == dns.rcode.NOERROR


# -- other servers -----------------------------------------------------------------------------------------------------


def test_forwarded_questions_are_for_those_that_the_rule_is_for_and_leave_nothing_behind() -> None:
    world = RuledWorld(
        rule("forward", "corp.invalid", servers=[FORWARDER], client_groups=["school"]), settings=scoped_settings()
    )
    world.settings.validate = False
    for _ in range(2):
        assert texts(world.ask("corp.invalid", address="10.0.0.1").answer) == ["corp.invalid. A 10.0.0.2"]
        assert world.ask("corp.invalid", address="11.0.0.1").rcode() == dns.rcode.NXDOMAIN
    assert world.forwarded == ["corp.invalid."], "the whole answer is kept for its TTL"
    world.remove()
    assert world.ask("corp.invalid", address="10.0.0.1").rcode() == dns.rcode.NXDOMAIN


def test_what_is_forwarded_is_validated_all_the_same() -> None:
    world = RuledWorld(rule("forward", "www.example", servers=[FORWARDER]))
    answer = world.ask_secure("www.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert "www.example/A" in " ".join(ede_texts(answer))
    world.remove()
    assert is_secure(world.ask_secure("www.example")), "what the other servers said is no failure of the name"


def test_authentic_data_is_authentic_whoever_hands_it_on() -> None:
    world = RuledWorld(rule("forward", "example", servers=[FORWARDER]))
    assert is_secure(world.ask_secure("brief.example"))
    missing = world.ask_secure("missing.example")
    assert missing.rcode() == dns.rcode.NXDOMAIN and is_secure(missing)
    assert world.forwarded == ["brief.example.", "missing.example."]


def test_silent_servers_of_a_rule_show_no_zone_to_be_broken() -> None:
    world = RuledWorld(rule("forward", "example", servers=[FORWARDER]))
    world.inside = {}
    world.silent = True
    assert world.ask("www.example").rcode() == dns.rcode.SERVFAIL
    world.silent = False
    world.remove()
    assert is_secure(world.ask_secure("www.example"))
    assert not world.engine.state.broken.zones


# -- expired data ------------------------------------------------------------------------------------------------------


def test_no_stale_keeps_expired_data_from_clients() -> None:
    world = RuledWorld(rule("no-stale", "www.example"))
    for name in ("www.example", "brief.example"):
        world.ask(name)
    world.pass_time_us(DAY_US)
    world.silent = True
    assert world.ask("www.example").rcode() == dns.rcode.SERVFAIL
    stale = world.ask("brief.example")
    assert stale.answer and EDE_STALE_ANSWER in ede_codes(stale)


def test_no_stale_holds_for_the_target_of_an_alias() -> None:
    world = RuledWorld(rule("no-stale", "www.example"))
    world.ask("inner.example")
    world.pass_time_us(DAY_US)
    world.silent = True
    assert world.ask("inner.example").rcode() == dns.rcode.SERVFAIL


def test_a_rule_that_blocks_is_not_bypassed_by_stale_answers() -> None:
    world = RuledWorld()
    world.ask("alias.example")
    world.pass_time_us(DAY_US)
    world.put(rule("nxdomain", "www.other"))
    world.silent = True
    assert world.ask("alias.example").rcode() == dns.rcode.NXDOMAIN


def test_force_stale_keeps_what_is_known_and_asks_nobody() -> None:
    world = RuledWorld()
    world.ask("brief.example")
    world.put(rule("force-stale", "brief.example"))
    before = len(world.sent)
    for _ in range(3):
        world.pass_time_us(3600 * 1_000_000)
        answer = world.ask("brief.example")
        assert texts(answer.answer) == ["brief.example. A 203.0.113.3"] and answer.answer[0].ttl == 30
        assert ede_codes(answer) == [EDE_STALE_ANSWER] and "kept by override rule one: test" in ede_texts(answer)[0]
    assert len(world.sent) == before
    world.remove()
    assert ede_codes(world.ask("brief.example")) == []
    assert len(world.sent) > before


def test_force_stale_lets_unknown_names_be_looked_up() -> None:
    world = RuledWorld(rule("force-stale", "example"))
    assert texts(world.ask("www.example").answer) == ["www.example. A 203.0.113.1"]


# -- trust -------------------------------------------------------------------------------------------------------------


class BrokenWorld(RuledWorld):
    """The signatures of `example` are bad, as long as ``broken``."""

    def __init__(self, *rules: OverrideRule, settings: EngineSettings | None = None) -> None:
        self.broken = True
        super().__init__(*rules, settings=settings)

    def tampered(self, _query: Message, response: Message) -> Message | None:
        if self.broken:
            spoil_signatures(response, "example.")
        return super().tampered(_query, response)


def let_through(answer: Message) -> bool:
    """Whether an answer is as below a negative trust anchor that a rule made."""
    assert not is_secure(answer)
    return answer.rcode() == dns.rcode.NOERROR and ede_codes(answer)[-1:] == [EDE_NEGATIVE_TRUST_ANCHOR]


def test_insecure_is_a_negative_trust_anchor_and_ends_without_a_trace() -> None:
    world = BrokenWorld()
    assert world.ask_secure("www.example").rcode() == dns.rcode.SERVFAIL
    made = rule("insecure", "example")
    world.put(made)
    answer = world.ask_secure("www.example")
    assert let_through(answer)
    assert ede_texts(answer)[-1] == "negative trust anchor example: override rule one: test"
    assert let_through(world.ask_secure("www.example")) and made.hits == 2
    listed = dns.message.make_query("negativetrustanchor.server", "TXT", "CH")
    world.submit(listed)
    assert "override rule one: test" in str(world.answers.pop())
    world.remove()
    assert world.ask_secure("www.example").rcode() == dns.rcode.SERVFAIL
    world.broken = False
    world.pass_time_us(600 * 1_000_000)
    assert is_secure(world.ask_secure("www.example"))


def test_insecure_holds_for_the_types_and_clients_of_the_rule() -> None:
    settings = scoped_settings()
    settings.client_groups.append(ClientGroup("mail", [AccessRule(b"\x0b\x00\x00\x00", 8, True)], True))
    world = BrokenWorld(rule("insecure", "example", types=["A"], client_groups=["school", "mail"]), settings=settings)
    for _ in range(2):
        assert world.ask("www.example", address="10.0.0.1").rcode() == dns.rcode.NOERROR
        assert world.ask("www.example", "TXT", address="10.0.0.1").rcode() == dns.rcode.SERVFAIL
        assert world.ask("www.example", address="12.0.0.1").rcode() == dns.rcode.SERVFAIL
        assert world.ask("www.example", address="11.0.0.1").rcode() == dns.rcode.SERVFAIL, "on the never list"


def test_an_insecure_rule_and_a_negative_trust_anchor_of_one_zone_live_and_end_apart() -> None:
    world = BrokenWorld(rule("insecure", "example"))
    anchor = NegativeTrustAnchor(wire_name("example"), "outage", "ops", START_S, START_S + 60)
    world.engine.put_negative_trust_anchor(anchor, world.now())
    assert let_through(world.ask_secure("www.example"))
    world.remove()
    answer = world.ask_secure("www.example")
    assert let_through(answer) and "outage" in ede_texts(answer)[-1]
    world.put(rule("insecure", "example"))
    world.pass_time_us(61 * 1_000_000)
    answer = world.ask_secure("www.example")
    assert let_through(answer) and "override rule one" in ede_texts(answer)[-1]


def test_what_is_forwarded_need_not_be_validated_if_a_rule_says_so() -> None:
    world = RuledWorld(rule("forward", "www.example", servers=[FORWARDER]), rule("insecure", "www.example", "two"))
    answer = world.ask_secure("www.example")
    assert let_through(answer) and texts(answer.answer) == ["www.example. A 10.0.0.1"]
    world.remove()
    answer = world.ask_secure("www.example")
    assert let_through(answer) and "www.example. A 203.0.113.1" in texts(answer.answer)


# -- who asks ----------------------------------------------------------------------------------------------------------


def test_questions_without_recursion_meet_rules_that_need_no_recursion() -> None:
    settings = plain_settings()
    settings.answer_without_recursion_desired = True
    world = RuledWorld(
        rule("nxdomain", "www.example"),
        rule("forward", "brief.example", "two", servers=[FORWARDER]),
        rule("cname", "alias.example", "three", target="www.other"),
        settings=settings,
    )
    assert world.ask_secure("www.example", rd=False).rcode() == dns.rcode.NXDOMAIN
    for name in ("brief.example", "alias.example"):
        answer = world.ask_secure(name, rd=False)
        assert answer.rcode() == dns.rcode.NOERROR and not answer.answer
    assert world.forwarded == [] and world.sent == []


def test_who_wants_to_know_what_the_dns_says_is_told() -> None:
    world = RuledWorld(rule("nxdomain", "example"))
    for token, by_rules in ((1, True), (2, False)):
        world.engine.resolve(token, wire_name("www.example"), TYPE_A, False, world.now(), by_rules)
    world.run()
    found = {one.token: one.rcode for one in world.engine.take_results()}
    assert found == {1: dns.rcode.NXDOMAIN, 2: dns.rcode.NOERROR}
