"""The ways to other servers: where datagrams go, and queries over TCP."""

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import partial

from holdfast.base.effects import FAILURE_CLOSED, FAILURE_LOCAL, SendUpstreamQuery
from holdfast.driver.datagram_exchanges import DatagramExchanges, Destination, failure_of

Received = Callable[[int, bytes, bytes], None]
Failed = Callable[[int, int], None]

# The class below socket.socket: half the cost per socket, and nothing of what the upper one adds is needed.
_DATAGRAM = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
_MAKE_IPV4 = partial(socket.SocketType, socket.AF_INET, _DATAGRAM)
_MAKE_IPV6 = partial(socket.SocketType, socket.AF_INET6, _DATAGRAM)


class AddressBook:
    """Finds destinations. ``address_map``: packed address to the (host, port) asked in its place; all others fail."""

    def __init__(self, address_map: dict[bytes, tuple[str, int]]) -> None:
        self._address_map = address_map

    def destination(self, server: bytes, port: int) -> Destination:
        """Return where queries to a server go; raises OSError if it is not part of the mapped network."""
        family = socket.AF_INET if len(server) == 4 else socket.AF_INET6
        host = socket.inet_ntop(family, server)
        if self._address_map:
            mapped = self._address_map.get(server)
            if mapped is None:
                raise OSError(errno.ENETUNREACH, "not part of the mapped network")
            return self._destination(port, mapped)
        return self._destination(port, (host, port))

    def _destination(self, port: int, address: tuple[str, int]) -> Destination:
        if ":" in address[0]:
            return Destination(port, address, "::", _MAKE_IPV6)
        return Destination(port, address, "0.0.0.0", _MAKE_IPV4)


class StreamExchanges:
    """Carries out ``SendUpstreamQuery`` over TCP. Responses and failures go to the two callables."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, datagrams: DatagramExchanges, received: Received, failed: Failed
    ) -> None:
        self._loop = loop
        self._datagrams = datagrams
        self._received = received
        self._failed = failed
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def send(self, query: SendUpstreamQuery) -> None:
        """Send one query."""
        if self._datagrams.is_full():
            self._loop.call_soon(self._failed, query.exchange_id, FAILURE_LOCAL)
            return
        self._tasks[query.exchange_id] = self._loop.create_task(self._exchange(query))
        self._datagrams.streams = len(self._tasks)

    def abandon(self, exchange_id: int) -> None:
        """Close what belongs to an exchange."""
        task = self._forget(exchange_id)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """Close everything."""
        for exchange_id in list(self._tasks):
            self.abandon(exchange_id)

    def _forget(self, exchange_id: int) -> asyncio.Task[None] | None:
        task = self._tasks.pop(exchange_id, None)
        self._datagrams.streams = len(self._tasks)
        return task

    async def _exchange(self, query: SendUpstreamQuery) -> None:
        """Ask over a TCP connection of its own (RFC 7766 section 5)."""
        writer: asyncio.StreamWriter | None = None
        try:
            destination = self._datagrams.destination(query.address, query.port)
            reader, writer = await asyncio.open_connection(*destination.socket_address)
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
            self._forget(query.exchange_id)
            if writer is not None:
                writer.close()
