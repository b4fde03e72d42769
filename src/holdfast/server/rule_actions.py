"""What a worker does with override rules, and how the workers' results become one."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from holdfast.base.instant import Instant
from holdfast.base.override_rule import OverrideRule
from holdfast.dns.iana import type_name
from holdfast.dns.name import to_text
from holdfast.server.lines import LINE_OCTETS, Values, encode
from holdfast.server.rule_values import read_rule
from holdfast.service.rule_rehearsal import CLIENTS_COUNTED, NAMES_SHOWN

if TYPE_CHECKING:
    from holdfast.engine.engine import ResolverEngine

NAMES_OCTETS = LINE_OCTETS // 4  # of names in a result; the clients beside them take up to a half


def arrange_rules(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Put a rule in force, if there is one, and those of run time into an order; what it leaves out ends."""
    engine.arrange_override_rules(_rule(values), values["order"], now)
    return {}


def count_hits(engine: "ResolverEngine", values: Values, _now: Instant) -> Values:
    """Return how many answers some rules had a part in, by identity."""
    wanted = set(values["ids"])
    return {"hits": {rule.identity: rule.hits for rule in engine.rules.rules if rule.identity in wanted}}


def rehearse_rules(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Tell what another rule, or another order, would change for the questions of the last hour."""
    found = engine.rehearse_override_rules(_rule(values), values["order"], now)
    names = _fitting(
        {"name": to_text(one.name), "type": type_name(one.rtype), "questions": one.count} for one in found.names
    )
    return {
        "asked": found.asked,
        "changed": found.changed,
        "names": names,
        "more_names": len(names) < found.names_changed,
        "clients": [client.hex() for client in found.clients],
    }


def _rule(values: Values) -> OverrideRule | None:
    return read_rule(values["rule"], None) if "rule" in values else None


def _fitting(names: Iterable[Values]) -> list[Values]:
    """Return as many of the first names as a result may hold."""
    fitting: list[Values] = []
    octets = 0
    for one in names:
        octets += len(encode(one))
        if octets > NAMES_OCTETS or len(fitting) == NAMES_SHOWN:
            break
        fitting.append(one)
    return fitting


def merge_rehearsals(results: Sequence[Values]) -> Values:
    """Make one result of the workers' rehearsals: clients and names that several of them know count once."""
    names: dict[tuple[str, str], int] = {}
    clients: set[str] = set()
    for result in results:
        clients.update(result["clients"])
        for one in result["names"]:
            key = (one["name"], one["type"])
            names[key] = names.get(key, 0) + one["questions"]
    most = sorted(names.items(), key=lambda item: (-item[1], item[0]))
    shown = _fitting({"name": name, "type": rtype, "questions": count} for (name, rtype), count in most)
    return {
        "asked": sum(result["asked"] for result in results),
        "changed": sum(result["changed"] for result in results),
        "clients": len(clients),
        "more_clients": any(len(result["clients"]) >= CLIENTS_COUNTED for result in results),
        "names": shown,
        "more_names": len(shown) < len(most) or any(result["more_names"] for result in results),
    }
