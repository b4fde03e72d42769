"""Rehearsing a change of the override rules: what would be different for the questions of the last hour.

A question is different if another rule than now would decide a link of its answer, or say whether that may be expired
or needs validation. Aliases are followed as far as the caches know them. Whether the answer itself would differ is not
looked at: a name that a rule denies may have been denied all along.
"""

from typing import Final

from holdfast.base.audience import Audience, Audiences
from holdfast.base.instant import Instant
from holdfast.base.limits import CNAME_LINKS
from holdfast.base.override_rule import RULE_CNAME, RULE_FORWARD, RULE_PASS, OverrideRule
from holdfast.dns.iana import TYPE_ANY, TYPE_CNAME
from holdfast.dns.rdata import rdata_name
from holdfast.resolve.state import ResolverState
from holdfast.service.override_rules import OverrideRules
from holdfast.service.recent_questions import RecentQuestions

NAMES_SHOWN: Final = 100  # names and types that would be different, the most asked first
CLIENTS_COUNTED: Final = 1000  # distinct clients; more are many


class ChangedQuestion:
    """A name and type that would be answered differently, and how often it was asked."""

    def __init__(self, name: bytes, rtype: int) -> None:
        self.name: Final = name
        self.rtype: Final = rtype
        self.count: int = 0


class Rehearsal:
    """The result: ``asked`` questions in all, ``changed`` of them different, of ``clients`` (addresses).

    ``names`` has the most asked of ``names_changed`` pairs of name and type.
    """

    def __init__(self) -> None:
        self.asked: int = 0
        self.changed: int = 0
        self.names_changed: int = 0
        self.names: list[ChangedQuestion] = []
        self.clients: list[bytes] = []


def rehearse(
    state: ResolverState, recent: RecentQuestions, before: OverrideRules, after: OverrideRules, now: Instant
) -> Rehearsal:
    """Tell which of the recent questions two tables of rules treat differently."""
    result = Rehearsal()
    audiences: Audiences = state.audiences
    changed: dict[bytes, ChangedQuestion] = {}
    clients: dict[bytes, bool] = {}
    for question in recent.all(now.monotonic_us):
        result.asked += question.count
        audience = audiences.of(question.service, question.address)
        if not differs(state, before, after, question.name, question.rtype, audience, now):
            continue
        result.changed += question.count
        key = question.rtype.to_bytes(2, "big") + question.name
        found = changed.get(key)
        if found is None:
            found = ChangedQuestion(question.name, question.rtype)
            changed[key] = found
        found.count += question.count
        if len(clients) < CLIENTS_COUNTED:
            clients[question.address] = True
    result.names_changed = len(changed)
    order = [(-one.count, key) for key, one in changed.items()]
    order.sort()
    result.names = [changed[key] for _, key in order[:NAMES_SHOWN]]
    result.clients = list(clients)
    return result


def differs(
    state: ResolverState,
    before: OverrideRules,
    after: OverrideRules,
    name: bytes,
    rtype: int,
    audience: Audience,
    now: Instant,
) -> bool:
    """Tell whether a question would meet other rules than now, itself or on the way along its aliases."""
    applied: list[OverrideRule] = []
    for _ in range(CNAME_LINKS):
        old = before.met(name, rtype, audience, applied)
        new = after.met(name, rtype, audience, applied)
        deciding = active(new.deciding)
        if active(old.deciding) is not deciding:
            return True
        target = b""
        if deciding is not None and deciding.action == RULE_CNAME:
            applied = [*applied, deciding]
            target = deciding.target
        elif deciding is not None and deciding.action != RULE_FORWARD:
            return False  # made up, whatever the other rules say
        elif old.staleness is not new.staleness or old.trust is not new.trust:
            return True
        elif deciding is None:
            known = state.rrsets.get_stale(name, TYPE_CNAME, True)
            target = rdata_name(TYPE_CNAME, known.rrset.rdatas[0]) if known is not None else b""
        if not target or rtype in (TYPE_CNAME, TYPE_ANY):
            return False
        name = target
    return False


def active(rule: OverrideRule | None) -> OverrideRule | None:
    """Return a deciding rule that changes anything: passing is the same as no rule."""
    return rule if rule is not None and rule.action != RULE_PASS else None
