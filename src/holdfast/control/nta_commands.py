"""The commands of `holdfast nta`: negative trust anchors of a running server (RFC 7646)."""

import getpass
from typing import Annotated

import typer

from holdfast.control.options import ConfigOption, ReplyOption, SocketOption, tell_server
from holdfast.control.problems import InputError
from holdfast.server.texts import parse_duration

nta = typer.Typer(
    help="Negative trust anchors of a running server: zones that are not validated for a while (RFC 7646).",
    no_args_is_help=True,
)

ZoneArgument = Annotated[str, typer.Argument(metavar="ZONE", help="Name of the zone; all below it is meant as well.")]
AuthorOption = Annotated[
    str | None, typer.Option("--author", metavar="NAME", help="Who decides this; default: your login name.")
]

NameOption = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="NAME", help="A name below the zone that shall be looked at; may be repeated."),
]

VantagePointOption = Annotated[
    list[str] | None,
    typer.Option(
        "--vantage-point",
        metavar="PLACE",
        help="A resolver in another network to ask as well: tls://ADDRESS#NAME, tunnel://ADDRESS; may be repeated.",
    ),
]
ScopeOption = Annotated[
    str | None,
    typer.Option(
        "--scope",
        metavar="narrow|wide",
        help="wide: everything below is let through; narrow: zones below stay validated, and types that secure "
        "things. Default: narrow for a top-level domain.",
    ),
]
ConfirmedOption = Annotated[
    str | None,
    typer.Option(
        "--confirmed",
        metavar="TEXT",
        help="How you found out that it is the registry's mistake, for the journal: a verdict of undecidable is "
        "then enough. What looks like an attack, a path problem or a bad server is still refused.",
    ),
]


def seconds_of(option: str, text: str) -> int:
    """Return the seconds that an option says. Raises InputError."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InputError([f"{option}: {error}"]) from None


def _joined(names: list[str] | None) -> str | None:
    return ",".join(names) if names else None


def author_of(author: str | None) -> str:
    """Return who decides. Raises InputError if that cannot be told."""
    if author is not None:
        return author
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise InputError(["your login name is unknown; say who decides this with --author NAME"]) from None


@nta.command("add")
def add(
    zone: ZoneArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; clients read it in every answer (EDE 33).")],
    author: AuthorOption = None,
    lifetime: Annotated[
        str, typer.Option(metavar="TIME", help="How long it holds: 30m, 1h, 2d; a week at most.")
    ] = "1h",
    scope: ScopeOption = None,
    service: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="It holds for this service only; may be repeated.")
    ] = None,
    clients: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="It holds for these clients only; may be repeated.")
    ] = None,
    except_clients: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="It does not hold for these clients; may be repeated.")
    ] = None,
    rtype: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only this type is let through; may be repeated."),
    ] = None,
    except_type: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="This type stays validated; may be repeated.")
    ] = None,
    below: Annotated[
        str | None,
        typer.Option(
            metavar="strict|relaxed",
            help="strict: zones below stay validated, by the DS records that are known or all name servers agree on.",
        ),
    ] = None,
    names: NameOption = None,
    vantage_points: VantagePointOption = None,
    confirmed: ConfirmedOption = None,
    force: Annotated[bool, typer.Option("--force", help="Put it in force without a check, whatever is wrong.")] = False,
    no_recheck: Annotated[
        bool, typer.Option("--no-recheck", help="Let it last until its end, even when the zone is well before.")
    ] = False,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Stop validating a zone, in all workers at once, for cached names too; it ends by itself.

    First all servers of the zone are asked, as `check` does; unless the registry has failed, it is refused.

    Only a vantage point elsewhere shows that (--vantage-point, or configured ones); or say how you know: --confirmed.
    """
    tell_server(
        socket,
        config,
        as_json,
        "nta.add",
        zone=zone,
        reason=reason,
        author=author_of(author),
        lifetime_s=seconds_of("--lifetime", lifetime),
        scope=scope,
        services=_joined(service),
        clients=_joined(clients),
        except_clients=_joined(except_clients),
        types=_joined(rtype),
        except_types=_joined(except_type),
        below=below,
        names=_joined(names),
        vantage_points=vantage_points or None,
        confirmed=confirmed,
        force=force or None,
        recheck=False if no_recheck else None,
    )


@nta.command("check")
def check(
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="Name of the zone.")],
    names: NameOption = None,
    vantage_points: VantagePointOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Ask every address of every name server of a zone, and judge whose fault it is that it does not validate."""
    tell_server(
        socket, config, as_json, "nta.check", zone=zone, names=_joined(names), vantage_points=vantage_points or None
    )


@nta.command("evidence")
def evidence(
    what: Annotated[
        str, typer.Argument(metavar="ZONE|FILE", help="A zone with a negative trust anchor, or the file of a bundle.")
    ],
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Judge evidence again, offline: the table and the verdict that the bundle gives."""
    from holdfast.control.nta_report import replay_evidence

    replay_evidence(what, socket, config, as_json)


@nta.command("list")
def show_all(socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False) -> None:
    """List what is in force, with end, author and reason."""
    tell_server(socket, config, as_json, "nta.list")


@nta.command("show")
def show(
    zone: ZoneArgument, socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False
) -> None:
    """Show the negative trust anchor of a zone."""
    tell_server(socket, config, as_json, "nta.show", zone=zone)


@nta.command("extend")
def extend(
    zone: ZoneArgument,
    lifetime: Annotated[str, typer.Option(metavar="TIME", help="From now on: 30m, 1h, 2d; a week at most.")],
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the journal.")] = None,
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Set a new end, counted from now."""
    lifetime_s = seconds_of("--lifetime", lifetime)
    tell_server(
        socket, config, as_json, "nta.extend", zone=zone, lifetime_s=lifetime_s, reason=reason, author=author_of(author)
    )


@nta.command("remove")
def remove(
    zone: ZoneArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the journal.")],
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Validate the zone again, in all workers at once."""
    tell_server(socket, config, as_json, "nta.remove", zone=zone, reason=reason, author=author_of(author))
