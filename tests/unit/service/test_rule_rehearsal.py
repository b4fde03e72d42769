"""Rehearsing rules: the questions of the last hour that would meet other rules than now."""

import pytest

from holdfast.base.override_rule import OverrideRule
from holdfast.base.settings import AccessRule, ClientGroup
from holdfast.dns.name import to_text
from holdfast.service.rule_rehearsal import NAMES_SHOWN, Rehearsal
from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to
from tests.support.rules import rule

RECORDS = {"alias.example.": "CNAME www.other.", "www.other.": "A 192.0.2.1", "www.example.": "A 192.0.2.2"}


def respond(_address: str, query: Message) -> Message:
    name = query.question[0].name.to_text()
    if name in RECORDS and str(query.question[0].rdtype) != "AAAA":
        return reply_to(query, answer=[f"{name} 300 {RECORDS[name]}"])
    return reply_to(query, authority=["example. 300 SOA ns. h. 1 2 3 4 5"])


class RehearsedWorld(EngineWorld):
    """Clients of two groups that have asked something."""

    def __init__(self) -> None:
        settings = plain_settings()
        settings.access_rules = [AccessRule(b"\x00\x00\x00\x00", 0, True)]
        settings.client_groups = [ClientGroup("school", [AccessRule(b"\x0a\x00\x00\x00", 8, True)], False)]
        super().__init__(respond, settings)
        for address in ("10.0.0.1", "10.0.0.2", "11.0.0.1"):
            for name in ("alias.example", "www.example", "www.example"):
                self.ask(name, address=address)

    def order(self) -> list[str]:
        return [one.identity for one in self.engine.rules.rules]

    def put(self, one: OverrideRule) -> None:
        self.engine.arrange_override_rules(one, [*self.order(), one.identity], self.now())

    def rehearse(self, one: OverrideRule, first: bool = False) -> Rehearsal:
        order = [one.identity, *self.order()] if first else [*self.order(), one.identity]
        return self.engine.rehearse_override_rules(one, order, self.now())


def changed(result: Rehearsal) -> list[tuple[str, int]]:
    return [(to_text(one.name), one.count) for one in result.names]


def test_names_and_clients_are_counted() -> None:
    result = RehearsedWorld().rehearse(rule("nxdomain", "www.example"))
    assert (result.asked, result.changed, result.names_changed, len(result.clients)) == (9, 6, 1, 3)
    assert changed(result) == [("www.example", 6)]


def test_aliases_are_followed_as_far_as_they_are_known() -> None:
    world = RehearsedWorld()
    assert changed(world.rehearse(rule("nxdomain", "other"))) == [("alias.example", 3)]
    world.put(rule("cname", "www.example", "made-up", target="www.other"))
    assert changed(world.rehearse(rule("nxdomain", "other"))) == [("www.example", 6), ("alias.example", 3)]


def test_a_rule_for_a_group_is_rehearsed_for_the_group() -> None:
    result = RehearsedWorld().rehearse(rule("refuse", "example", client_groups=["school"]))
    assert (result.changed, result.clients) == (6, [b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"])


@pytest.mark.parametrize(
    ("there", "candidate", "first", "count"),
    [
        (("nxdomain", "example"), ("refuse", "www.example"), False, 0),  # never reached
        (("nxdomain", "example"), ("refuse", "www.example"), True, 6),
        (("nxdomain", "example"), ("pass", "www.example"), True, 6),
        (("pass", "example"), ("refuse", "www.example"), False, 0),
        (("nxdomain", "example"), ("no-stale", "example"), False, 0),  # nothing is looked for there
        (("forward", "example"), ("no-stale", "example"), False, 9),
        (("no-stale", "example"), ("force-stale", "example"), False, 0),
        (("no-stale", "example"), ("force-stale", "example"), True, 9),
        (("no-stale", "example"), ("pass", "example"), True, 0),
    ],
)
def test_what_counts_is_which_rules_would_be_met(
    there: tuple[str, str], candidate: tuple[str, str], first: bool, count: int
) -> None:
    world = RehearsedWorld()
    servers = {"servers": ["192.0.2.99"]} if there[0] == "forward" else {}
    world.put(rule(there[0], there[1], "there", **servers))
    assert world.rehearse(rule(*candidate, "new"), first).changed == count


def test_taking_a_rule_away_is_rehearsed_too() -> None:
    world = RehearsedWorld()
    world.put(rule("nxdomain", "www.example"))
    result = world.engine.rehearse_override_rules(None, [], world.now())
    assert changed(result) == [("www.example", 6)]
    assert world.order() == ["one"]


def test_the_most_asked_names_are_shown() -> None:
    world = RehearsedWorld()
    for number in range(NAMES_SHOWN + 5):
        world.ask(f"n{number}.example")
    result = world.rehearse(rule("nxdomain", "example"))
    assert (len(result.names), result.names_changed) == (NAMES_SHOWN, NAMES_SHOWN + 7)
    assert changed(result)[:2] == [("www.example", 6), ("alias.example", 3)]
