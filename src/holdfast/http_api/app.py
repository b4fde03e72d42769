"""The API as an ASGI application: requests become commands of the control socket, bounded in size, number and time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from holdfast.http_api.arguments import BODY_METHODS, VERSION, RouteTable, Values, from_body, from_query, join
from holdfast.http_api.gate import Bucket, Gate
from holdfast.http_api.openapi import description
from holdfast.http_api.problem import MEDIA_TYPE, ProblemError, problem_of_reply
from holdfast.server.commands import Command
from holdfast.server.lines import LINE_OCTETS, LineError, decode, encode

BODY_OCTETS = 64 * 1024  # as a line of the control socket, into which a command has to fit
CONCURRENT_REQUESTS = 8  # half of the control socket's connections: people on this machine get in as well
REQUESTS_PER_S = 50.0  # of those with the token: more than a console with many people needs
REQUESTS_AT_ONCE = 200.0
STRANGERS_PER_S = 5.0  # without it: enough to find out what is wrong, and they cannot use up the others' share
STRANGERS_AT_ONCE = 50.0
BODY_S = 20.0  # until the body is there
REQUEST_S = 80.0  # in all; the longest command is the check of a zone, for which workers have a minute
OPENAPI_PATH = VERSION + "/openapi.json"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = structlog.get_logger()


class Answer:
    """A response to be sent: status, body and headers."""

    def __init__(
        self, status: int, body: Any, media_type: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        self.status = status
        self.octets = json.dumps(body, separators=(",", ":")).encode()
        self.headers = {
            "Content-Type": media_type,
            "Content-Length": str(len(self.octets)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        }


def problem_answer(problem: ProblemError) -> Answer:
    """Return the response of a request that failed."""
    return Answer(problem.status.value, problem.body(), MEDIA_TYPE, problem.headers)


class Api:
    """The application. ``control_socket``: the server's; ``gate``: who may pass."""

    def __init__(self, control_socket: Path, gate: Gate, clock: Callable[[], float] = time.monotonic) -> None:
        self._control_socket = control_socket
        self._gate = gate
        self._clock = clock
        self._routes = RouteTable()
        self._description = description()
        self._known = Bucket(REQUESTS_PER_S, REQUESTS_AT_ONCE)
        self._strangers = Bucket(STRANGERS_PER_S, STRANGERS_AT_ONCE)
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3.0)."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._respond(scope, receive)
        except ProblemError as problem:
            answer = problem_answer(problem)
        except Exception:
            log.exception("the HTTP API failed", method=scope["method"])
            answer = problem_answer(
                ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "this should not happen; the log has more")
            )
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.octets
        await send({"type": "http.response.body", "body": body})

    async def _respond(self, scope: Scope, receive: Receive) -> Answer:
        """Check a request from the outside in, and carry it out. Raises ProblemError."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        is_known = self._gate.knows(headers)
        if not (self._known if is_known else self._strangers).take(self._clock()):
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS, "too many requests; try again in a second", headers={"Retry-After": "1"}
            )
        self._gate.check_site(headers)
        raw_path = scope["raw_path"].decode("latin-1")
        if raw_path == OPENAPI_PATH and scope["method"] in ("GET", "HEAD"):
            return Answer(200, self._description)
        if not is_known:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "the token is missing or wrong; send 'Authorization: Bearer ' with what is in the server's token file",
                "Authorization",
                {"WWW-Authenticate": 'Bearer realm="holdfast"'},
            )
        command, path_values = self._routes.find(scope["method"], raw_path)
        if self._running >= CONCURRENT_REQUESTS:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many requests at the same time", headers={"Retry-After": "1"}
            )
        self._running += 1
        try:
            async with asyncio.timeout(REQUEST_S):
                return await self._carry_out(command, path_values, scope, headers, receive)
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"not done within {REQUEST_S:.0f} s", headers={"Retry-After": "5"}
            ) from None
        finally:
            self._running -= 1

    async def _carry_out(
        self, command: Command, path_values: dict[str, str], scope: Scope, headers: dict[str, str], receive: Receive
    ) -> Answer:
        """Have the server carry out a command, and answer with its result. Raises ProblemError."""
        query = scope["query_string"].decode("latin-1")
        others = from_query(command, query)
        if scope["method"] in BODY_METHODS:
            if others:
                name = next(iter(others))
                raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "arguments belong into the body", name)
            async with asyncio.timeout(BODY_S):
                body = await read_body(headers, receive)
            others = from_body(headers.get("content-type", ""), body)
        values = join(path_values, others)
        reply = await self._ask({**values, "command": command.name})
        if scope["method"] not in ("GET", "HEAD"):
            log.info("http api", command=command.name, client=scope["client"][0], ok=bool(reply.get("ok")))
        if not reply.get("ok"):
            raise problem_of_reply(reply)
        route = command.at()
        made = {}
        if route.success == HTTPStatus.CREATED:
            first = str(reply["result"][route.made][0][command.arguments[0].name])
            made["Location"] = f"{VERSION}{route.path}/{quote(first, safe='')}"
        return Answer(route.success, reply["result"], headers=made)

    async def _ask(self, request: Values) -> Values:
        """Return the server's reply. Raises ProblemError if there is none."""
        line = encode(request)
        if len(line) > LINE_OCTETS:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the arguments have over {LINE_OCTETS} octets")
        try:
            reader, writer = await asyncio.open_unix_connection(self._control_socket, limit=2 * LINE_OCTETS)
            try:
                writer.write(line)
                await writer.drain()
                return decode(await reader.readline())
            finally:
                writer.close()
        except (OSError, LineError, ValueError) as error:
            log.error("the HTTP API cannot reach the server", error=str(error))
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "the resolver does not answer", headers={"Retry-After": "5"}
            ) from None


async def read_body(headers: dict[str, str], receive: Receive) -> bytes:
    """Return the body of a request. Raises ProblemError if it is too large or the client is gone."""
    too_large = ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {BODY_OCTETS} octets")
    told = headers.get("content-length", "")
    if told.isdecimal() and (len(told) > 9 or int(told) > BODY_OCTETS):
        raise too_large
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ProblemError(HTTPStatus.BAD_REQUEST, "the client has gone")
        body += bytes(message.get("body", b""))
        if len(body) > BODY_OCTETS:
            raise too_large
        if not message.get("more_body", False):
            return body
