"""From an HTTP request to a command of the control socket: path, query string and body become its arguments.

Only the form is looked at here. Whether the values will do is decided where all commands are checked
(`holdfast.server.commands.check_request`), so that the API accepts what the socket accepts.
"""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from holdfast.http_api.problem import ProblemError
from holdfast.server.commands import COMMANDS, Argument, Command, Route

VERSION = "/v1"
ROOT_SEGMENT = "@"  # the root zone in a path: clients drop a segment that is a dot (RFC 3986 section 5.2.4)
QUERY_FIELDS = 32  # no command has that many arguments
BODY_METHODS = ("POST", "PUT", "PATCH")
BOOLEANS = {"true": True, "false": False}

Values = dict[str, Any]


class RouteTable:
    """All commands by path and method, made from the table of commands."""

    def __init__(self) -> None:
        by_path: dict[tuple[str, ...], dict[str, Command]] = {}
        for command in COMMANDS.values():
            route = command.at()
            by_path.setdefault(segments_of(VERSION + route.path), {})[route.method] = command
        # Words before variables: /nta/check is not the zone "check".
        self._rows = sorted(by_path.items(), key=lambda row: [segment.startswith("{") for segment in row[0]])

    def find(self, method: str, raw_path: str) -> tuple[Command, dict[str, str]]:
        """Return the command and what the path says. Raises ProblemError if there is none (404, 405)."""
        given = segments_of(raw_path)
        for pattern, methods in self._rows:
            found = match(pattern, given)
            if found is None:
                continue
            command = methods.get("GET" if method == "HEAD" else method)
            if command is None:
                allowed = ", ".join(sorted([*methods, "HEAD"] if "GET" in methods else methods))
                raise ProblemError(
                    HTTPStatus.METHOD_NOT_ALLOWED,
                    f"{method} is not possible here; {allowed} is",
                    headers={"Allow": allowed},
                )
            return command, found
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is nothing here; {VERSION}/openapi.json says what there is")


def segments_of(path: str) -> tuple[str, ...]:
    """Return the segments of a path, still percent-encoded."""
    return tuple(path.split("/")[1:])


def match(pattern: tuple[str, ...], given: tuple[str, ...]) -> dict[str, str] | None:
    """Return the variables of a pattern that a path fits, None if it does not."""
    if len(pattern) != len(given):
        return None
    found = {}
    for wanted, segment in zip(pattern, given, strict=True):
        if wanted.startswith("{") and segment:
            text = unquote(segment)
            found[wanted[1:-1]] = "." if text == ROOT_SEGMENT else text
        elif wanted != segment:
            return None
    return found


def from_query(command: Command, query: str) -> Values:
    """Return the arguments in a query string. Raises ProblemError if it is malformed."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=QUERY_FIELDS, errors="strict")
    except ValueError:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, f"the query string is malformed, or has over {QUERY_FIELDS} fields"
        ) from None
    known = {argument.name: argument for argument in command.arguments}
    values: Values = {}
    for name, text in pairs:
        argument = known.get(name)
        if argument is not None and argument.kind is list:
            values.setdefault(name, []).append(text)
        elif name in values:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} is given more than once", name)
        else:
            values[name] = text if argument is None else _converted(argument, text)
    return values


def _converted(argument: Argument, text: str) -> object:
    """Return a text of the query string as what the argument wants, unchanged if it is not that."""
    if argument.kind is int and text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    return BOOLEANS.get(text, text) if argument.kind is bool else text


def from_body(content_type: str, body: bytes) -> Values:
    """Return the arguments in a body. Raises ProblemError unless it is a JSON object, or nothing at all."""
    if not body:
        return {}
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be JSON (application/json)", "Content-Type"
        )
    try:
        values = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is not JSON in UTF-8") from None
    if not isinstance(values, dict):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "the body must be a JSON object with the arguments")
    return values


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def join(path_values: dict[str, str], others: Values) -> Values:
    """Return the arguments from the path and from elsewhere. Raises ProblemError if one comes from both."""
    for name in others:
        if name in path_values:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} is in the path already", name)
        if name == "command":
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "there is no argument 'command'", name)
    return {**path_values, **others}


def fill(route: Route, values: Values) -> tuple[str, Values]:
    """Return the path of a request with these arguments, and the arguments that are not in it."""
    path = VERSION + route.path
    rest = dict(values)
    for segment in segments_of(route.path):
        if segment.startswith("{"):
            text = str(rest.pop(segment[1:-1]))
            path = path.replace(segment, ROOT_SEGMENT if text == "." else quote(text, safe=""))
    return path, rest
