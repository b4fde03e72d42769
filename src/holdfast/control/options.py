"""Options of several commands, and how a command reaches a running server."""

from typing import Annotated, NoReturn

import typer

ConfigOption = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="Configuration file in TOML (docs/configuration.md).")
]
SocketOption = Annotated[
    str | None,
    typer.Option("--socket", metavar="PATH", help="The server's control socket; default: as --config says."),
]
ReplyOption = Annotated[bool, typer.Option("--json", help="Print the reply as one JSON object.")]


def tell_server(socket: str | None, config: str | None, as_json: bool, command: str, **arguments: object) -> NoReturn:
    """Send a command with the arguments that are given, print the reply, and exit."""
    from holdfast.control.command import run_command

    given = {name: value for name, value in arguments.items() if value is not None}
    raise typer.Exit(run_command(socket, config, as_json, {"command": command, **given}))
