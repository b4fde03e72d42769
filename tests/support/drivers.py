"""Stand-ins for what the driver is given: a socket, a poller, clocks."""

from collections.abc import Callable
from typing import Any

from holdfast.driver.seams import Clocks


class FakeSocket:
    """A UDP socket that keeps what was done with it; ``arrived`` is what it receives: (datagram, source)."""

    def __init__(self, descriptor: int = 3) -> None:
        self.descriptor = descriptor
        self.bound: tuple[str, int] = ("", -1)
        self.connected: Any = None
        self.sent: list[bytes] = []
        self.sent_to: list[tuple[bytes, Any]] = []
        self.arrived: list[tuple[bytes, Any]] = []
        self.bind_errors: list[OSError] = []
        self.send_error: OSError | None = None
        self.receive_error: OSError | None = None
        self.receive_calls = 0
        self.closed = False

    def fileno(self) -> int:
        """As `socket.socket.fileno`."""
        return self.descriptor

    def bind(self, address: Any) -> None:
        """As `socket.socket.bind`."""
        if self.bind_errors:
            raise self.bind_errors.pop(0)
        self.bound = address

    def connect(self, address: Any) -> None:
        """As `socket.socket.connect`."""
        self.connected = address

    def send(self, data: bytes) -> int:
        """As `socket.socket.send`."""
        if self.send_error is not None:
            raise self.send_error
        self.sent.append(data)
        return len(data)

    def sendto(self, data: bytes, address: Any) -> int:
        """As `socket.socket.sendto`."""
        if self.send_error is not None:
            raise self.send_error
        self.sent_to.append((data, address))
        return len(data)

    def recv(self, octets: int) -> bytes:
        """As `socket.socket.recv`."""
        return self.recvfrom(octets)[0]

    def recvfrom(self, octets: int) -> tuple[bytes, Any]:
        """As `socket.socket.recvfrom`."""
        self.receive_calls += 1
        if self.receive_error is not None:
            raise self.receive_error
        if not self.arrived:
            raise BlockingIOError
        datagram, source = self.arrived.pop(0)
        return datagram[:octets], source

    def close(self) -> None:
        """As `socket.socket.close`."""
        self.closed = True


class FakePoller:
    """An epoll: ``ready`` are the descriptors that can be read."""

    def __init__(self) -> None:
        self.watched: list[int] = []
        self.ready: list[int] = []
        self.timeouts_s: list[float] = []
        self.on_poll: Callable[[], None] | None = None

    def register(self, descriptor: int, _events: int) -> None:
        """As `select.epoll.register`."""
        self.watched.append(descriptor)

    def unregister(self, descriptor: int) -> None:
        """As `select.epoll.unregister`."""
        self.watched.remove(descriptor)

    def poll(self, timeout_s: float, _events: int) -> list[tuple[int, int]]:
        """As `select.epoll.poll`."""
        self.timeouts_s.append(timeout_s)
        if self.on_poll is not None:
            self.on_poll()
        ready, self.ready = self.ready, []
        return [(descriptor, 1) for descriptor in ready]


class FakeTime:
    """Clocks that stand still until ``now_us`` is changed."""

    def __init__(self) -> None:
        self.now_us = 1_000_000_000
        self.clocks = Clocks(lambda: self.now_us * 1000, lambda: 1_778_000_000.5)
