"""One command to a running server over its HTTP API (docs/http-api.md): the reply is as from the control socket."""

import http.client
import json
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from holdfast.control.problems import InputError
from holdfast.http_api.arguments import BODY_METHODS, fill
from holdfast.server.commands import COMMANDS
from holdfast.server.lines import Values
from holdfast.server.settings import ServerError
from holdfast.server.token_file import read_token

REPLY_S = 100.0  # the API gives up first
REPLY_OCTETS = 4 * 1024 * 1024  # more is no answer of a holdfast server


def ask_api(url: str, token_file: str, request: Values) -> Values:
    """Return the reply to a command. Raises InputError if there is none, or the token is wrong."""
    given = dict(request)
    route = COMMANDS[given.pop("command")].at()
    path, rest = fill(route, given)
    headers = {"Accept": "application/json"}
    body = None
    if route.method in BODY_METHODS:
        body = json.dumps(rest)
        headers["Content-Type"] = "application/json"
    elif rest:
        path += "?" + urlencode({name: _query_text(value) for name, value in rest.items()}, doseq=True)
    try:
        headers["Authorization"] = "Bearer " + read_token(Path(token_file))
    except ServerError as error:
        raise InputError([str(error)]) from None
    status, answer = _exchange(url, route.method, path, body, headers)
    if status == http.client.UNAUTHORIZED:
        raise InputError([f"the server at {url} does not know the token in {token_file}"])
    if status < http.client.BAD_REQUEST:
        return {"ok": True, "result": answer}
    return {"ok": False, "error": answer.get("detail", f"the server at {url} answers with status {status}")}


def _query_text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _exchange(url: str, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, Values]:
    """Return status and JSON object of the answer. Raises InputError if there is none."""
    connection = _connection(url)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read(REPLY_OCTETS))
    except TimeoutError:
        raise InputError([f"the server at {url} does not answer"]) from None
    except OSError as error:
        raise InputError([f"cannot talk to a server at {url}: {error.strerror or error}"]) from None
    except (http.client.HTTPException, ValueError):
        raise InputError([f"what answers at {url} is no holdfast server"]) from None
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise InputError([f"what answers at {url} is no holdfast server"])
    return response.status, answer


def _connection(url: str) -> http.client.HTTPConnection:
    """Return a connection that is not open yet. Raises InputError if the URL will not do."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError([f"--api: {url!r} is not a URL such as http://127.0.0.1:8053"]) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise InputError([f"--api: {url!r} is not a URL such as http://127.0.0.1:8053"])
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, port, timeout=REPLY_S)
