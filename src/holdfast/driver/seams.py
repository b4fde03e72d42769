"""What the datagram path is given from outside: sockets, a poller and clocks, so that it opens and reads none itself.

The protocols name the methods of the standard library's objects that are used, and no others.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from holdfast.base.instant import Instant


class DatagramSocket(Protocol):
    """A non-blocking UDP socket; methods raise OSError as `socket.socket` does."""

    def fileno(self) -> int:
        """Return its descriptor."""

    def bind(self, address: Any, /) -> None:
        """Choose the local address."""

    def connect(self, address: Any, /) -> None:
        """Choose the only remote address."""

    def send(self, data: bytes, /) -> int:
        """Send to the connected address."""

    def sendto(self, data: bytes, address: Any, /) -> int:
        """Send to any address."""

    def recv(self, octets: int, /) -> bytes:
        """Take one datagram, cut off at ``octets``."""

    def recvfrom(self, octets: int, /) -> tuple[bytes, Any]:
        """Take one datagram and its source."""

    def close(self) -> None:
        """Give it back."""


class Poller(Protocol):
    """An epoll: tells which descriptors can be read."""

    def register(self, descriptor: int, events: int, /) -> None:
        """Watch a descriptor."""

    def unregister(self, descriptor: int, /) -> None:
        """Watch it no more."""

    def poll(self, timeout_s: float, events: int, /) -> list[tuple[int, int]]:
        """Wait so long (below 0: without limit) for at most so many; return descriptors and events."""


class Clocks:
    """Reads both clocks, once per wake-up: ``monotonic_ns`` and ``wall_s`` are `time.monotonic_ns` and `time.time`."""

    def __init__(self, monotonic_ns: Callable[[], int], wall_s: Callable[[], float]) -> None:
        self._monotonic_ns: Final = monotonic_ns
        self._wall_s: Final = wall_s

    def read(self) -> Instant:
        """Return the present."""
        return Instant(self._monotonic_ns() // 1000, int(self._wall_s()))

    def monotonic_us(self) -> int:
        """Return the monotonic half only, in microseconds."""
        return self._monotonic_ns() // 1000
