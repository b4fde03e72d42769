"""Queries to other servers: one fresh socket for each, on a random port (RFC 5452 section 9.2)."""

import asyncio
import errno
import os
import select
import socket
from collections.abc import Callable

from holdfast.base.effects import (
    FAILURE_CLOSED,
    FAILURE_LOCAL,
    FAILURE_REFUSED,
    FAILURE_UNREACHABLE,
    TRANSPORT_UDP,
    SendUpstreamQuery,
)

FIRST_PORT = 1024
PORTS = 65536 - FIRST_PORT
PORT_TRIES = 10  # another process may hold a port; ten random ones are never all taken on a healthy machine
RANDOM_OCTETS = 4096  # fetched from the system at once
DATAGRAM_OCTETS = 65535
UNREACHABLE = (
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT,
    errno.EINVAL,
    errno.EACCES,
)

Received = Callable[[int, bytes, bytes], None]
Failed = Callable[[int, int], None]


class Upstream:
    """Carries out ``SendUpstreamQuery``. Responses and failures go to the two callables."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        received: Received,
        failed: Failed,
        sockets_limit: int,
        address_map: dict[bytes, tuple[str, int]],
    ) -> None:
        self._loop = loop
        self._received = received
        self._failed = failed
        self._sockets_limit = sockets_limit
        self._address_map = address_map
        self._sockets: dict[int, socket.socket] = {}
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._exchanges: dict[int, tuple[int, bytes, socket.socket]] = {}  # by file descriptor
        # One epoll inside the loop's own: registering a socket with it costs a fraction of add_reader.
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._drain)
        self._random = b""
        self._random_at = 0

    def send(self, query: SendUpstreamQuery) -> None:
        """Send one query."""
        if len(self._sockets) + len(self._streams) >= self._sockets_limit:
            self._loop.call_soon(self._failed, query.exchange_id, FAILURE_LOCAL)
        elif query.transport == TRANSPORT_UDP:
            self._send_datagram(query)
        else:
            self._streams[query.exchange_id] = self._loop.create_task(self._exchange_over_tcp(query))

    def abandon(self, exchange_id: int) -> None:
        """Close what belongs to an exchange."""
        sock = self._sockets.pop(exchange_id, None)
        if sock is not None:
            # Closing takes the socket out of the epoll as well: nobody else holds the descriptor.
            self._exchanges.pop(sock.fileno(), None)
            sock.close()
            return
        stream = self._streams.pop(exchange_id, None)
        if stream is not None:
            stream.cancel()

    def close(self) -> None:
        """Close everything."""
        for exchange_id in [*self._sockets, *self._streams]:
            self.abandon(exchange_id)
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _destination(self, query: SendUpstreamQuery) -> tuple[int, tuple[str, int]]:
        """Return the socket family and the address to use."""
        mapped = self._address_map.get(query.address)
        if mapped is not None:
            return (socket.AF_INET6 if ":" in mapped[0] else socket.AF_INET), mapped
        if self._address_map:
            raise OSError(errno.ENETUNREACH, "not part of the mapped network")
        if len(query.address) == 4:
            return socket.AF_INET, (socket.inet_ntoa(query.address), query.port)
        return socket.AF_INET6, (socket.inet_ntop(socket.AF_INET6, query.address), query.port)

    def _send_datagram(self, query: SendUpstreamQuery) -> None:
        """Send over UDP from a random port; the socket is connected, so only the server's address gets through."""
        sock: socket.socket | None = None
        try:
            family, destination = self._destination(query)
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._bind_random(sock, family)
            sock.connect(destination)
            sock.send(query.wire)
        except OSError as error:
            if sock is not None:
                sock.close()
            self._loop.call_soon(self._failed, query.exchange_id, failure_of(error))
            return
        self._sockets[query.exchange_id] = sock
        descriptor = sock.fileno()
        self._exchanges[descriptor] = (query.exchange_id, query.address, sock)
        self._epoll.register(descriptor, select.EPOLLIN)

    def _bind_random(self, sock: socket.socket, family: int) -> None:
        """Bind to a random port; the kernel's own choice comes from a smaller range."""
        host = "" if family == socket.AF_INET else "::"
        for _ in range(PORT_TRIES):
            if self._random_at + 2 > len(self._random):
                self._random = os.urandom(RANDOM_OCTETS)
                self._random_at = 0
            number = self._random[self._random_at] << 8 | self._random[self._random_at + 1]
            self._random_at += 2
            try:
                sock.bind((host, FIRST_PORT + number % PORTS))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                return
        sock.bind((host, 0))

    def _drain(self) -> None:
        """Take what has arrived on all sockets."""
        for descriptor, _ in self._epoll.poll(0):
            found = self._exchanges.get(descriptor)
            if found is not None:
                self._read(*found)

    def _read(self, exchange_id: int, source: bytes, sock: socket.socket) -> None:
        """Take what arrived; wrong datagrams leave the exchange open."""
        try:
            wire = sock.recv(DATAGRAM_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(exchange_id, failure_of(error))
            return
        self._received(exchange_id, source, wire)

    async def _exchange_over_tcp(self, query: SendUpstreamQuery) -> None:
        """Ask over a TCP connection of its own (RFC 7766 section 5)."""
        writer: asyncio.StreamWriter | None = None
        try:
            _, destination = self._destination(query)
            reader, writer = await asyncio.open_connection(*destination)
            writer.write(len(query.wire).to_bytes(2, "big") + query.wire)
            while True:
                size = await reader.readexactly(2)
                wire = await reader.readexactly(int.from_bytes(size, "big"))
                self._received(query.exchange_id, query.address, wire)
        except asyncio.IncompleteReadError:
            self._failed(query.exchange_id, FAILURE_CLOSED)
        except OSError as error:
            self._failed(query.exchange_id, failure_of(error))
        finally:
            self._streams.pop(query.exchange_id, None)
            if writer is not None:
                writer.close()


def failure_of(error: OSError) -> int:
    """Translate an error of the system into one of the engine's failures."""
    if error.errno in UNREACHABLE:
        return FAILURE_UNREACHABLE
    if error.errno == errno.ECONNREFUSED:
        return FAILURE_REFUSED
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return FAILURE_CLOSED
    return FAILURE_LOCAL
