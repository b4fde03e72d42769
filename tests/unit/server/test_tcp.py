"""A client that asks and does not read its answers is cut off; everyone else goes on."""

import asyncio
import socket
from typing import cast

import uvloop

from holdfast.base.effects import Client
from holdfast.base.instant import Instant
from holdfast.engine.engine import ResolverEngine
from holdfast.server.settings import ServerSettings
from holdfast.server.tcp import WRITE_BUFFER_OCTETS, TcpListener
from tests.support.served import WAIT_S

QUERY = b"\x00\x0c" + bytes(12)
ANSWER = bytes(60_000)


class LargeAnswers:
    """Stands for an engine that knows every answer at once, and they are large."""

    def __init__(self) -> None:
        self.queries = 0

    def receive_client_query(self, _client: Client, _wire: bytes, _now: Instant) -> bytes:
        self.queries += 1
        return ANSWER


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def story() -> None:
        engine = LargeAnswers()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        listener = TcpListener(
            listening, cast(ResolverEngine, engine), lambda: None, lambda: Instant(0, 0), ServerSettings()
        )
        await listener.start()
        place = listening.getsockname()
        with socket.create_connection(place) as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(WAIT_S):
                try:
                    while True:
                        await loop.sock_sendall(greedy, QUERY * 10)
                        await asyncio.sleep(0)
                except ConnectionError:
                    pass
            buffered = engine.queries * len(ANSWER)
            assert buffered > WRITE_BUFFER_OCTETS
            reader, writer = await asyncio.open_connection(*place)
            writer.write(QUERY)
            async with asyncio.timeout(WAIT_S):
                assert await reader.readexactly(2 + len(ANSWER)) == len(ANSWER).to_bytes(2, "big") + ANSWER
            writer.close()
        listener.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())
