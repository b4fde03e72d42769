"""The commands of `holdfast incident`: what a running server's detector calls broken."""

from typing import Annotated

import typer

from holdfast.control.nta_commands import AuthorOption, author_of
from holdfast.control.options import ConfigOption, ReplyOption, SocketOption, tell_server

incident = typer.Typer(
    help="Zones that a running server's detector calls broken, with the evidence.", no_args_is_help=True
)

NumberArgument = Annotated[int, typer.Argument(metavar="N", min=1, help="Number of the incident, from `list`.")]


@incident.command("list")
def show_all(socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False) -> None:
    """List the latest incidents, open and over."""
    tell_server(socket, config, as_json, "incident.list")


@incident.command("show")
def show(
    number: NumberArgument, socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False
) -> None:
    """Show an incident with its evidence, and the negative trust anchor to consider."""
    tell_server(socket, config, as_json, "incident.show", number=number)


@incident.command("acknowledge")
def acknowledge(
    number: NumberArgument,
    author: AuthorOption = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Take an incident on: nobody is called again because of it."""
    tell_server(socket, config, as_json, "incident.acknowledge", number=number, author=author_of(author))
