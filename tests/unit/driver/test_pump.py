"""The whole datagram path: a client's query in, an upstream query out, its response in, the answer out."""

import errno

import dns.flags
import dns.message

from holdfast.base.effects import TRANSPORT_TCP, Client, Effect, SendAnswer
from holdfast.driver.datagram_exchanges import DatagramExchanges, Destination
from holdfast.driver.datagram_listener import DatagramListener
from holdfast.driver.datagram_loop import AT_ONCE_US, DatagramLoop
from holdfast.driver.pump import Pump
from holdfast.engine.inputs import Resolution
from tests.support.drivers import FakePoller, FakeSocket, FakeTime
from tests.support.engine_world import EngineWorld, plain_settings, reply_to

CLIENT = ("127.0.0.1", 4000)


class Path:
    """Listener, pump and exchanges around one engine."""

    def __init__(self) -> None:
        settings = plain_settings()
        settings.validate = False
        self.engine = EngineWorld(lambda _address, _query: None, settings).engine
        self.time = FakeTime()
        self.listening = FakeSocket()
        self.upstream: list[FakeSocket] = []
        self.send_error: OSError | None = None
        self.poller = FakePoller()
        self.others: list[Effect] = []
        self.results: list[Resolution] = []
        self.wakes_s: list[float] = []
        self.failures: list[Exception] = []
        self.exchanges = DatagramExchanges(
            self.engine,
            self.poller,
            100,
            lambda _server, port: Destination(port, ("192.0.2.53", port), "0.0.0.0", self.make),
            bytes,
        )
        self.pump = Pump(
            self.engine, self.exchanges, self.time.clocks, self.others.append, self.results.append, self.wakes_s.append
        )
        self.listener = DatagramListener(
            self.listening, self.engine, lambda _host: bytes([127, 0, 0, 1]), self.pump.run
        )
        self.loop = DatagramLoop(self.poller, self.exchanges, self.pump, self.time.clocks, self.failures.append)
        self.loop.watch(self.listening.descriptor, self.listener)

    def make(self) -> FakeSocket:
        sock = FakeSocket(10 + len(self.upstream))
        sock.send_error = self.send_error
        self.upstream.append(sock)
        return sock

    def arrive(self, name: str = "www.example.", repeat: int = 1) -> None:
        self.listening.arrived += [(dns.message.make_query(name, "A", want_dnssec=True).to_wire(), CLIENT)] * repeat

    def ask(self, name: str = "www.example.", repeat: int = 1) -> None:
        self.arrive(name, repeat)
        self.wake(self.listening)

    def wake(self, *socks: FakeSocket) -> None:
        """Say that sockets can be read."""
        self.poller.ready += [sock.descriptor for sock in socks]
        self.loop.wait(0.0)
        assert self.failures == []

    def respond(self) -> None:
        """Answer the upstream query that is open."""
        sock = self.upstream[-1]
        query = dns.message.from_wire(sock.sent[0])
        response = reply_to(query, ["www.example. 60 A 192.0.2.80"])
        sock.arrived.append((response.to_wire(), None))
        self.wake(sock)


def test_a_query_is_answered_and_its_socket_closed() -> None:
    path = Path()
    path.ask()
    assert path.listening.sent_to == []
    path.respond()
    (wire, address) = path.listening.sent_to[0]
    assert dns.message.from_wire(wire).answer[0][0].to_text() == "192.0.2.80"
    assert address == CLIENT
    assert path.upstream[0].closed


def test_a_cached_answer_goes_out_at_once_to_the_one_who_asked() -> None:
    path = Path()
    path.ask()
    path.respond()
    path.ask()
    assert len(path.upstream) == 1
    assert [address for _, address in path.listening.sent_to] == [CLIENT, CLIENT]


def test_a_wrong_datagram_leaves_the_exchange_open() -> None:
    path = Path()
    path.ask()
    sock = path.upstream[0]
    sock.arrived.append((b"\x00" * 12, None))
    path.wake(sock)
    assert not sock.closed
    path.respond()
    assert len(path.listening.sent_to) == 1


def test_an_error_on_the_socket_is_a_failure_of_the_exchange() -> None:
    path = Path()
    path.ask()
    sock = path.upstream[0]
    sock.receive_error = OSError(errno.ECONNREFUSED, "refused")
    path.wake(sock)
    assert sock.closed
    assert len(path.upstream) == 2, "the engine tries again"


def test_when_nothing_can_be_sent_the_client_hears_servfail() -> None:
    path = Path()
    path.send_error = OSError(errno.ENETUNREACH, "no route")
    path.ask()
    (wire, _) = path.listening.sent_to[0]
    assert dns.message.from_wire(wire).rcode() == dns.rcode.SERVFAIL
    assert all(sock.closed for sock in path.upstream)


def test_one_datagram_per_wake_up_unless_the_wait_was_none() -> None:
    path = Path()
    path.ask()
    path.respond()
    path.poller.on_poll = lambda: setattr(path.time, "now_us", path.time.now_us + AT_ONCE_US)
    path.listening.receive_calls = 0
    path.ask(repeat=3)
    assert path.listening.receive_calls == 1, "nobody asks in vain when it is quiet"
    path.poller.on_poll = None
    path.wake(path.listening)
    assert path.listening.receive_calls == 4, "two more, and the one that says that there are none left"
    assert len(path.listening.sent_to) == 4


def test_the_timer_is_planned_once_and_fires_the_engine() -> None:
    path = Path()
    path.ask()
    assert len(path.wakes_s) == 1
    assert 0 < path.wakes_s[0] < 1
    path.time.now_us += int(path.wakes_s[0] * 1e6) + 1
    path.pump.tick(path.time.clocks.read())
    assert len(path.upstream) == 2, "the query timed out and was sent again"
    assert path.upstream[0].closed
    assert len(path.wakes_s) == 2


def test_what_is_no_datagram_goes_to_the_server() -> None:
    path = Path()
    client = Client(bytes([127, 0, 0, 1]), TRANSPORT_TCP, None)
    wire = dns.message.make_query("www.example.", "A").to_wire()
    path.engine.receive_client_query(client, wire, path.time.clocks.read())
    path.pump.run()
    path.respond()
    assert [type(effect) for effect in path.others] == [SendAnswer]


def test_results_of_questions_from_inside_are_handed_over() -> None:
    path = Path()
    path.engine.resolve(7, b"\x03www\x07example\x00", 1, False, path.time.clocks.read())
    path.pump.run()
    path.respond()
    assert [result.token for result in path.results] == [7]
