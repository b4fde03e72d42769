"""Garbage on TCP connections: the framing of `holdfast.server.tcp`, fed by octets instead of sockets."""

import asyncio
import contextlib
from random import Random
from typing import Any

from fuzz.corpus import Corpus
from fuzz.mutate import mutated, random_octets, truncated
from holdfast.base.effects import AbandonExchange, DropQuery, Record, SendAnswer, SendUpstreamQuery
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.message import DROP, parse_question
from holdfast.engine.engine import ResolverEngine
from holdfast.server.settings import ServerSettings
from holdfast.server.tcp import TcpConnection, TcpListener

IDLE_S = 5.0  # no stream waits for it: each ends with an end of file
MESSAGES_MAXIMUM = 12  # of one stream


class StreamFinding(Exception):
    """A stream was not served as it must be; the text has seed, number and octets."""


class MemoryTransport(asyncio.Transport):
    """Collects what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self._closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Claim to be a loopback client."""
        return ("127.0.0.1", 5353) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the octets."""
        self.written += data

    def get_write_buffer_size(self) -> int:
        """Everything is read at once by the other side."""
        return 0

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self._closing

    def close(self) -> None:
        """Close."""
        self._closing = True

    def abort(self) -> None:
        """Close."""
        self._closing = True


class _Listener(TcpListener):
    """A listener without a socket, whose engine gets an authentic response to every upstream query at once."""

    def __init__(self, corpus: Corpus, engine: ResolverEngine) -> None:
        self._corpus = corpus
        self._clock_us = 1_000_000_000
        self.received = engine
        super().__init__(None, engine, self._pump_once, self.read_clocks, ServerSettings())  # type: ignore[arg-type]

    def read_clocks(self) -> Instant:
        """The virtual time, a millisecond later each time."""
        self._clock_us += 1000
        return Instant(self._clock_us, self._corpus.internet.now_s)

    def _pump_once(self) -> None:
        engine = self.received
        while effects := engine.take_effects():
            for effect in effects:
                if isinstance(effect, SendUpstreamQuery):
                    wire = self._corpus.response(effect.address, effect.wire, effect.transport)
                    if wire is None:
                        engine.fail_upstream_query(effect.exchange_id, 0, self.read_clocks())
                    else:
                        engine.receive_upstream_response(effect.exchange_id, effect.address, wire, self.read_clocks())
                elif isinstance(effect, (SendAnswer, DropQuery)):
                    handle = effect.client.handle
                    assert isinstance(handle, TcpConnection)
                    if isinstance(effect, SendAnswer):
                        handle.send(effect.wire)
                    else:
                        handle.dropped()
                else:
                    assert isinstance(effect, (AbandonExchange, Record))  # the journal is of no matter here


def fuzz_streams(corpus: Corpus, seed: int, streams: int) -> int:
    """Serve ``streams`` connections full of garbage; returns how many answers they got. Raises StreamFinding."""
    random = Random(f"streams/{seed}")
    settings = corpus.settings(random)
    settings.client_rate_limit_qps = 0
    settings.trust_anchors[0] = type(settings.trust_anchors[0])(b"\x00", settings.trust_anchors[0].ds, [], False, "")
    engine = ResolverEngine(
        settings, CryptographyVerifier(), Entropy(random.randbytes(32)), Instant(0, corpus.internet.now_s)
    )
    return asyncio.run(_serve_all(_Listener(corpus, engine), corpus, random, seed, streams))


async def _serve_all(listener: _Listener, corpus: Corpus, random: Random, seed: int, streams: int) -> int:
    answers = 0
    for number in range(streams):
        octets, answerable = make_stream(corpus, random)
        transport = MemoryTransport()
        try:
            await _serve(listener, transport, octets, random)
            answers += _count_answers(bytes(transport.written), answerable)
        except Exception as error:
            text = f"{type(error).__name__}: {error} at seed {seed}, stream {number}: {octets.hex()}"
            raise StreamFinding(text) from error
    return answers


async def _serve(listener: _Listener, transport: MemoryTransport, octets: bytes, random: Random) -> None:
    """Feed a stream in pieces of any size, as networks do."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    connection = TcpConnection(listener, writer, b"\x7f\x00\x00\x01")
    serving = loop.create_task(connection.serve(reader, IDLE_S))
    while octets:
        size = random.choice((1, 2, 3, 17, len(octets)))
        reader.feed_data(octets[:size])
        octets = octets[size:]
        await asyncio.sleep(0)
    reader.feed_eof()
    with contextlib.suppress(asyncio.IncompleteReadError):  # how `serve` says that the client has gone
        await serving
    writer.close()


def make_stream(corpus: Corpus, random: Random) -> tuple[bytes, list[bytes]]:
    """Framed and misframed messages, and the ones in it that have to be answered, by ID."""
    octets = bytearray()
    answerable: list[bytes] = []
    for _ in range(random.randrange(1, MESSAGES_MAXIMUM + 1)):
        wire = corpus.query(random)
        choice = random.random()
        if choice < 0.2:
            wire = random_octets(random)
        elif choice < 0.3:
            wire = truncated(random, wire)
        elif choice < 0.6:
            wire = mutated(random, wire)
        length = len(wire)
        if random.random() < 0.05:  # from here on nothing is in its place
            length = random.choice((0, length + 1, max(length - 1, 0), 65535))
            octets += length.to_bytes(2, "big") + wire
            break
        octets += length.to_bytes(2, "big") + wire
        parsed = parse_question(wire)
        if parsed != DROP and len(wire) >= 12:
            answerable.append(wire[:2])
    return bytes(octets), answerable


def _count_answers(written: bytes, answerable: list[bytes]) -> int:
    """Check that the answers are framed and that nothing answerable was left out."""
    found: list[bytes] = []
    while written:
        size = int.from_bytes(written[:2], "big")
        message = written[2 : 2 + size]
        if size < 12 or len(message) < size:
            raise ValueError(f"an answer is not framed: {written.hex()}")
        found.append(message[:2])
        written = written[2 + size :]
    for wanted in answerable:
        if wanted not in found:
            raise ValueError(f"the query with ID {wanted.hex()} was not answered")
        found.remove(wanted)
    return len(answerable) + len(found)
