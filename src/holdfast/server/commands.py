"""What a running server can be told: one table of typed commands, and what a worker does for each.

A request is a JSON object: ``{"command": "flush", "name": "example.de", "subtree": true}``. It is checked here, in the
supervisor, before anyone acts. Commands of workers go to all of them and their results are merged to one. A new command
is a row of ``COMMANDS``, and for workers a function in ``WORKER_ACTIONS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.base.instant import Instant
from holdfast.dns.name import from_text
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
    """A command. ``merge`` makes one result of the workers' results; None: the supervisor carries it out itself."""

    name: str
    arguments: tuple[Argument, ...] = ()
    merge: Merge | None = None


def not_a_name(text: str) -> str:
    """Return what is wrong with a domain name, "": nothing."""
    return "" if from_text(text) is not None else f"{text!r} is not a domain name"


def sums(results: Sequence[Values]) -> Values:
    """Add up the numbers of all workers, key by key."""
    total: dict[str, int] = {}
    for result in results:
        for key, number in result.items():
            total[key] = total.get(key, 0) + number
    return dict(sorted(total.items()))


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


WORKER_ACTIONS: dict[str, WorkerAction] = {"flush": flush, "stats": stats}
