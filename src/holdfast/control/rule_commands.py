"""The commands of `holdfast rule`: override rules of a running server."""

from dataclasses import dataclass
from typing import Annotated

import typer

from holdfast.control.nta_commands import AuthorOption, author_of, seconds_of
from holdfast.control.options import ConfigOption, ReplyOption, SocketOption, tell_server, with_shared_options
from holdfast.control.problems import InputError
from holdfast.dns.name import to_text
from holdfast.server.texts import parse_name

rule = typer.Typer(
    help="Override rules of a running server: questions that are answered in another way than the DNS says.",
    no_args_is_help=True,
)

ActionArgument = Annotated[
    str,
    typer.Argument(
        metavar="ACTION",
        help="pass, bogus, refuse, nxdomain, nodata, records, cname, forward, no-stale, force-stale or insecure.",
    ),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Domain name; '*.NAME' is all below it.")]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Identity of the rule, as `holdfast rule list` shows it.")
]
BeforeOption = Annotated[
    str | None, typer.Option("--before", metavar="ID", help="Place it before this rule; default: behind all others.")
]
FirstOption = Annotated[bool, typer.Option("--first", help="Place it before all others.")]


@dataclass(frozen=True)
class RuleOptions:
    """What the options of a command say about a rule, beside its action and name."""

    match: Annotated[
        str | None, typer.Option("--match", metavar="REACH", help="exact, subtree (the usual one) or below.")
    ] = None
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only for this type; may be repeated.")
    ] = None
    services: Annotated[
        list[str] | None, typer.Option("--service", metavar="NAME", help="Only for this service; may be repeated.")
    ] = None
    client_groups: Annotated[
        list[str] | None,
        typer.Option("--client-group", metavar="NAME", help="Only for this client group; may be repeated."),
    ] = None
    records: Annotated[
        list[str] | None,
        typer.Option(
            "--record", metavar="RECORD", help="With records: 'A 192.0.2.1' or '300 TXT hello'; may be repeated."
        ),
    ] = None
    target: Annotated[str | None, typer.Option("--target", metavar="NAME", help="With cname: where it leads.")] = None
    servers: Annotated[
        list[str] | None,
        typer.Option("--server", metavar="ADDR:PORT", help="With forward: a resolver to ask; may be repeated."),
    ] = None
    ede: Annotated[
        str | None,
        typer.Option(
            "--ede", metavar="KIND", help="With a denial: blocked, censored, filtered or prohibited (RFC 8914)."
        ),
    ] = None
    ttl: Annotated[str | None, typer.Option("--ttl", metavar="TIME", help="TTL of what is made up; default: 60s.")] = (
        None
    )
    lifetime: Annotated[
        str | None, typer.Option("--lifetime", metavar="TIME", help="How long it holds: 30m, 1h, 2d; default: no end.")
    ] = None
    identity: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="What it is called; default: r1, r2 and so on.")
    ] = None
    before: BeforeOption = None
    first: FirstOption = False

    def arguments(self, action: str, name: str) -> dict[str, object]:
        """Return what a command says about a rule. Raises InputError."""
        return {
            "action": action,
            "name": _plain(name, "NAME"),
            "match": self.match,
            "types": self.types or None,
            "services": self.services or None,
            "client_groups": self.client_groups or None,
            "records": self.records or None,
            "target": _plain(self.target, "--target") if self.target is not None else None,
            "servers": self.servers or None,
            "ede": self.ede,
            "ttl_s": seconds_of("--ttl", self.ttl) if self.ttl is not None else None,
            "lifetime_s": seconds_of("--lifetime", self.lifetime) if self.lifetime is not None else None,
            "id": self.identity,
            "before": self.before,
            "first": self.first or None,
        }


def _plain(text: str, what: str) -> str:
    """Return a name with labels beyond ASCII as A-labels. Raises InputError."""
    wildcard = "*." if text.startswith("*.") else ""
    try:
        return wildcard + to_text(parse_name(text.removeprefix(wildcard)))
    except ValueError as error:
        raise InputError([f"{what}: {error}"]) from None


@rule.command("add")
@with_shared_options
def add(
    action: ActionArgument,
    name: NameArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; clients read it in the answers (RFC 8914).")],
    options: RuleOptions,
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Put a rule in force, in all workers at once, for cached names too. The first rule that matches counts."""
    arguments = options.arguments(action, name)
    tell_server(socket, config, as_json, "rule.add", reason=reason, author=author_of(author), **arguments)


@rule.command("dry-run")
@with_shared_options
def dry_run(
    options: RuleOptions,
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help="As for `holdfast rule add`.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="As for `holdfast rule add`.")] = None,
    remove: Annotated[
        str | None, typer.Option("--remove", metavar="ID", help="Rehearse taking this rule away, instead.")
    ] = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Tell what a rule would change for the questions of the last hour. Nothing is changed.

    Takes what `holdfast rule add` takes, or --remove.
    """
    if remove is not None:
        if action is not None:
            raise InputError(["say either what to add, or --remove ID"])
        tell_server(socket, config, as_json, "rule.dry-run", remove=remove)
    if action is None or name is None:
        raise InputError(["say what to rehearse: ACTION and NAME, as for `holdfast rule add`, or --remove ID"])
    tell_server(socket, config, as_json, "rule.dry-run", **options.arguments(action, name))


@rule.command("list")
def show_all(
    start: Annotated[int, typer.Option("--start", min=0, metavar="N", help="Skip the first N rules.")] = 0,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """List the rules in force, in their order, with how many answers each had a part in."""
    tell_server(socket, config, as_json, "rule.list", start=start)


@rule.command("show")
def show(
    identity: IdArgument, socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False
) -> None:
    """Show one rule."""
    tell_server(socket, config, as_json, "rule.show", id=identity)


@rule.command("move")
def move(
    identity: IdArgument,
    before: BeforeOption = None,
    first: FirstOption = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the journal.")] = None,
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Put a rule in another place: behind all others of run time, unless said otherwise."""
    place = {"before": before, "first": True if first else None}
    tell_server(socket, config, as_json, "rule.move", id=identity, reason=reason, author=author_of(author), **place)


@rule.command("remove")
def remove(
    identity: IdArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the journal.")],
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """End a rule, in all workers at once."""
    tell_server(socket, config, as_json, "rule.remove", id=identity, reason=reason, author=author_of(author))
