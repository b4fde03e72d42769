"""The laboratory's servers on real sockets: every server address gets a port of its own on 127.0.0.1."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from typing import cast

from holdfast.base.effects import TRANSPORT_TCP, TRANSPORT_UDP
from holdfast.lab.authority import Authority

LOOPBACK = "127.0.0.1"
DNS_PORT = 53
PORT_TRIES = 10  # a port that TCP got free may be taken for UDP
StreamHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Datagrams(asyncio.DatagramProtocol):
    """One server's UDP side."""

    def __init__(self, server: Authority) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to send."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query."""
        response = self._server.answer(data, TRANSPORT_UDP)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)


class LoopbackInternet:
    """Serves servers, by packed address, while the event loop runs; ``address_map`` says where each really is.

    ``in_place``: at their own addresses and port 53, which a network namespace must have; otherwise at loopback ports.
    """

    def __init__(self, authorities: dict[bytes, Authority], in_place: bool = False) -> None:
        self._authorities = authorities
        self._in_place = in_place
        self._transports: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self.address_map: dict[bytes, tuple[str, int]] = {}

    async def start(self) -> None:
        """Open the sockets: UDP and TCP of a server share one port number."""
        for address in self._authorities:
            host, port = (str(ip_address(address)), DNS_PORT) if self._in_place else (LOOPBACK, 0)
            self.address_map[address] = (host, await self._open(address, host, port))

    async def _open(self, address: bytes, host: str, wanted_port: int) -> int:
        """Open both sockets of one server; returns their port. Another program may hold the port for UDP: try again."""
        loop = asyncio.get_running_loop()
        for attempt in range(PORT_TRIES):
            server = await asyncio.start_server(self._handler(address), host, wanted_port)
            port = int(server.sockets[0].getsockname()[1])
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    partial(_Datagrams, self._authorities[address]), local_addr=(host, port)
                )
            except OSError:
                server.close()
                if attempt == PORT_TRIES - 1:
                    raise
                continue
            self._servers.append(server)
            self._transports.append(transport)
            return port
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close all sockets."""
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()

    def _handler(self, address: bytes) -> StreamHandler:
        """Return the TCP side of one server."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    size = await reader.readexactly(2)
                    wire = await reader.readexactly(int.from_bytes(size, "big"))
                    response = self._authorities[address].answer(wire, TRANSPORT_TCP)
                    if response is None:
                        break
                    writer.write(len(response).to_bytes(2, "big") + response)
            writer.close()

        return serve
