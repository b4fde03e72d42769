"""Putting override rules in force, into another order, and ending them, at once and for what is cached too.

A new policy epoch makes whole answers of before unfindable. Nothing else has to be forgotten: what rules make up is
kept nowhere else, and an INSECURE rule becomes a negative trust anchor with a scope, and ends as cleanly.
"""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.override_rule import RULE_INSECURE, OverrideRule
from holdfast.dnssec.anchor_scope import AnchorScope
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.resolve.recovery import forget_failures
from holdfast.resolve.state import ResolverState
from holdfast.resolve.timers import Timer
from holdfast.resolve.trust_decisions import END_CHECK_US, change_policy
from holdfast.service.override_rules import OverrideRules
from holdfast.service.recent_questions import RecentQuestions
from holdfast.service.rule_rehearsal import Rehearsal, rehearse


def arrange_rules(
    state: ResolverState, table: OverrideRules, rule: OverrideRule | None, order: list[str], now: Instant
) -> None:
    """Put ``rule`` in force, if there is one, and the rules of run time into an order."""
    put_rules(state, table, arranged(table, rule, order), now)


def rehearse_rules(
    state: ResolverState,
    table: OverrideRules,
    recent: RecentQuestions,
    rule: OverrideRule | None,
    order: list[str],
    now: Instant,
) -> Rehearsal:
    """Tell what ``arrange_rules`` would change for recent questions."""
    after = OverrideRules()
    after.replace_all(arranged(table, rule, order))
    return rehearse(state, recent, table, after, now)


def arranged(table: OverrideRules, rule: OverrideRule | None, order: list[str]) -> list[OverrideRule]:
    """Return the rules of run time in ``order``, ``rule`` among them, and behind them those of the configuration.

    Rules of run time that ``order`` leaves out end.
    """
    known = [*table.rules, rule] if rule is not None else table.rules
    by_identity = {one.identity: one for one in known if not one.configured}
    placed = [by_identity[identity] for identity in order if identity in by_identity]
    return [*placed, *(one for one in known if one.configured)]


def put_rules(state: ResolverState, table: OverrideRules, rules: list[OverrideRule], now: Instant) -> None:
    """Put a whole list in force in place of the one before."""
    rules = [rule for rule in rules if rule.end_s > now.wall_s]
    before = {rule.identity: rule for rule in table.rules}
    after = {rule.identity: rule for rule in rules}
    if not before and not after:
        return
    begun = [rule for rule in rules if before.get(rule.identity) is not rule]
    ended = [rule for rule in before.values() if after.get(rule.identity) is not rule]
    table.replace_all(rules)
    if any(rule.action == RULE_INSECURE for rule in [*begun, *ended]):
        state.negative_anchors.put_rules([anchor_of(rule) for rule in rules if rule.action == RULE_INSECURE])
    state.rule_treatments = [table.treatment(audience) for audience in state.audiences.all]
    change_policy(state)
    for rule in ended:
        if rule.action == RULE_INSECURE:
            forget_failures(state, rule.match.name)  # it may have ended because the zone is well again
        state.record("override-rule-ended", rule.match.name.decode("latin-1"), rule.text())
    for rule in begun:
        if not rule.configured:  # those of a file need no line in the log of every worker at every start
            state.record("override-rule", rule.match.name.decode("latin-1"), f"{rule.text()} (by {rule.author})")
        if rule.ends():
            RuleEndTimer(state, table, rule, now.monotonic_us).fire(now)


def anchor_of(rule: OverrideRule) -> NegativeTrustAnchor:
    """Return the negative trust anchor that an INSECURE rule is."""
    match = rule.match
    scope = AnchorScope(match.services, match.groups, [], match.types, [], False)
    return NegativeTrustAnchor(match.name, rule.text(), rule.author, rule.start_s, rule.end_s, scope)


class RuleEndTimer(Timer):
    """The end of a rule, unless it has been removed."""

    def __init__(self, state: ResolverState, table: OverrideRules, rule: OverrideRule, deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.state: Final = state
        self.table: Final = table
        self.rule: Final = rule

    def fire(self, now: Instant) -> None:
        """End it if it is time, else come back: ends are by the wall clock, which may be set."""
        if self.rule not in self.table.rules:
            return
        left_us = (self.rule.end_s - now.wall_s) * 1_000_000
        if left_us <= 0:
            put_rules(self.state, self.table, self.table.rules, now)
        else:
            deadline_us = now.monotonic_us + min(left_us, END_CHECK_US)
            self.state.timers.add(RuleEndTimer(self.state, self.table, self.rule, deadline_us))
