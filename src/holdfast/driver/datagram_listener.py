"""Clients over UDP: drain the socket, ask the engine, answer."""

from collections.abc import Callable
from typing import Any, Final

from mypy_extensions import mypyc_attr

from holdfast.base.effects import TRANSPORT_UDP, Client
from holdfast.base.instant import Instant
from holdfast.driver.seams import DatagramSocket
from holdfast.engine.engine import ResolverEngine

BATCH_DATAGRAMS: Final = 64  # per wake-up: amortises the wake-up, yet keeps upstream responses flowing
QUERY_OCTETS: Final = 4096  # no sane query is larger; the rest is cut off and will not parse
ADDRESSES_REMEMBERED: Final = 10_000  # packed forms of client addresses, so that each is parsed once


@mypyc_attr(acyclic=True)
class DatagramPeer:
    """Where a datagram came from."""

    def __init__(self, sock: DatagramSocket, address: Any) -> None:
        self._sock: Final = sock
        self._address: Final = address

    def send(self, wire: bytes) -> None:
        """Send an answer; a full socket buffer loses it, as any datagram may be lost."""
        try:
            self._sock.sendto(wire, self._address)
        except OSError:
            return


class DatagramListener:
    """One listening socket. ``pack`` turns the text of an address into its octets; ``pump`` carries out effects.

    ``service`` is the number of the service that its clients ask.
    """

    def __init__(
        self,
        sock: DatagramSocket,
        engine: ResolverEngine,
        pack: Callable[[str], bytes],
        pump: Callable[[], None],
        service: int = 0,
    ) -> None:
        self._sock: Final = sock
        self._engine: Final = engine
        self._pack: Final = pack
        self._pump: Final = pump
        self._service: Final = service
        self._packed: Final[dict[str, bytes]] = {}

    def drain(self, now: Instant, more: bool) -> None:
        """Take the datagram that has arrived, or with ``more`` all that have: asking in vain costs an exception.

        Answers from the cache go out at once.
        """
        waiting = False
        left = BATCH_DATAGRAMS if more else 1
        while left > 0:
            try:
                wire, address = self._sock.recvfrom(QUERY_OCTETS)
            except OSError:
                break
            left -= 1
            peer = DatagramPeer(self._sock, address)
            client = Client(self._packed_address(address[0]), TRANSPORT_UDP, peer, self._service)
            response = self._engine.receive_client_query(client, wire, now)
            if response is None:
                waiting = True
            else:
                peer.send(response)
        if waiting:
            self._pump()

    def _packed_address(self, host: str) -> bytes:
        packed = self._packed.get(host)
        if packed is None:
            if len(self._packed) >= ADDRESSES_REMEMBERED:
                self._packed.clear()
            packed = self._pack(host)
            self._packed[host] = packed
        return packed
