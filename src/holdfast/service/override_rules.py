"""The override rules in force, in their order, and which of them a question meets.

The rules of an operator come as one ordered list. There are three kinds of them, and of each kind the first match
counts: what the answer is (at most one rule decides that), whether expired data is used, and whether the answer is
validated. So the order matters among rules of one kind only, and a rule about staleness does not hide one that blocks.

A question is looked up by its name and the names above it, in a dict, so what a question costs depends on how deep its
name is, not on how many rules there are.
"""

from typing import Final

from holdfast.base.audience import Audience
from holdfast.base.override_rule import (
    EXACT,
    RULE_NODATA,
    RULE_NXDOMAIN,
    RULE_PASS,
    RULE_RECORDS,
    RULE_REFUSE,
    SUBTREE,
    TRUST,
    OverrideRule,
)
from holdfast.dns.name import ROOT, parent


class PlacedRule:
    """A rule and its place in the order, counted from 0."""

    def __init__(self, rule: OverrideRule, place: int) -> None:
        self.rule: Final = rule
        self.place: Final = place


class RulesMet:
    """The rules that count for a question: the first match of each kind, or None."""

    def __init__(
        self, deciding: OverrideRule | None, staleness: OverrideRule | None, trust: OverrideRule | None
    ) -> None:
        self.deciding: Final = deciding
        self.staleness: Final = staleness
        self.trust: Final = trust


ALONE: Final = [RULE_REFUSE, RULE_NXDOMAIN, RULE_NODATA, RULE_RECORDS]
NONE_MET: Final = RulesMet(None, None, None)


class OverrideRules:
    """An ordered table of rules, each known by its ``identity``."""

    def __init__(self) -> None:
        self.rules: list[OverrideRule] = []
        self.by_name: dict[bytes, list[PlacedRule]] = {}

    def replace_all(self, rules: list[OverrideRule]) -> None:
        """Put a new list in force."""
        self.rules = rules
        self.by_name = {}
        for place, rule in enumerate(rules):
            self.by_name.setdefault(rule.match.name, []).append(PlacedRule(rule, place))

    def find(self, identity: str) -> OverrideRule | None:
        """Return a rule by its identity."""
        for rule in self.rules:
            if rule.identity == identity:
                return rule
        return None

    def met(self, name: bytes, rtype: int, audience: Audience, without: list[OverrideRule]) -> RulesMet:
        """Return the rules that a question meets; those in ``without`` are taken for absent."""
        if not self.by_name:
            return NONE_MET
        first: list[PlacedRule | None] = [None, None, None]  # by kind
        zone = name
        while True:
            for placed in self.by_name.get(zone, NOTHING):
                if placed.rule not in without and matches(placed.rule, zone == name, rtype, audience):
                    known = first[placed.rule.kind]
                    if known is None or placed.place < known.place:
                        first[placed.rule.kind] = placed
            if zone == ROOT:
                break
            zone = parent(zone)
        deciding, staleness, trust = [placed.rule if placed is not None else None for placed in first]
        if deciding is None and staleness is None and trust is None:
            return NONE_MET
        return RulesMet(deciding, staleness, trust)

    def answers(self, name: bytes, rtype: int, audience: Audience) -> bool:
        """Tell whether a rule answers a question, and no look-up is needed for that."""
        rule = self.met(name, rtype, audience, NO_RULES).deciding
        return rule is not None and rule.action in ALONE

    def treatment(self, audience: Audience) -> bytes:
        """Return octets that differ between audiences for which different rules are in force."""
        return bytes(
            1 if rule.match.is_for(audience.service, audience.group) else 0
            for rule in self.rules
            if not rule.match.is_for_all()
        )


NOTHING: Final[list[PlacedRule]] = []  # the usual case costs no allocation
NO_RULES: Final[list[OverrideRule]] = []


def matches(rule: OverrideRule, at_name: bool, rtype: int, audience: Audience) -> bool:
    """Tell whether a rule is for a question ``at_name`` (the rule's own), or below it."""
    match = rule.match
    if match.reach != SUBTREE and at_name != (match.reach == EXACT):
        return False
    if match.types and rtype not in match.types:
        return False
    if rule.kind == TRUST and audience.strict:  # on the never list
        return False
    return match.is_for(audience.service, audience.group)


def is_answer(rule: OverrideRule | None) -> bool:
    """Tell whether a deciding rule takes a question out of the ordinary course; PASS leaves it there."""
    return rule is not None and rule.action != RULE_PASS
