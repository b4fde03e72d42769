"""Making listening sockets, before privileges are dropped, with errors that say what to do."""

import errno
import socket
from collections.abc import Sequence

from holdfast.server.settings import Listener, ServerError

RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024  # bursts of some ten thousand queries while the process is busy
TCP_BACKLOG = 256

SocketPairs = dict[Listener, tuple[socket.socket, socket.socket]]  # for UDP and for TCP


def require_free(listener: Listener) -> None:
    """Raise ServerError if another process serves the address.

    Listeners share their address with each other (SO_REUSEPORT), so a second server of the same user could bind as well
    and would take half of the queries. A socket that shares with nobody cannot. Two servers that start in the same
    instant may both pass.
    """
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            try:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if kind == socket.SOCK_STREAM:  # connections that have ended lately do not count, listeners do
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((listener.host, listener.port))
            except OSError as error:
                raise ServerError(f"cannot listen on {listener}: {bind_advice(error)}") from error


class ListeningSockets:
    """The sockets of all workers: worker number, then listener, to its UDP and TCP socket."""

    def __init__(self) -> None:
        self.of_worker: dict[int, SocketPairs] = {}

    def prepare(self, listeners: Sequence[Listener], workers: int) -> "ListeningSockets":
        """Return the sockets for other listeners or another number of workers: those that are open, and new ones.

        Raises ServerError if an address cannot be had; nothing has changed then.
        """
        mine = {listener for sockets in self.of_worker.values() for listener in sockets}
        for listener in listeners:
            if listener not in mine and listener.port:
                require_free(listener)
        prepared = ListeningSockets()
        try:
            for number in range(workers):
                known = self.of_worker.get(number, {})
                prepared.of_worker[number] = {}
                for listener in listeners:
                    pair = known.get(listener) or bind_pair(listener)
                    prepared.of_worker[number][listener] = pair
        except ServerError:
            prepared.close_except(self)
            raise
        return prepared

    def close_except(self, kept: "ListeningSockets") -> None:
        """Close the sockets that ``kept`` does not have."""
        staying = {sock.fileno() for sockets in kept.of_worker.values() for pair in sockets.values() for sock in pair}
        for sockets in self.of_worker.values():
            for pair in sockets.values():
                for sock in pair:
                    if sock.fileno() not in staying:
                        sock.close()

    def leave_to(self, number: int) -> SocketPairs:
        """In a worker's process: close the others' sockets; returns the worker's own."""
        own = ListeningSockets()
        own.of_worker[number] = self.of_worker[number]
        self.close_except(own)
        return self.of_worker[number]


def bind_pair(listener: Listener) -> tuple[socket.socket, socket.socket]:
    """Bind the UDP and the TCP socket of a listener. Raises ServerError if the address cannot be used."""
    udp = bind_listener(listener, socket.SOCK_DGRAM)
    try:
        return udp, bind_listener(listener, socket.SOCK_STREAM)
    except ServerError:
        udp.close()
        raise


def bind_listener(listener: Listener, kind: socket.SocketKind, shared: bool = True) -> socket.socket:
    """Bind one listener; if it is ``shared``, several sockets may have its address (SO_REUSEPORT).

    Raises ServerError if the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        sock.bind((listener.host, listener.port))
        if kind == socket.SOCK_STREAM:
            sock.listen(TCP_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise ServerError(f"cannot listen on {listener}: {bind_advice(error)}") from error
    return sock


def bind_advice(error: OSError) -> str:
    """Say in words why binding failed and what helps."""
    if error.errno == errno.EACCES:
        return "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE, or choose another port"
    if error.errno == errno.EADDRINUSE:
        return "the address is in use; stop the other server or choose another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have the address"
    return str(error.strerror or error)


def packed_address(host: str) -> bytes:
    """Return a text address in packed form, without a scope."""
    if ":" in host:
        return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return socket.inet_aton(host)
