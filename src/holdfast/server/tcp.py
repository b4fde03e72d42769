"""Clients over TCP (RFC 7766): pipelining, answers in any order, idle time-outs, bounded everywhere."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from holdfast.base.effects import TRANSPORT_TCP, Client
from holdfast.base.instant import Instant
from holdfast.engine.engine import ResolverEngine
from holdfast.server.settings import TCP_PIPELINED_QUERIES, ServerSettings
from holdfast.server.sockets import packed_address

WRITE_BUFFER_OCTETS = 256 * 1024  # a client that does not read its answers is cut off here


class TcpConnection:
    """One client connection."""

    def __init__(self, listener: "TcpListener", writer: asyncio.StreamWriter, address: bytes, service: int = 0) -> None:
        self._listener = listener
        self._writer = writer
        self.client = Client(address, TRANSPORT_TCP, self, service)
        self._waiting = 0
        self._room = asyncio.Event()
        self._room.set()

    def send(self, wire: bytes) -> None:
        """Send one answer."""
        self.dropped()
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > WRITE_BUFFER_OCTETS:
            self._writer.transport.abort()
            return
        self._writer.write(len(wire).to_bytes(2, "big") + wire)

    def dropped(self) -> None:
        """One query less is waiting for its answer."""
        self._waiting -= 1
        if self._waiting < TCP_PIPELINED_QUERIES:
            self._room.set()

    async def serve(self, reader: asyncio.StreamReader, idle_s: float) -> None:
        """Read queries until the client goes, or is idle for too long with nothing outstanding.

        A message that is begun has to be complete within ``idle_s``: after half of one nothing would be in its place.
        """
        while True:
            begun = False
            try:
                async with asyncio.timeout(idle_s):
                    size = await reader.readexactly(2)
                    begun = True
                    wire = await reader.readexactly(int.from_bytes(size, "big"))
            except TimeoutError:
                if self._waiting > 0 and not begun and not reader.at_eof():
                    continue
                return
            self._waiting += 1
            self._listener.ask(self, wire)
            if self._waiting >= TCP_PIPELINED_QUERIES:
                self._room.clear()
            await self._room.wait()


class TcpListener:
    """One listening socket. ``service`` is the number of the service that its clients ask."""

    def __init__(
        self,
        sock: socket.socket,
        engine: ResolverEngine,
        pump: Callable[[], None],
        read_clocks: Callable[[], Instant],
        settings: ServerSettings,
        service: int = 0,
    ) -> None:
        self._sock = sock
        self._engine = engine
        self._pump = pump
        self._read_clocks = read_clocks
        self._settings = settings
        self._service = service
        self._connections = 0
        self._connections_of: dict[bytes, int] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to accept connections."""
        self._server = await asyncio.start_server(self._accept, sock=self._sock)

    def close(self) -> None:
        """Accept no more connections."""
        if self._server is not None:
            self._server.close()

    def ask(self, connection: TcpConnection, wire: bytes) -> None:
        """Hand a query to the engine."""
        response = self._engine.receive_client_query(connection.client, wire, self._read_clocks())
        if response is not None:
            connection.send(response)
        else:
            self._pump()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection if there is room for one more."""
        address = packed_address(writer.get_extra_info("peername")[0])
        mine = self._connections_of.get(address, 0)
        if self._connections >= self._settings.tcp_connections or mine >= self._settings.tcp_connections_per_client:
            writer.transport.abort()
            return
        self._connections += 1
        self._connections_of[address] = mine + 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                await TcpConnection(self, writer, address, self._service).serve(reader, self._settings.tcp_idle_s)
        finally:
            self._connections -= 1
            left = self._connections_of.pop(address) - 1
            if left:
                self._connections_of[address] = left
            writer.close()
