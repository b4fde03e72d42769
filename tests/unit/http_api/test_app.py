"""What bounds the API: rate, number at a time, time, and size, each without a server behind it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.http_api import app as module
from holdfast.http_api.app import BODY_OCTETS, CONCURRENT_REQUESTS, REQUESTS_AT_ONCE, STRANGERS_AT_ONCE, Api
from holdfast.http_api.gate import Bucket, Gate

TOKEN = "secret" * 8
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Client:
    """Sends requests to an application without a network; ``now_s`` is its clock."""

    def __init__(self, control_socket: Path) -> None:
        self.now_s = 1000.0
        self.app = Api(control_socket, Gate(TOKEN, []), lambda: self.now_s)

    async def send(
        self, method: str, path: str, chunks: tuple[bytes, ...] = (b"",), known: bool = True, told: str = ""
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the response to a request whose body comes in chunks."""
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        headers += [(b"authorization", f"bearer {TOKEN}".encode())] if known else []
        headers += [(b"content-length", told.encode())] if told else []
        messages = [
            {"type": "http.request", "body": chunk, "more_body": position + 1 < len(chunks)}
            for position, chunk in enumerate(chunks)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            await asyncio.sleep(3600)
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        await self.app(scope, receive, send)
        start, body = sent
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], names, json.loads(body["body"])


def with_server(tmp_path: Path, talk: Talk, work: Callable[[Client], Awaitable[None]]) -> None:
    """Run something with a client while the control socket is served by ``talk``."""

    async def main() -> None:
        async with await asyncio.start_unix_server(talk, tmp_path / "control"):
            await work(Client(tmp_path / "control"))
            for _ in range(10):
                await asyncio.sleep(0)  # so that what was closed is gone

    with capture_logs() as logs:
        asyncio.run(main())
    assert TOKEN not in repr(logs)


async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(json.dumps({"ok": True, "result": json.loads(await reader.readline())}).encode() + b"\n")
    writer.close()


def test_requests_become_commands(tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        assert (await client.send("GET", "/v1/nta/%40"))[2] == {"command": "nta.show", "zone": "."}
        found = await client.send("DELETE", "/v1/nta/de?reason=a%20b&author=c")
        assert found[2] == {"command": "nta.remove", "zone": "de", "reason": "a b", "author": "c"}
        found = await client.send("POST", "/v1/flush", (b'{"name": "de', b'", "subtree": true}'))
        assert found[2] == {"command": "flush", "name": "de", "subtree": True}

    with_server(tmp_path, echo, work)


def test_the_rate_is_limited_and_strangers_do_not_use_up_the_share_of_those_with_the_token(tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        statuses = [(await client.send("GET", "/v1/stats", known=False))[0] for _ in range(int(STRANGERS_AT_ONCE) + 5)]
        assert statuses == [401] * int(STRANGERS_AT_ONCE) + [429] * 5
        statuses = [(await client.send("GET", "/v1/stats"))[0] for _ in range(int(REQUESTS_AT_ONCE) + 1)]
        assert statuses == [200] * int(REQUESTS_AT_ONCE) + [429]
        client.now_s += 1
        assert (await client.send("GET", "/v1/stats"))[0] == 200

    with_server(tmp_path, echo, work)


def test_a_bucket_fills_up_to_its_brim_only() -> None:
    bucket = Bucket(2.0, 3.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]
    assert [bucket.take(900.0) for _ in range(4)] == [True, True, True, False]


def test_few_commands_run_at_a_time_and_none_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_S", 0.2)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client is gone
        writer.close()

    async def work(client: Client) -> None:
        waiting = [asyncio.create_task(client.send("GET", "/v1/stats")) for _ in range(CONCURRENT_REQUESTS + 1)]
        answers = await asyncio.gather(*waiting)
        assert [status for status, _, _ in answers] == [503] * (CONCURRENT_REQUESTS + 1)
        details = [body["detail"] for _, _, body in answers]
        assert details.count("too many requests at the same time") == 1
        assert details.count("not done within 0 s") == CONCURRENT_REQUESTS
        assert all("Retry-After" in headers for _, headers, _ in answers)

    with_server(tmp_path, hang, work)


def test_bodies_are_bounded_in_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_S", 0.2)

    async def work(client: Client) -> None:
        assert (await client.send("POST", "/v1/flush", (b" " * BODY_OCTETS, b" ")))[0] == 413
        assert (await client.send("POST", "/v1/flush", (b"",), told=str(BODY_OCTETS + 1)))[0] == 413
        assert (await client.send("POST", "/v1/flush", (b"",), told="9" * 5000))[0] == 413
        assert (await client.send("POST", "/v1/flush", ()))[0] == 503

    with_server(tmp_path, echo, work)


@pytest.mark.parametrize("reply", [b"", b"nonsense\n", b"[]\n", b'{"ok": true', b"x" * 200_000])
def test_a_server_that_gives_no_reply_is_503(tmp_path: Path, reply: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(reply)
        writer.close()

    async def work(client: Client) -> None:
        status, _, body = await client.send("GET", "/v1/stats")
        assert (status, body["detail"]) == (503, "the resolver does not answer")

    with_server(tmp_path, talk, work)


def test_a_fault_of_its_own_is_500_and_its_words_stay_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(client: Client) -> None:
        async def fail(_request: object) -> None:
            raise RuntimeError("private words")

        monkeypatch.setattr(client.app, "_ask", fail)
        status, _, body = await client.send("GET", "/v1/stats")
        assert status == 500 and "private" not in json.dumps(body)

    with_server(tmp_path, refuse, work)
