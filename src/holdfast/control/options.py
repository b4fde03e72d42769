"""Options of several commands, and how a command reaches a running server: its control socket, or its HTTP API."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, NoReturn, get_type_hints

import typer

ConfigOption = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="Configuration file in TOML (docs/configuration.md).")
]
SocketOption = Annotated[
    str | None,
    typer.Option("--socket", metavar="PATH", help="The server's control socket; default: as --config says."),
]
ReplyOption = Annotated[bool, typer.Option("--json", help="Print the reply as one JSON object.")]
ApiOption = Annotated[
    str | None,
    typer.Option("--api", metavar="URL", help="Use the server's HTTP API, such as http://127.0.0.1:8053."),
]
TokenOption = Annotated[
    str | None, typer.Option("--token-file", metavar="FILE", help="File with the token of the HTTP API.")
]

_api: ContextVar[tuple[str, str | None] | None] = ContextVar("api", default=None)  # URL and token file of this command


def offer_api(group: typer.Typer) -> None:
    """Give all commands of a group that use a control socket the choice to use the HTTP API."""
    for command in group.registered_commands:
        if command.callback is not None and "socket" in inspect.signature(command.callback).parameters:
            command.callback = _with_api(command.callback)


def _with_api(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def call(api: str | None = None, token_file: str | None = None, **arguments: Any) -> Any:
        _api.set((api, token_file) if api is not None else None)
        return callback(**arguments)

    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("api", keyword, default=None, annotation=ApiOption),
        inspect.Parameter("token_file", keyword, default=None, annotation=TokenOption),
    ]
    signature = inspect.signature(callback)
    call.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    call.__annotations__ = {**callback.__annotations__, "api": ApiOption, "token_file": TokenOption}
    return call


def ask_running(socket: str | None, config: str | None, command: str, **arguments: object) -> dict[str, Any]:
    """Return the reply to a command."""
    from holdfast.control.command import ask_server

    return ask_server(socket, config, {"command": command, **arguments}, _api.get())


def tell_server(socket: str | None, config: str | None, as_json: bool, command: str, **arguments: object) -> NoReturn:
    """Send a command with the arguments that are given, print the reply, and exit."""
    from holdfast.control.command import run_command

    given = {name: value for name, value in arguments.items() if value is not None}
    raise typer.Exit(run_command(socket, config, as_json, {"command": command, **given}, _api.get()))


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take the fields of a dataclass as options, in the place of its parameter of that type."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        group = groups.get(parameter.name)
        parameters += [parameter] if group is None else inspect.signature(group).parameters.values()

    @functools.wraps(command)
    def run(**given: object) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    # What typer looks at: the signature for the order and the defaults, the annotations for the rest.
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
