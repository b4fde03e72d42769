"""A worker on this process's event loop, in front of one authoritative server on loopback that tests command."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

import dns.message
import dns.rrset

from holdfast.base.settings import EngineSettings
from holdfast.server.settings import Listener, ServerSettings
from holdfast.server.sockets import bind_pair
from holdfast.server.worker import Worker
from tests.support.engine_world import ROOT_ADDRESS, plain_settings, reply_to
from tests.support.ports import reserve_port

WAIT_S = 60.0  # nothing takes this long; a test that would hang fails instead
Message = dns.message.Message


@dataclass
class Authority(asyncio.DatagramProtocol):
    """Answers every question with one address, except names that begin with "held": those wait for ``release``."""

    held: list[tuple[bytes, tuple[str, int]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    holding: bool = True
    answer: Callable[[Message], Message] = lambda query: reply_to(query, [f"{query.question[0].name} 300 A 192.0.2.80"])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to send."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer, or hold the question back."""
        query = dns.message.from_wire(data)
        self.asked.append(query.question[0].name.to_text())
        if self.holding and self.asked[-1].startswith("held"):
            self.held.append((data, addr))
        else:
            self.transport.sendto(self.answer(query).to_wire(), addr)

    def release(self) -> None:
        """Answer what was held back."""
        for data, addr in self.held:
            self.transport.sendto(self.answer(dns.message.from_wire(data)).to_wire(), addr)
        self.held.clear()


@dataclass
class Served:
    """A running worker: where it listens, its authority, and the event that stops it."""

    addresses: list[tuple[str, int]]
    authority: Authority
    stop: asyncio.Event
    done: asyncio.Task[None]

    async def connect(self, at: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a TCP connection to a listener."""
        return await asyncio.open_connection(*self.addresses[at])

    async def ask(self, query: Message | bytes, at: int = 0) -> Message:
        """Ask over UDP."""
        return await ask_at(self.addresses[at], query)


async def ask_at(address: tuple[str, int], query: Message | bytes) -> Message:
    """Ask a server over UDP, from a new port."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect(address)
        await loop.sock_sendall(sock, query if isinstance(query, bytes) else query.to_wire())
        async with asyncio.timeout(WAIT_S):
            return dns.message.from_wire(await loop.sock_recv(sock, 65535))


@contextlib.asynccontextmanager
async def serving(
    settings: ServerSettings | None = None,
    engine_settings: EngineSettings | None = None,
    hosts: tuple[str, ...] = ("127.0.0.1",),
) -> AsyncIterator[Served]:
    """Run a worker on free ports; leaving stops it."""
    loop = asyncio.get_running_loop()
    authority = Authority()
    transport, _ = await loop.create_datagram_endpoint(lambda: authority, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    changed = dict(vars(settings or ServerSettings()))
    changed["address_map"] = {socket.inet_aton(ROOT_ADDRESS): ("127.0.0.1", port)}
    pairs = [bind_pair(Listener(host, reserve_port())) for host in hosts]
    stop = asyncio.Event()
    worker = Worker(
        ServerSettings(**changed),
        engine_settings or plain_settings(),
        {Listener(*udp.getsockname()[:2]): (udp, tcp) for udp, tcp in pairs},
    )
    done = loop.create_task(worker.serve(stop))
    try:
        yield Served([udp.getsockname()[:2] for udp, _ in pairs], authority, stop, done)
    finally:
        authority.release()
        stop.set()
        async with asyncio.timeout(WAIT_S):
            await done
        transport.close()
        for pair in pairs:
            for sock in pair:
                sock.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to happen."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 (the code under test has no events for it)
            await asyncio.sleep(0.01)


def framed(query: Message) -> bytes:
    """A query as it goes over TCP."""
    wire = query.to_wire()
    return len(wire).to_bytes(2, "big") + wire


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read one response from a TCP connection."""
    async with asyncio.timeout(WAIT_S):
        size = int.from_bytes(await reader.readexactly(2), "big")
        return dns.message.from_wire(await reader.readexactly(size))


async def read_end(reader: asyncio.StreamReader) -> None:
    """Wait for the other side to close a connection that has nothing more to say."""
    async with asyncio.timeout(WAIT_S):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
