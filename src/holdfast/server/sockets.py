"""Making listening sockets, before privileges are dropped, with errors that say what to do."""

import errno
import socket

from holdfast.server.settings import Listener, ServerError

RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024  # bursts of some ten thousand queries while the process is busy
TCP_BACKLOG = 256


def bind_listener(listener: Listener, kind: socket.SocketKind) -> socket.socket:
    """Bind one listener; several processes may share its address (SO_REUSEPORT).

    Raises ServerError if the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
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
