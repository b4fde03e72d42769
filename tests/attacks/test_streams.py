"""TCP connections that hold back: half a message must neither keep a connection nor shift what comes after it."""

import asyncio

from holdfast.dns.name import from_text
from holdfast.dns.writer import build_query
from holdfast.server.tcp import TcpConnection

IDLE_S = 0.05  # real time, but what is tested is the order of events and not their duration


class Listener:
    """Remembers what is asked, and answers nothing."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def ask(self, connection: TcpConnection, wire: bytes) -> None:
        """Take a message."""
        self.asked.append(wire)


async def serve(pieces: list[bytes]) -> list[bytes]:
    """Feed pieces, each after the idle time of the one before; returns the messages that were taken out of them."""
    from fuzz.stream import MemoryTransport

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    writer = asyncio.StreamWriter(MemoryTransport(), asyncio.StreamReaderProtocol(reader, loop=loop), reader, loop)
    listener = Listener()
    connection = TcpConnection(listener, writer, b"\x7f\x00\x00\x01")  # type: ignore[arg-type]
    serving = loop.create_task(connection.serve(reader, IDLE_S))
    for piece in pieces:
        reader.feed_data(piece)
        await asyncio.sleep(3 * IDLE_S)
        if serving.done():
            break
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    writer.close()
    return listener.asked


def framed(number: int) -> bytes:
    wire = build_query(number, from_text("www.example") or b"", 1, 0x0100, 0, False, [])
    return len(wire).to_bytes(2, "big") + wire


def test_half_a_message_ends_the_connection_even_if_an_answer_is_outstanding() -> None:
    first, second = framed(1), framed(2)
    # The rest of the second message, read as a message of its own, would be a query that nobody sent.
    asked = asyncio.run(serve([first + second[:10], second[10:]]))
    assert asked == [first[2:]]


def test_a_split_length_is_put_together() -> None:
    first, second = framed(1), framed(2)
    asked = asyncio.run(serve([first + second[:1], second[1:]]))
    assert asked == [first[2:], second[2:]]


def test_an_idle_connection_ends() -> None:
    assert asyncio.run(serve([b"", framed(1)])) == []
