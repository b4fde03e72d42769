"""TCP limits against a stand-in for the engine: clients that do not read, pipelines that are full."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any, cast

from holdfast.base.effects import Client
from holdfast.base.instant import Instant
from holdfast.engine.engine import ResolverEngine
from holdfast.server.event_loop import DatagramEventLoop
from holdfast.server.settings import TCP_PIPELINED_QUERIES, ServerSettings
from holdfast.server.tcp import WRITE_BUFFER_OCTETS, TcpConnection, TcpListener
from tests.support.served import WAIT_S, until

QUERY = b"\x00\x0c" + bytes(12)
ANSWER = bytes(60_000)


class StandIn:
    """An engine that gives every query the same answer, None: not yet."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.clients: list[Client] = []

    def receive_client_query(self, client: Client, _wire: bytes, _now: Instant) -> bytes | None:
        self.clients.append(client)
        return self.answer


@contextlib.asynccontextmanager
async def listening(engine: StandIn) -> AsyncIterator[tuple[str, int]]:
    """A listener in front of an engine; yields its address."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = TcpListener(sock, cast(ResolverEngine, engine), lambda: None, lambda: Instant(0, 0), ServerSettings())
    await listener.start()
    yield sock.getsockname()
    listener.close()


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def story() -> None:
        engine = StandIn(ANSWER)
        async with listening(engine) as place, asyncio.timeout(WAIT_S):
            with socket.create_connection(place) as greedy:
                greedy.setblocking(False)
                loop = asyncio.get_running_loop()
                with contextlib.suppress(ConnectionError):
                    while True:
                        await loop.sock_sendall(greedy, QUERY * 10)
                        await asyncio.sleep(0)
            assert len(engine.clients) * len(ANSWER) > WRITE_BUFFER_OCTETS
            reader, writer = await asyncio.open_connection(*place)
            writer.write(QUERY)
            assert await reader.readexactly(2 + len(ANSWER)) == len(ANSWER).to_bytes(2, "big") + ANSWER
            writer.close()

    run(story())


def test_a_full_pipeline_is_not_read_until_answers_make_room() -> None:
    async def story() -> None:
        engine = StandIn(None)
        async with listening(engine) as place, asyncio.timeout(WAIT_S):
            _, writer = await asyncio.open_connection(*place)
            writer.write(QUERY * (TCP_PIPELINED_QUERIES + 50))
            await until(lambda: len(engine.clients) >= TCP_PIPELINED_QUERIES)
            _, other = await asyncio.open_connection(*place)
            other.write(QUERY)
            await until(lambda: engine.clients[-1] is not engine.clients[0])  # all that the first sent has arrived
            assert len(engine.clients) == TCP_PIPELINED_QUERIES + 1
            for _ in range(10):
                connection = engine.clients[0].handle
                assert isinstance(connection, TcpConnection)
                connection.send(bytes(12))
            await until(lambda: len(engine.clients) == TCP_PIPELINED_QUERIES + 11)
            writer.close()
            other.close()

    run(story())


def run(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=DatagramEventLoop) as runner:
        runner.run(story)
