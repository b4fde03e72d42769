"""What a running server can be told: one table of typed commands, and what a worker does for each.

A request is a JSON object: ``{"command": "flush", "name": "example.de", "subtree": true}``. It is checked here, in the
supervisor, before anyone acts. Commands of workers go to all of them and their results are merged to one. A new command
is a row of ``COMMANDS``, and for workers a function in ``WORKER_ACTIONS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.base.instant import Instant
from holdfast.base.limits import ANCHOR_AUTHOR_CHARACTERS, ANCHOR_REASON_CHARACTERS
from holdfast.dns.name import from_text, to_text
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.server.lines import Values

if TYPE_CHECKING:
    from holdfast.engine.engine import ResolverEngine

Merge = Callable[[Sequence[Values]], Values]
WorkerAction = Callable[["ResolverEngine", Values, Instant], Values]


class CommandError(Exception):
    """The request cannot be carried out; the text says why, in words for the user."""


@dataclass(frozen=True)
class Argument:
    """An argument of a command: its JSON type, whether it may be left out, what makes it wrong beside its type."""

    name: str
    kind: type
    required: bool = True
    check: Callable[[str], str] | None = None  # of a text: returns what is wrong, "": nothing


@dataclass(frozen=True)
class Command:
    """A command. ``merge`` makes one result of the workers' results; None: the supervisor carries it out itself.

    ``for_anchors``: it concerns the list of negative trust anchors, which the supervisor owns.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    merge: Merge | None = None
    for_anchors: bool = False


def not_a_name(text: str) -> str:
    """Return what is wrong with a domain name, "": nothing."""
    return "" if from_text(text) is not None else f"{text!r} is not a domain name"


def not_a_line(text: str, characters: int) -> str:
    """Return what is wrong with a text that people wrote to be read on one line, "": nothing."""
    if not text.strip():
        return "is empty"
    if len(text) > characters:
        return f"is longer than {characters} characters"
    return "" if text.isprintable() else "has characters that cannot be printed"


def not_a_reason(text: str) -> str:
    """Return what is wrong with a reason, "": nothing."""
    wrong = not_a_line(text, ANCHOR_REASON_CHARACTERS)
    return f"the reason {wrong}" if wrong else ""


def not_an_author(text: str) -> str:
    """Return what is wrong with the name of an author, "": nothing."""
    wrong = not_a_line(text, ANCHOR_AUTHOR_CHARACTERS)
    return f"the author {wrong}" if wrong else ""


def sums(results: Sequence[Values]) -> Values:
    """Add up the numbers of all workers, key by key."""
    total: dict[str, int] = {}
    for result in results:
        for key, number in result.items():
            total[key] = total.get(key, 0) + number
    return dict(sorted(total.items()))


ZONE = Argument("zone", str, check=not_a_name)
REASON = Argument("reason", str, check=not_a_reason)
REASON_AGAIN = Argument("reason", str, required=False, check=not_a_reason)
AUTHOR = Argument("author", str, check=not_an_author)
LIFETIME = Argument("lifetime_s", int)
LIFETIME_OR_DEFAULT = Argument("lifetime_s", int, required=False)

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("status"),
        Command("reload"),
        Command("stop"),
        Command("stats", merge=sums),
        Command(
            "flush",
            arguments=(Argument("name", str, check=not_a_name), Argument("subtree", bool, required=False)),
            merge=sums,
        ),
        Command("nta.list", for_anchors=True),
        Command("nta.show", (ZONE,), for_anchors=True),
        Command("nta.add", (ZONE, REASON, AUTHOR, LIFETIME_OR_DEFAULT), for_anchors=True),
        Command("nta.extend", (ZONE, LIFETIME, AUTHOR, REASON_AGAIN), for_anchors=True),
        Command("nta.remove", (ZONE, REASON, AUTHOR), for_anchors=True),
    )
}


def check_request(values: Values) -> Command:
    """Return the command of a request. Raises CommandError with everything a user needs to mend it."""
    name = values.get("command")
    command = COMMANDS.get(name) if isinstance(name, str) else None
    if command is None:
        raise CommandError(f"unknown command {name!r}; there are {', '.join(sorted(COMMANDS))}")
    known = {argument.name: argument for argument in command.arguments}
    for key in values:
        if key != "command" and key not in known:
            raise CommandError(f"{name} has no argument {key!r}")
    for argument in command.arguments:
        value = values.get(argument.name)
        if value is None:
            if argument.required:
                raise CommandError(f"{name} needs the argument {argument.name!r}")
            continue
        if type(value) is not argument.kind:
            raise CommandError(f"{name}: {argument.name} must be of the type {argument.kind.__name__}")
        wrong = argument.check(value) if argument.check is not None and isinstance(value, str) else ""
        if wrong:
            raise CommandError(f"{name}: {wrong}")
    return command


# -- what workers do ---------------------------------------------------------------------------------------------------


def flush(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Forget what is cached for a name, or for everything at and below it."""
    name = from_text(values["name"])
    if name is None:
        raise CommandError(not_a_name(values["name"]))
    return {"entries": engine.flush(name, values.get("subtree", False), now)}


def stats(engine: "ResolverEngine", _values: Values, _now: Instant) -> Values:
    """Return the engine's counters."""
    return dict(engine.statistics())


def anchor_values(anchor: NegativeTrustAnchor) -> Values:
    """Return a negative trust anchor as the values that go over sockets and into the journal."""
    return {
        "zone": to_text(anchor.zone),
        "reason": anchor.reason,
        "author": anchor.author,
        "start_s": anchor.start_s,
        "end_s": anchor.end_s,
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
    return NegativeTrustAnchor(zone, values["reason"], values["author"], values["start_s"], values["end_s"])


def put_anchor(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """Put a negative trust anchor in force."""
    engine.put_negative_trust_anchor(read_anchor(values), now)
    return {}


def drop_anchor(engine: "ResolverEngine", values: Values, now: Instant) -> Values:
    """End a negative trust anchor; that it has ended by itself is no mistake."""
    engine.remove_negative_trust_anchor(read_anchor(values).zone, now)
    return {}


WORKER_ACTIONS: dict[str, WorkerAction] = {
    "flush": flush,
    "stats": stats,
    "nta.put": put_anchor,
    "nta.drop": drop_anchor,
}
