"""The table of override rules: which rules a question meets, against a model that looks at every rule in turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.base.audience import Audience
from holdfast.base.override_rule import BELOW, EXACT, KINDS, SUBTREE, OverrideRule, RuleMatch
from holdfast.dns.iana import TYPE_A, TYPE_AAAA, TYPE_TXT
from holdfast.dns.name import is_subdomain
from holdfast.service.override_rules import OverrideRules
from tests.support.dnssec_records import wire_name
from tests.support.rules import GROUPS, SERVICES, audience, rule

NAMES = [".", "example", "a.example", "b.a.example", "c.b.a.example", "aexample", "other"]
TYPES = [TYPE_A, TYPE_AAAA, TYPE_TXT]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


@st.composite
def tables(draw: st.DrawFn) -> list[OverrideRule]:
    rules = []
    for number in range(draw(st.integers(0, 8))):
        match = RuleMatch(
            wire_name(draw(st.sampled_from(NAMES))),
            draw(st.sampled_from([EXACT, SUBTREE, BELOW])),
            draw(st.lists(st.sampled_from(TYPES), max_size=2, unique=True)),
            draw(some(SERVICES)),
            draw(some(GROUPS)),
        )
        rules.append(OverrideRule(f"r{number}", match, draw(st.integers(0, len(KINDS) - 1)), "test", "ops", 0, 1))
    return rules


AUDIENCES = st.builds(audience, st.sampled_from(SERVICES), st.sampled_from(["", *GROUPS]))


def first(
    rules: list[OverrideRule], kind: int, name: bytes, rtype: int, asker: Audience, without: list[OverrideRule]
) -> OverrideRule | None:
    """What the documentation says, word for word."""
    for one in rules:
        match = one.match
        reached = {
            EXACT: name == match.name,
            SUBTREE: is_subdomain(name, match.name),
            BELOW: name != match.name and is_subdomain(name, match.name),
        }[match.reach]
        if (
            one.kind == kind
            and one not in without
            and reached
            and (not match.types or rtype in match.types)
            and (not match.services or asker.service in match.services)
            and (not match.groups or asker.group in match.groups)
        ):
            return one
    return None


@given(tables(), st.sampled_from(NAMES), st.sampled_from(TYPES), AUDIENCES, st.integers(0, 8))
def test_the_first_match_of_each_kind_counts(
    rules: list[OverrideRule], name: str, rtype: int, asker: Audience, left_out: int
) -> None:
    table = OverrideRules()
    table.replace_all(rules)
    without = rules[left_out : left_out + 1]
    met = table.met(wire_name(name), rtype, asker, without)
    wanted = [first(rules, kind, wire_name(name), rtype, asker, without) for kind in range(3)]
    assert [met.deciding, met.staleness, met.trust] == wanted


@given(tables(), AUDIENCES, AUDIENCES, st.sampled_from(NAMES), st.sampled_from(TYPES))
def test_audiences_with_the_same_treatment_meet_the_same_rules(
    rules: list[OverrideRule], one: Audience, other: Audience, name: str, rtype: int
) -> None:
    table = OverrideRules()
    table.replace_all(rules)
    if table.treatment(one) != table.treatment(other):
        return
    met = [table.met(wire_name(name), rtype, asker, []) for asker in (one, other)]
    assert (met[0].deciding, met[0].staleness, met[0].trust) == (met[1].deciding, met[1].staleness, met[1].trust)


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        ("ads.example", ["exact", "subtree"]),
        ("x.ads.example", ["subtree", "below"]),
        ("y.x.ads.example", ["subtree", "below"]),
        ("bads.example", []),
        ("example", []),
    ],
)
def test_reach(name: str, reached: list[str]) -> None:
    found = []
    for match in ("exact", "subtree", "below"):
        table = OverrideRules()
        table.replace_all([rule("nxdomain", "ads.example", match=match)])
        if table.answers(wire_name(name), TYPE_A, audience()):
            found.append(match)
    assert found == reached


def test_order_matters_among_rules_of_a_kind_whatever_is_closer() -> None:
    far, near = rule("nxdomain", "example", "far"), rule("pass", "www.example", "near")
    stale = rule("no-stale", ".", "stale")
    table = OverrideRules()
    for rules, deciding in (([far, near, stale], far), ([stale, near, far], near)):
        table.replace_all(rules)
        met = table.met(wire_name("www.example"), TYPE_A, audience(), [])
        assert (met.deciding, met.staleness) == (deciding, stale)
