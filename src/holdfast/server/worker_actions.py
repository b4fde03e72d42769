"""What a worker does for each command that the supervisor sends it: functions of engine, values and time.

Commands that users give are checked before (`holdfast.server.commands`); others are the supervisor's own.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from holdfast.base.instant import Instant
from holdfast.base.limits import DNSKEYS_PER_ZONE
from holdfast.dns.name import from_text, to_text
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.server.anchor_scopes import read_scope, scope_values
from holdfast.server.commands import CommandError, not_a_name
from holdfast.server.lines import Values
from holdfast.server.rule_actions import arrange_rules, count_hits, rehearse_rules
from holdfast.server.trust_anchor_values import KEYS_SHOWN, anchor_numbers, read_setting, report_values

if TYPE_CHECKING:
    from holdfast.engine.engine import ResolverEngine

WorkerAction = Callable[["ResolverEngine", Values, Instant], Values]


def flush(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Forget what is cached for a name, or for everything at and below it."""
    name = from_text(values["name"])
    if name is None:
        raise CommandError(not_a_name(values["name"]))
    return {"entries": engine.flush(name, values.get("subtree", False), now)}


def stats(engine: "ResolverEngine", _values: Values, now: Instant) -> Values:
    """Return the engine's counters."""
    return {**engine.statistics(), **anchor_numbers(engine.trust_anchor_reports(now))}


def anchor_values(anchor: NegativeTrustAnchor) -> Values:
    """Return a negative trust anchor as the values that go over sockets and into the journal."""
    return {
        "zone": to_text(anchor.zone),
        "reason": anchor.reason,
        "author": anchor.author,
        "start_s": anchor.start_s,
        "end_s": anchor.end_s,
        **scope_values(anchor.scope),
    }


def read_anchor(values: Values) -> NegativeTrustAnchor:
    """Return the negative trust anchor of its values. Raises CommandError if they are none."""
    kinds = {"zone": str, "reason": str, "author": str, "start_s": int, "end_s": int}
    for name, kind in kinds.items():
        if type(values.get(name)) is not kind:
            raise CommandError(f"a negative trust anchor needs {name!r}, of the type {kind.__name__}")
    zone = from_text(values["zone"])
    if zone is None:
        raise CommandError(not_a_name(values["zone"]))
    try:
        scope = read_scope(values)
    except ValueError as error:
        raise CommandError(f"a negative trust anchor: {error}") from None
    return NegativeTrustAnchor(zone, values["reason"], values["author"], values["start_s"], values["end_s"], scope)


def put_anchor(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Put a negative trust anchor in force."""
    engine.put_negative_trust_anchor(read_anchor(values), now)
    return {}


def drop_anchor(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """End a negative trust anchor; that it has ended by itself is no mistake."""
    engine.remove_negative_trust_anchor(read_anchor(values).zone, now)
    return {}


def put_trust_anchor(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Trust the given keys of a zone."""
    engine.put_trust_anchor(read_setting(values), now)
    return {}


def drop_trust_anchor(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Trust no keys of a zone any more."""
    engine.remove_trust_anchor(read_setting(values).zone, now)
    return {}


def anchor_states(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Say how the trust anchors fare, or the one of a zone."""
    zone = from_text(values["zone"]) if "zone" in values else None
    reports = [one for one in engine.trust_anchor_reports(now) if zone is None or one.zone == zone]
    return {"anchors": [report_values(one, shown=KEYS_SHOWN if zone is None else DNSKEYS_PER_ZONE) for one in reports]}


def count_shadow(engine: "ResolverEngine", values: Values, _now: Instant) -> Values:
    """Return how often answers below an anchor would have been secure, bogus and so on without it."""
    zone = from_text(values["zone"])
    return dict(engine.state.shadows.numbers(zone)) if zone is not None else {}


WORKER_ACTIONS: dict[str, WorkerAction] = {
    "flush": flush,
    "stats": stats,
    "rule.arrange": arrange_rules,
    "rule.hits": count_hits,
    "rule.rehearse": rehearse_rules,
    "nta.put": put_anchor,
    "nta.drop": drop_anchor,
    "nta.shadow": count_shadow,
    "anchor.put": put_trust_anchor,
    "anchor.drop": drop_trust_anchor,
    "anchor.states": anchor_states,
}
