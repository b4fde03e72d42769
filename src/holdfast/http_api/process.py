"""The process that serves the API: uvicorn on sockets that the supervisor has opened."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from holdfast.http_api.app import Api
from holdfast.http_api.gate import Gate
from holdfast.server.settings import ApiSettings, ServerSettings
from holdfast.server.token_file import read_token

CONNECTIONS = 64  # at a time; more are answered with 503
CONNECTION_S = 60.0  # then a connection is closed, once nothing is being answered: silent ones must not fill the table
CONNECTION_STEP_S = 5.0
IDLE_S = 15  # between two requests
HEADER_OCTETS = 16 * 1024
DRAIN_S = 3
BACKLOG = 64


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 on one connection, for a limited time: uvicorn itself waits for a request's head for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to count."""
        super().connection_made(transport)
        self.loop.call_later(CONNECTION_S, self._end)

    def _end(self) -> None:
        if self._is_answering():
            self.loop.call_later(CONNECTION_STEP_S, self._end)
        else:
            self.transport.close()

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete


def serve_api(sockets: Sequence[socket.socket], settings: ServerSettings) -> None:
    """Serve until SIGTERM. ``settings`` must have an API and a control socket."""
    api, control_socket = settings.api, settings.control_socket
    assert api is not None and control_socket is not None
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # it has nothing to say that operators could act on
    config = uvicorn.Config(
        application(api, control_socket),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=DRAIN_S,
        h11_max_incomplete_event_size=HEADER_OCTETS,
    )
    with asyncio.Runner() as runner:
        runner.run(uvicorn.Server(config).serve(list(sockets)))


def application(api: ApiSettings, control_socket: Path) -> Api:
    """Return the application with these settings. Raises ServerError if there is no token."""
    names = [*api.host_names, *(listener.host for listener in api.listeners)]
    return Api(control_socket, Gate(read_token(api.token_file), names))
