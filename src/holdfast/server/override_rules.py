"""The server's list of override rules: those of run time, journalled, before those of the configuration.

The supervisor owns it, and hands every change to all workers. The journal is the only form on disk of what was decided
at run time; ends are by the wall clock. A rule of the configuration takes the place of one of run time with the same
identity: that is how one that has proved itself gets into the file.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from holdfast.base.limits import OVERRIDE_RULES_AT_RUN_TIME
from holdfast.base.override_rule import OverrideRule
from holdfast.base.settings import EngineSettings
from holdfast.dns.iana import decimal
from holdfast.dnssec.signature_time import utc_text
from holdfast.server.change_journal import ChangeJournal
from holdfast.server.commands import CONFLICT, NOT_FOUND, UNAVAILABLE, Change, CommandError
from holdfast.server.lines import LINE_OCTETS, Values, encode
from holdfast.server.rule_actions import merge_rehearsals
from holdfast.server.rule_values import Audiences, RuleError, read_rule, rule_values

FILE_NAME = "override-rules.jsonl"
PAGE_OCTETS = LINE_OCTETS // 2  # of rules in one reply; the largest possible one takes nearly as many
IDENTITIES_TOLD = 20  # in an error, of those that there are
NUMBER_MAXIMUM = 10**9
DECISIONS = ("rule.add", "rule.move", "rule.remove")
NOT_RULE = ("command", "lifetime_s", "before", "first", "remove")  # arguments that say something else about a rule

log = structlog.get_logger()


class OverrideRuleList:
    """All rules in force. ``directory`` None: those of run time are kept in memory only, and a restart forgets them."""

    def __init__(
        self, directory: Path | None, configured: Sequence[OverrideRule], clock: Callable[[], float] = time.time
    ):
        self._clock = clock
        self._rules: dict[str, OverrideRule] = {}  # of run time, in order
        self._configured: list[OverrideRule] = []
        self._last_number = 0
        self._journal = ChangeJournal(directory, FILE_NAME, "override rules")
        self._journal.read(self._replay, self._in_force_values, self._now_s())
        self.configure(configured)
        self.expire()

    def in_force(self) -> list[OverrideRule]:
        """Return the rules that have not ended, in order."""
        now_s = self._now_s()
        return [rule for rule in (*self._rules.values(), *self._configured) if rule.end_s > now_s]

    def configure(self, configured: Sequence[OverrideRule]) -> None:
        """Take the rules of a new configuration in place of those of the old one."""
        self._configured = list(configured)
        for rule in configured:
            if rule.identity in self._rules:
                self._end(self._rules[rule.identity], "the configuration has taken it over")

    def move(self, directory: Path | None) -> None:
        """Keep the journal in another directory from now on, beginning with what is in force (after a reload)."""
        if self._journal.move(directory):
            for values in self._in_force_values():
                more = {key: values[key] for key in ("rule", "order")}
                self._journal.note(self._now_s(), "add", values["by"], values["why"], more)

    def expire(self) -> None:
        """Take note of ends that have come; the workers see them by themselves."""
        now_s = self._now_s()
        for rule in [one for one in self._rules.values() if one.end_s <= now_s]:
            self._end(rule, rule.reason)

    def carry_out(self, values: Values, settings: EngineSettings) -> Change:
        """Return what a checked command asks of the workers. Raises CommandError, and changes nothing, if it cannot be.

        A decision (``DECISIONS``) is in the journal when this returns.
        """
        self.expire()
        command = values["command"]
        if command in ("rule.list", "rule.show"):
            return self._show(values)
        if command == "rule.dry-run":
            return self._rehearse(values, settings)
        try:
            if command == "rule.add":
                return self._add(values, settings)
            return self._move(values) if command == "rule.move" else self._remove(values)
        except OSError as error:
            text = f"{command}: cannot write {self._journal.path}: {error.strerror or error}"
            raise CommandError(text, UNAVAILABLE) from None

    def _show(self, values: Values) -> Change:
        """Ask for the hits of some rules."""
        rules = self.in_force()
        result: Values = {"kept": self._journal.path is not None, "total": len(rules)}
        if values["command"] == "rule.show":
            return self._with_hits([self._shown(self._existing(values, rules))], result)
        start, octets = values.get("start", 0), 0
        page: list[Values] = []
        for rule in rules[start:]:
            shown = self._shown(rule)
            octets += len(encode(shown))
            if page and octets > PAGE_OCTETS:
                result["next"] = start + len(page)
                break
            page.append(shown)
        return self._with_hits(page, result)

    def _rehearse(self, values: Values, settings: EngineSettings) -> Change:
        """Rehearse a rule to be added, or with ``remove`` one to be taken away."""
        if "remove" in values:
            if len(values) > 2:
                raise CommandError("rule.dry-run: a rule to remove is all that it takes", argument="remove")
            gone = self._changeable({**values, "id": values["remove"]}, "remove")
            return Change("rule.rehearse", {"order": self._order_without(gone)}, {}, merge_rehearsals)
        rule = self._new({"reason": "dry run", "author": "dry run", **values}, settings)
        order = self._order_with(rule.identity, values)
        return Change("rule.rehearse", {"rule": rule_values(rule), "order": order}, {}, merge_rehearsals)

    # -- changes ------------------------------------------------------------------------------------------------------

    def _add(self, values: Values, settings: EngineSettings) -> Change:
        if len(self._rules) >= OVERRIDE_RULES_AT_RUN_TIME:
            text = f"rule.add: there are {OVERRIDE_RULES_AT_RUN_TIME} rules of run time, as many as may be"
            raise CommandError(text + "; the configuration may have more", CONFLICT)
        rule = self._new(values, settings)
        order = self._order_with(rule.identity, values)
        self._write("add", rule, order, rule.author, rule.reason)
        self._last_number = max(self._last_number, _number(rule.identity))
        self._rules[rule.identity] = rule
        return self._arranged(order, rule, {"rule": rule_values(rule)})

    def _move(self, values: Values) -> Change:
        rule = self._changeable(values)
        order = self._order_with(rule.identity, values)
        reason = (values.get("reason") or rule.reason).strip()
        self._write("move", rule, order, values["author"].strip(), reason)
        return self._arranged(order, rule, {})

    def _remove(self, values: Values) -> Change:
        rule = self._changeable(values)
        order = self._order_without(rule)
        self._write("remove", rule, order, values["author"].strip(), values["reason"].strip())
        return self._arranged(order, rule, {})

    def _end(self, rule: OverrideRule, why: str) -> None:
        del self._rules[rule.identity]
        log.info("override rule ended", rule=rule.identity, reason=why)
        # It has ended, written or not: its end is in the journal already, or the configuration says so each time.
        more = {"rule": rule_values(rule), "order": list(self._rules)}
        self._journal.note(self._now_s(), "end", rule.author, why, more)

    def _new(self, values: Values, settings: EngineSettings) -> OverrideRule:
        """Return the rule that a command describes. Raises CommandError if it cannot be."""
        command = values["command"]
        now_s = self._now_s()
        given = {key: value for key, value in values.items() if key not in NOT_RULE}
        given.setdefault("id", f"r{self._last_number + 1}")
        given["start_s"] = now_s
        if "lifetime_s" in values:
            given["end_s"] = now_s + values["lifetime_s"]
        try:
            rule = read_rule(given, Audiences(settings.services, [group.name for group in settings.client_groups]))
        except RuleError as error:
            raise CommandError(f"{command}: {error}", argument=error.problems[0][0]) from None
        if rule.identity in [one.identity for one in self.in_force()]:
            raise CommandError(f"{command}: there is a rule {rule.identity} already", CONFLICT, "id")
        return rule

    def _order_with(self, identity: str, values: Values) -> list[str]:
        """Return the order of the rules of run time with one in its new place. Raises CommandError."""
        before, first = values.get("before"), values.get("first", False)
        others = [one for one in self._rules if one != identity]
        if before is None:
            return [identity, *others] if first else [*others, identity]
        if first:
            raise CommandError(f"{values['command']}: say either first or before which rule", argument="before")
        place = others.index(self._changeable({**values, "id": before}, "before").identity)
        return [*others[:place], identity, *others[place:]]

    def _order_without(self, rule: OverrideRule) -> list[str]:
        return [identity for identity in self._rules if identity != rule.identity]

    def _arranged(self, order: list[str], rule: OverrideRule, more: Values) -> Change:
        """Put the list into a new order, and return what the workers shall do and what the user is told."""
        self._rules = {identity: self._rules[identity] for identity in order}
        result = {"kept": self._journal.path is not None, "rules": [self._shown(rule)], "total": len(self.in_force())}
        return Change("rule.arrange", {"order": order, **more}, result)

    # -- looking ------------------------------------------------------------------------------------------------------

    def _existing(self, values: Values, rules: Sequence[OverrideRule], argument: str = "id") -> OverrideRule:
        for rule in rules:
            if rule.identity == values["id"]:
                return rule
        have = ", ".join(rule.identity for rule in rules[:IDENTITIES_TOLD]) or "none"
        more = f" and {len(rules) - IDENTITIES_TOLD} more" if len(rules) > IDENTITIES_TOLD else ""
        text = f"{values['command']}: there is no rule {values['id']!r}; there are: {have}{more}"
        raise CommandError(text, NOT_FOUND, argument)

    def _changeable(self, values: Values, argument: str = "id") -> OverrideRule:
        """Return a rule of run time by its identity. Raises CommandError if there is none, or it is configured."""
        rule = self._existing(values, self.in_force(), argument)
        if rule.configured:
            text = f"{values['command']}: {rule.identity} is from the configuration: change it there, and reload"
            raise CommandError(text, CONFLICT, argument)
        return rule

    def _shown(self, rule: OverrideRule) -> Values:
        left = {"left_s": rule.end_s - self._now_s()} if rule.ends() else {}
        return {**rule_values(rule), "configured": rule.configured, **left}

    def _with_hits(self, shown: list[Values], result: Values) -> Change:
        def merge(results: Sequence[Values]) -> Values:
            for one in shown:
                one["hits"] = sum(counted["hits"].get(one["id"], 0) for counted in results)
            return {**result, "rules": shown}

        return Change("rule.hits", {"ids": [one["id"] for one in shown]}, result, merge)

    def _now_s(self) -> int:
        return int(self._clock())

    # -- the journal --------------------------------------------------------------------------------------------------

    def _write(self, action: str, rule: OverrideRule, order: list[str], author: str, reason: str) -> None:
        """Journal a change. Raises OSError."""
        self._journal.write(self._now_s(), action, author, reason, _entry(rule, order))

    def _in_force_values(self) -> list[Values]:
        order = list(self._rules)
        rules = self._rules.values()
        return [{"action": "add", "by": one.author, "why": one.reason, **_entry(one, order)} for one in rules]

    def _replay(self, values: Values) -> bool:
        """Do once more what a line says; False: it says nothing."""
        try:
            action, order = values["action"], [str(identity) for identity in values["order"]]
            rule = read_rule(values["rule"], None)
        except (RuleError, KeyError, TypeError, AttributeError):
            return False
        self._last_number = max(self._last_number, _number(rule.identity))
        if action in ("remove", "end"):
            self._rules.pop(rule.identity, None)
        elif action in ("add", "move"):
            self._rules[rule.identity] = rule
        places = {identity: place for place, identity in enumerate(order)}
        known = sorted(self._rules, key=lambda identity: places.get(identity, len(places)))
        self._rules = {identity: self._rules[identity] for identity in known}
        return True


def _entry(rule: OverrideRule, order: list[str]) -> Values:
    end = {"end": utc_text(rule.end_s)} if rule.ends() else {}
    return {**end, "rule": rule_values(rule), "order": order}


def _number(identity: str) -> int:
    """Return the number of an identity that was given by counting, 0 for others."""
    return max(decimal(identity[1:], NUMBER_MAXIMUM), 0) if identity.startswith("r") else 0
