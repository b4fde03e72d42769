"""Upstream sockets, with fakes for the system's: ports, limits, failures, and what reaches the engine."""

import errno

import pytest

from holdfast.base.effects import (
    FAILURE_CLOSED,
    FAILURE_LOCAL,
    FAILURE_REFUSED,
    FAILURE_UNREACHABLE,
    TRANSPORT_UDP,
    SendUpstreamQuery,
)
from holdfast.driver.datagram_exchanges import FIRST_PORT, PORT_TRIES, SENT, DatagramExchanges, Destination, failure_of
from tests.support.drivers import FakePoller, FakeSocket
from tests.support.engine_world import EngineWorld

SERVER = bytes([192, 0, 2, 1])


class System:
    """Makes the sockets; ``bind_errors`` are raised one by one."""

    def __init__(self, random: bytes = bytes(range(256)), limit: int = 10) -> None:
        self.sockets: list[FakeSocket] = []
        self.bind_errors: list[OSError] = []
        self.send_error: OSError | None = None
        self.found: list[tuple[bytes, int]] = []
        self.poller = FakePoller()
        world = EngineWorld(lambda _address, _query: None)
        self.exchanges = DatagramExchanges(
            world.engine, self.poller, limit, self.find, lambda octets: (random * octets)[:octets]
        )

    def find(self, server: bytes, port: int) -> Destination:
        self.found.append((server, port))
        if server == bytes(4):
            raise OSError(errno.ENETUNREACH, "no route")
        return Destination(port, ("192.0.2.1", port), "0.0.0.0", self.make)

    def make(self) -> FakeSocket:
        sock = FakeSocket(len(self.sockets) + 3)
        sock.bind_errors = self.bind_errors
        sock.send_error = self.send_error
        self.sockets.append(sock)
        return sock

    def send(self, exchange_id: int, server: bytes = SERVER) -> int:
        return self.exchanges.send(SendUpstreamQuery(exchange_id, server, 53, TRANSPORT_UDP, b"query"))


def test_every_query_has_a_socket_and_a_random_port_of_its_own() -> None:
    system = System(random=b"\x00\x05\xff\xff\x12\x34")
    assert [system.send(number) for number in range(3)] == [SENT] * 3
    ports = [sock.bound[1] for sock in system.sockets]
    assert ports == [FIRST_PORT + 5, FIRST_PORT + 0xFFFF % (65536 - FIRST_PORT), FIRST_PORT + 0x1234]
    assert [sock.connected for sock in system.sockets] == [("192.0.2.1", 53)] * 3
    assert [sock.sent for sock in system.sockets] == [[b"query"]] * 3
    assert system.poller.watched == [3, 4, 5]
    assert system.found == [(SERVER, 53)]


def test_a_taken_port_is_replaced_by_another_random_one() -> None:
    system = System()
    system.bind_errors = [OSError(errno.EADDRINUSE, "in use"), OSError(errno.EACCES, "reserved")]
    assert system.send(1) == SENT
    assert system.sockets[0].bound[1] == FIRST_PORT + 0x0405


def test_the_kernel_chooses_when_all_tries_are_taken() -> None:
    system = System()
    system.bind_errors = [OSError(errno.EADDRINUSE, "in use") for _ in range(PORT_TRIES)]
    assert system.send(1) == SENT
    assert system.sockets[0].bound == ("0.0.0.0", 0)


def test_failures_close_the_socket_and_have_names() -> None:
    system = System()
    system.send_error = OSError(errno.ECONNREFUSED, "refused")
    assert system.send(1) == FAILURE_REFUSED
    assert system.sockets[0].closed
    assert system.send(2, bytes(4)) == FAILURE_UNREACHABLE
    assert not system.exchanges.abandon(1)


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (errno.EHOSTUNREACH, FAILURE_UNREACHABLE),
        (errno.ECONNREFUSED, FAILURE_REFUSED),
        (errno.ECONNRESET, FAILURE_CLOSED),
        (errno.EMFILE, FAILURE_LOCAL),
    ],
)
def test_errors_of_the_system_are_translated(number: int, failure: int) -> None:
    assert failure_of(OSError(number, "text")) == failure


def test_no_more_sockets_than_allowed_and_streams_count() -> None:
    system = System(limit=2)
    system.exchanges.streams = 1
    assert [system.send(1), system.send(2)] == [SENT, FAILURE_LOCAL]
    assert system.exchanges.abandon(1)
    assert system.sockets[0].closed
    assert system.send(3) == SENT


def test_closing_closes_all() -> None:
    system = System()
    for number in range(3):
        system.send(number)
    system.exchanges.close()
    assert all(sock.closed for sock in system.sockets)
