"""Scopes of negative trust anchors as users write them and as they stand in the journal.

Lists are written with commas ("A,AAAA"). In records they are JSON lists, and only what makes a scope other than wide is
there: so records from before there were scopes are read as what they were.
"""

from collections.abc import Callable

from holdfast.base.settings import EngineSettings
from holdfast.dns.iana import type_name
from holdfast.dnssec.anchor_scope import SECURING_TYPES, AnchorScope, default_scope
from holdfast.server.lines import Values, encode
from holdfast.server.texts import parse_label, parse_type

NARROW = "narrow"
WIDE = "wide"
STRICT = "strict"
RELAXED = "relaxed"
SCOPE_CHARACTERS = 400  # of one scope in a record, three times the narrow one: all records have to fit into one reply


def items(text: str) -> list[str]:
    """Return the items of a list that a user wrote, each once."""
    return list(dict.fromkeys(one.strip() for one in text.split(",")))


def not_plain_names(text: str) -> str:
    """Return what is wrong with a list of services or client groups, "": nothing."""
    return _trouble(text, parse_label)


def not_types(text: str) -> str:
    """Return what is wrong with a list of types, "": nothing."""
    return _trouble(text, parse_type)


def _trouble(text: str, parse: Callable[[str], object]) -> str:
    if len(text) > SCOPE_CHARACTERS:
        return f"a list has at most {SCOPE_CHARACTERS} characters"
    try:
        for one in items(text):
            parse(one)
    except ValueError as error:
        return str(error)
    return ""


def not_a_depth(text: str) -> str:
    """Return what is wrong with the word for how zones below are treated, "": nothing."""
    return "" if text in (STRICT, RELAXED) else f"below must be {STRICT} or {RELAXED}, not {text!r}"


def not_a_width(text: str) -> str:
    """Return what is wrong with the word for a scope, "": nothing."""
    return "" if text in (NARROW, WIDE) else f"scope must be {NARROW} or {WIDE}, not {text!r}"


def requested_scope(values: Values, zone: bytes) -> AnchorScope:
    """Return the scope that a checked `nta.add` asks for; what it does not say is as usual for the zone."""
    narrow = default_scope(zone).below_strict if "scope" not in values else values["scope"] == NARROW
    types = _types(values["types"]) if "types" in values else []
    except_types = SECURING_TYPES if narrow and not types else []
    if "except_types" in values:
        except_types = _types(values["except_types"])
    below_strict = values["below"] == STRICT if "below" in values else narrow
    names = [items(values[key]) if key in values else [] for key in ("services", "clients", "except_clients")]
    return AnchorScope(names[0], names[1], names[2], types, except_types, below_strict)


def _types(text: str) -> list[int]:
    return list(dict.fromkeys(parse_type(one) for one in items(text)))


def scope_problem(scope: AnchorScope, settings: EngineSettings) -> tuple[str, str]:
    """Return the argument that makes a scope useless, and why; ("", ""): it is good."""
    groups = {group.name: group.strict for group in settings.client_groups}
    for service in scope.services:
        if service not in settings.services:
            return "services", f"there is no service {service!r}; there are: {', '.join(settings.services)}"
    for argument, names in (("clients", scope.clients), ("except_clients", scope.except_clients)):
        for name in names:
            if name not in groups:
                return argument, f"there is no client group {name!r}; there are: {', '.join(groups) or 'none'}"
            if groups[name]:
                return (
                    argument,
                    f'client group {name!r} is on the never list: none holds for it (validation = "strict")',
                )
    for name in scope.clients:
        if name in scope.except_clients:
            return "except_clients", f"client group {name!r} cannot be meant and left out"
    if len(encode(scope_values(scope))) > SCOPE_CHARACTERS:
        return "scope", f"it names too much: a record has room for {SCOPE_CHARACTERS} characters"
    left = [rtype for rtype in scope.types if scope.relaxes(rtype)]
    if scope.types and not left:
        return "except_types", "no type is left that it would hold for"
    return "", ""


def missing_names(scope: AnchorScope, settings: EngineSettings) -> list[str]:
    """Return the services and client groups of a scope that the configuration does not have."""
    groups = [group.name for group in settings.client_groups]
    return [
        *[f"service {name}" for name in scope.services if name not in settings.services],
        *[f"client group {name}" for name in [*scope.clients, *scope.except_clients] if name not in groups],
    ]


def scope_values(scope: AnchorScope) -> Values:
    """Return what goes into a record."""
    values: Values = {}
    for key, names in (
        ("services", scope.services),
        ("clients", scope.clients),
        ("except_clients", scope.except_clients),
        ("types", [type_name(rtype) for rtype in scope.types]),
        ("except_types", [type_name(rtype) for rtype in scope.except_types]),
    ):
        if names:
            values[key] = names
    if scope.below_strict:
        values["below"] = STRICT
    return values


def read_scope(values: Values) -> AnchorScope:
    """Return the scope of a record. Raises ValueError if it has none that can be understood."""
    lists: list[list[str]] = []
    for key in ("services", "clients", "except_clients", "types", "except_types"):
        names = values.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{key} must be a list of texts")
        lists.append(names)
    if values.get("below", RELAXED) not in (STRICT, RELAXED):
        raise ValueError(not_a_depth(str(values["below"])))
    types, except_types = ([parse_type(name) for name in names] for names in lists[3:])
    return AnchorScope(lists[0], lists[1], lists[2], types, except_types, values.get("below") == STRICT)
