"""Queries to other servers over UDP: one fresh socket for each, on a random port (RFC 5452 section 9.2).

The sockets are watched by the epoll that the worker waits on: registering a socket there costs a fraction of what an
event loop takes for it.
"""

import errno
from collections.abc import Callable
from typing import Final

from holdfast.base.effects import (
    FAILURE_CLOSED,
    FAILURE_LOCAL,
    FAILURE_REFUSED,
    FAILURE_UNREACHABLE,
    SendUpstreamQuery,
)
from holdfast.base.instant import Instant
from holdfast.driver.seams import DatagramSocket, Poller
from holdfast.engine.engine import ResolverEngine

SENT: Final = -1
READABLE: Final = 1  # EPOLLIN
FIRST_PORT: Final = 1024
PORTS: Final = 65536 - FIRST_PORT
PORT_TRIES: Final = 10  # another process may hold a port; ten random ones are never all taken on a healthy machine
RANDOM_OCTETS: Final = 4096  # fetched from the system at once
RESPONSE_OCTETS: Final = 65535
DESTINATIONS_REMEMBERED: Final = 10_000  # text forms of server addresses, so that each is written once
UNREACHABLE: Final = (
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT,
    errno.EINVAL,
    errno.EACCES,
)


class Destination:
    """Where queries to one server go: the socket's address, and what makes a socket that can reach it."""

    def __init__(
        self, port: int, socket_address: tuple[str, int], any_host: str, make_socket: Callable[[], DatagramSocket]
    ) -> None:
        self.port: Final = port
        self.socket_address: Final = socket_address
        self.any_host: Final = any_host
        self.make_socket: Final = make_socket


class OpenExchange:
    """A query that was sent, and the socket on which its response will come."""

    def __init__(self, exchange_id: int, server: bytes, sock: DatagramSocket, descriptor: int) -> None:
        self.exchange_id: Final = exchange_id
        self.server: Final = server
        self.sock: Final = sock
        self.descriptor: Final = descriptor


class DatagramExchanges:
    """Carries out ``SendUpstreamQuery`` over UDP and hands what arrives to the engine.

    ``find_destination`` turns a packed address and port into a ``Destination``, or raises OSError; ``random_octets``
    is `os.urandom`. ``streams`` is kept by those who ask over TCP: their connections count against the same limit.
    """

    def __init__(
        self,
        engine: ResolverEngine,
        poller: Poller,
        sockets_limit: int,
        find_destination: Callable[[bytes, int], Destination],
        random_octets: Callable[[int], bytes],
    ) -> None:
        self.streams = 0
        self._engine: Final = engine
        self._poller: Final = poller
        self._sockets_limit: Final = sockets_limit
        self._find_destination: Final = find_destination
        self._random_octets: Final = random_octets
        self._destinations: Final[dict[bytes, Destination]] = {}
        self._open: Final[dict[int, OpenExchange]] = {}
        self._by_descriptor: Final[dict[int, OpenExchange]] = {}
        self._random = b""
        self._random_at = 0

    def is_full(self) -> bool:
        """Tell whether no more exchanges may begin, over UDP or TCP."""
        return len(self._open) + self.streams >= self._sockets_limit

    def send(self, query: SendUpstreamQuery) -> int:
        """Send one query; return SENT or one of ``FAILURE_*``. The connected socket hears its server only."""
        if self.is_full():
            return FAILURE_LOCAL
        sock: DatagramSocket | None = None
        try:
            destination = self.destination(query.address, query.port)
            sock = destination.make_socket()
            self._bind_random(sock, destination.any_host)
            sock.connect(destination.socket_address)
            sock.send(query.wire)
        except OSError as error:
            if sock is not None:
                sock.close()
            return failure_of(error)
        descriptor = sock.fileno()
        exchange = OpenExchange(query.exchange_id, query.address, sock, descriptor)
        self._open[query.exchange_id] = exchange
        self._by_descriptor[descriptor] = exchange
        self._poller.register(descriptor, READABLE)
        return SENT

    def abandon(self, exchange_id: int) -> bool:
        """Close the socket of an exchange; False: it is none of these."""
        exchange = self._open.pop(exchange_id, None)
        if exchange is None:
            return False
        del self._by_descriptor[exchange.descriptor]
        exchange.sock.close()  # the poller forgets it: nobody else holds the descriptor
        return True

    def receive(self, descriptor: int, now: Instant) -> bool:
        """Hand what has arrived on a socket to the engine; False: it is none of these.

        A datagram that does not match leaves its exchange open.
        """
        exchange = self._by_descriptor.get(descriptor)
        if exchange is None:
            return False
        try:
            wire = exchange.sock.recv(RESPONSE_OCTETS)
        except BlockingIOError:
            return True
        except OSError as error:
            self._engine.fail_upstream_query(exchange.exchange_id, failure_of(error), now)
            return True
        self._engine.receive_upstream_response(exchange.exchange_id, exchange.server, wire, now)
        return True

    def close(self) -> None:
        """Close all sockets."""
        for exchange_id in list(self._open):
            self.abandon(exchange_id)

    def destination(self, server: bytes, port: int) -> Destination:
        """Return where queries to a server go; raises OSError if that is nowhere."""
        found = self._destinations.get(server)
        if found is None or found.port != port:
            if len(self._destinations) >= DESTINATIONS_REMEMBERED:
                self._destinations.clear()
            found = self._find_destination(server, port)
            self._destinations[server] = found
        return found

    def _bind_random(self, sock: DatagramSocket, any_host: str) -> None:
        """Bind to a random port; the kernel's own choice comes from a smaller range."""
        for _ in range(PORT_TRIES):
            if self._random_at + 2 > len(self._random):
                self._random = self._random_octets(RANDOM_OCTETS)
                self._random_at = 0
            number = self._random[self._random_at] << 8 | self._random[self._random_at + 1]
            self._random_at += 2
            try:
                sock.bind((any_host, FIRST_PORT + number % PORTS))
            except OSError as error:
                if error.errno != errno.EADDRINUSE and error.errno != errno.EACCES:
                    raise
            else:
                return
        sock.bind((any_host, 0))


def failure_of(error: OSError) -> int:
    """Translate an error of the system into one of the engine's failures."""
    number = error.errno
    if number in UNREACHABLE:
        return FAILURE_UNREACHABLE
    if number == errno.ECONNREFUSED:
        return FAILURE_REFUSED
    if number in (errno.ECONNRESET, errno.EPIPE):
        return FAILURE_CLOSED
    return FAILURE_LOCAL
