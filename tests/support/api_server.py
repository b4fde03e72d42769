"""The HTTP API in front of a real server: requests as clients send them, with the token or without."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.server_process import UNREACHABLE, WAIT_S, ServerProcess, running_server, until


@dataclass
class Reply:
    """A response: status, headers in lower case, and the JSON value in its body (None: no body)."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class ApiServer:
    """A running server with an API."""

    server: ServerProcess
    port: int
    token_file: Path

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, known: bool = True
    ) -> Reply:
        """Send a request; a body that is no bytes goes as JSON, and the token goes with it if it is ``known``."""
        sent = {"Authorization": f"Bearer {self.token_file.read_text().strip()}"} if known else {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            response = connection.getresponse()
            octets = response.read()
        finally:
            connection.close()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, names, json.loads(octets) if octets else None)

    def is_up(self) -> bool:
        """Whether the API answers."""
        try:
            return self.request("GET", "/v1/status").status == 200
        except OSError:
            return False


@contextmanager
def running_api(
    folder: Path, workers: int = 1, more: str = "", network: str = UNREACHABLE, log_to: int | None = None
) -> Iterator[ApiServer]:
    """Start a server with an API in a folder, and end it afterwards; ``more`` goes into the section ``[api]``.

    ``log_to``: see `running_server`.
    """
    state = folder / "state"
    api = f'[api]\nenabled = true\nlisten = ["127.0.0.1:0"]\n{more}\n'
    with running_server(folder, workers, None, f'state_directory = "{state}"', api + network, log_to) as server:
        port = int(server.status()["api"]["listeners"][0].rpartition(":")[2])
        made = ApiServer(server, port, state / "api-token")
        until(made.is_up)
        yield made
