"""Clients over UDP: drain the socket, ask the engine, answer."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from holdfast.base.effects import TRANSPORT_UDP, Client
from holdfast.base.instant import Instant
from holdfast.engine.engine import ResolverEngine
from holdfast.server.sockets import packed_address

BATCH_DATAGRAMS = 64  # per wake-up: amortises the wake-up, yet keeps upstream responses flowing
QUERY_OCTETS = 4096  # no sane query is larger; the rest is cut off and will not parse
ADDRESSES_REMEMBERED = 10_000  # packed forms of client addresses, so that each is parsed once


class UdpPeer:
    """Where a datagram came from."""

    __slots__ = ("_address", "_sock")

    def __init__(self, sock: socket.socket, address: Any) -> None:
        self._sock = sock
        self._address = address

    def send(self, wire: bytes) -> None:
        """Send an answer; a full socket buffer loses it, as any datagram may be lost."""
        try:
            self._sock.sendto(wire, self._address)
        except OSError:
            return


class UdpListener:
    """One listening socket."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        engine: ResolverEngine,
        pump: Callable[[], None],
        read_clocks: Callable[[], Instant],
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._engine = engine
        self._pump = pump
        self._read_clocks = read_clocks
        self._packed: dict[str, bytes] = {}
        loop.add_reader(sock.fileno(), self._drain)

    def close_reading(self) -> None:
        """Take no more queries; answers can still be sent."""
        self._loop.remove_reader(self._sock.fileno())

    def _drain(self) -> None:
        """Take what has arrived. Answers from the cache go out at once."""
        sock = self._sock
        receive = sock.recvfrom
        send = sock.sendto
        ask = self._engine.receive_client_query
        packed = self._packed
        now = self._read_clocks()
        waiting = False
        for _ in range(BATCH_DATAGRAMS):
            try:
                wire, address = receive(QUERY_OCTETS)
            except OSError:
                break
            host = packed.get(address[0])
            if host is None:
                if len(packed) >= ADDRESSES_REMEMBERED:
                    packed.clear()
                host = packed_address(address[0])
                packed[address[0]] = host
            response = ask(Client(host, TRANSPORT_UDP, UdpPeer(sock, address)), wire, now)
            if response is None:
                waiting = True
            else:
                try:
                    send(response, address)
                except OSError:
                    continue
        if waiting:
            self._pump()
