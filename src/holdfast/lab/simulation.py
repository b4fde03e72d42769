"""Virtual time: a queue of events, a network that delays and loses packets, and resolvers that live on both.

Nothing here reads a clock or a random source: chance comes from a seed, and events of the same moment happen in the
order in which they were planned. So a run can be repeated octet by octet.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from holdfast.base.effects import (
    FAILURE_CLOSED,
    TRANSPORT_TCP,
    TRANSPORT_UDP,
    AbandonExchange,
    Client,
    SendAnswer,
    SendUpstreamQuery,
)
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.settings import EngineSettings
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.engine.engine import ResolverEngine
from holdfast.lab.authority import Authority

SECOND_US = 1_000_000
CLOCK_START_US = 1_000 * SECOND_US  # so that nothing is ever before zero
VERDICTS_REMEMBERED = 200_000  # of signatures; a run meets fewer, and each costs some 300 octets
NEVER_US = 1 << 62
FORWARDER_ADDRESS = bytes([192, 0, 2, 1])  # the client of recursive resolvers on the network

Event = Callable[[], None]
Answered = Callable[[bytes], None]


class Clock(ABC):
    """What clients need of time. ``now_us`` is monotonic, in microseconds."""

    @property
    @abstractmethod
    def now_us(self) -> int:
        """Return the time."""

    @abstractmethod
    def wall_s(self) -> float:
        """Return the POSIX time of the outage."""

    @abstractmethod
    def plan(self, at_us: int, event: Event) -> None:
        """Let something happen at a time; what is planned for the past happens next."""


class AskedResolver(ABC):
    """What clients need of a resolver."""

    @abstractmethod
    def ask(self, address: bytes, wire: bytes, answered: Answered) -> None:
        """Send the query of a client at a packed address over UDP; ``answered`` gets the answer."""


class VirtualClock(Clock):
    """The time, and what is planned for later. ``start_s`` is the POSIX time at which the clock starts."""

    def __init__(self, start_s: int) -> None:
        self._now_us = CLOCK_START_US
        self._start_s = start_s
        self._events: list[tuple[int, int, Event]] = []
        self._sequence = 0
        self._watched: list[VirtualResolver] = []

    @property
    def now_us(self) -> int:
        """Return the time."""
        return self._now_us

    def instant(self) -> Instant:
        """Return the time as the engine takes it."""
        return Instant(self.now_us, self._start_s + (self.now_us - CLOCK_START_US) // SECOND_US)

    def at(self, wall_s: float) -> int:
        """Return the monotonic microseconds of a POSIX time."""
        return CLOCK_START_US + round((wall_s - self._start_s) * SECOND_US)

    def wall_s(self) -> float:
        """Return the POSIX time."""
        return self._start_s + (self.now_us - CLOCK_START_US) / SECOND_US

    def plan(self, at_us: int, event: Event) -> None:
        """Let something happen at a time; what is planned for the past happens next."""
        self._sequence += 1
        heappush(self._events, (at_us, self._sequence, event))

    def watch(self, resolver: "VirtualResolver") -> None:
        """Wake a resolver at its deadlines."""
        self._watched.append(resolver)

    def unwatch(self, resolver: "VirtualResolver") -> None:
        """Leave a resolver alone from now on."""
        self._watched.remove(resolver)

    def run_until(self, end_us: int) -> None:
        """Let everything happen that is due before ``end_us``, and set the clock to it."""
        while True:
            at_us = self._events[0][0] if self._events else NEVER_US
            due: VirtualResolver | None = None
            for resolver in self._watched:
                deadline_us = resolver.engine.next_deadline()
                if 0 <= deadline_us < at_us:
                    at_us, due = deadline_us, resolver
            if at_us >= end_us:
                break
            self._now_us = max(self._now_us, at_us)
            if due is not None:
                due.wake()
            else:
                heappop(self._events)[2]()
        self._now_us = max(self._now_us, end_us)


@dataclass(frozen=True)
class NetworkFaults:
    """What the network does to packets. Times in milliseconds, shares in percent, addresses packed."""

    round_trip_lowest_ms: int = 8
    round_trip_highest_ms: int = 60
    jitter_ms: int = 4
    loss_percent: float = 0.1
    reordered_percent: float = 0.5
    reordered_by_ms: int = 40
    dead: frozenset[bytes] = frozenset()


class SimulatedNetwork:
    """Carries queries to authoritative servers and their responses back."""

    def __init__(
        self, clock: VirtualClock, servers: dict[bytes, Authority], seed: int, faults: NetworkFaults | None = None
    ) -> None:
        self.faults = faults or NetworkFaults()
        self.queries = 0
        self.resolvers: dict[bytes, AskedResolver] = {}  # recursive ones, by packed address
        self._clock = clock
        self._servers = servers
        self._random = Random(f"network {seed}")
        self._distance = Random(f"distance {seed}")
        self._round_trips_us: dict[bytes, int] = {}
        self._known: dict[bytes, dict[bytes, bytes | None]] = {}

    def forget(self, addresses: Iterable[bytes]) -> None:
        """The zones of these servers changed: do not repeat what they said before."""
        for address in addresses:
            self._known.pop(address, None)

    def send(self, query: SendUpstreamQuery, deliver: Callable[[bytes | None], None]) -> None:
        """Carry a query; ``deliver`` gets the response when it arrives, None for a connection that closed."""
        self.queries += 1
        address = query.address
        faults = self.faults
        server = self._servers.get(address)
        resolver = self.resolvers.get(address)
        lost = self._random.random() * 100 < faults.loss_percent and query.transport == TRANSPORT_UDP
        if (server is None and resolver is None) or address in faults.dead or lost:
            return
        delay_us = self._round_trip_us(address) + round(self._random.random() * faults.jitter_ms * 1000)
        if query.transport == TRANSPORT_TCP:
            delay_us *= 2  # the handshake
        if self._random.random() * 100 < faults.reordered_percent:
            delay_us += faults.reordered_by_ms * 1000

        if server is None:
            if resolver is not None:
                self._carry_to_resolver(resolver, query, deliver, delay_us // 2)
            return

        def arrive() -> None:
            response = self._ask(server, query)
            if response is not None or query.transport == TRANSPORT_TCP:
                deliver(response)

        self._clock.plan(self._clock.now_us + delay_us, arrive)

    def _carry_to_resolver(
        self, resolver: AskedResolver, query: SendUpstreamQuery, deliver: Callable[[bytes | None], None], way_us: int
    ) -> None:
        """Carry a query to a recursive resolver, which answers when it can."""
        clock = self._clock

        def answered(response: bytes) -> None:
            clock.plan(clock.now_us + way_us, lambda: deliver(response))

        clock.plan(clock.now_us + way_us, lambda: resolver.ask(FORWARDER_ADDRESS, query.wire, answered))

    def _round_trip_us(self, address: bytes) -> int:
        known = self._round_trips_us.get(address)
        if known is None:
            lowest, highest = self.faults.round_trip_lowest_ms * 1000, self.faults.round_trip_highest_ms * 1000
            known = self._round_trips_us[address] = self._distance.randint(lowest, highest)
        return known

    def _ask(self, server: Authority, query: SendUpstreamQuery) -> bytes | None:
        """Let a server answer; equal questions, but for their ID, have equal answers until its zones change."""
        known = self._known.setdefault(query.address, {})
        key = bytes([query.transport]) + query.wire[2:]
        if key not in known:
            known[key] = server.answer(query.wire, query.transport)
        found = known[key]
        return query.wire[:2] + found[2:] if found is not None else None


class RememberingVerifier(SignatureVerifier):
    """Checks every signature once: whether it is good does not change, and a long run meets most of them often."""

    def __init__(self) -> None:
        self._verifier = CryptographyVerifier()
        self._verdicts: dict[bytes, int] = {}

    def verify(self, algorithm: int, public_key: bytes, signed_data: bytes, signature: bytes) -> int:
        """Verify one signature; see SignatureVerifier."""
        key = bytes([algorithm]) + signature + public_key + signed_data
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= VERDICTS_REMEMBERED:
                self._verdicts.clear()
            verdict = self._verdicts[key] = self._verifier.verify(algorithm, public_key, signed_data, signature)
        return verdict


class VirtualResolver(AskedResolver):
    """One engine on a virtual clock and network, for any number of clients."""

    def __init__(self, clock: VirtualClock, network: SimulatedNetwork, settings: EngineSettings, seed: int) -> None:
        self._clock = clock
        self._network = network
        entropy = Entropy(f"virtual resolver {seed}".encode())
        self.engine = ResolverEngine(settings, RememberingVerifier(), entropy, clock.instant())
        self._open: set[int] = set()
        clock.watch(self)

    def ask(self, address: bytes, wire: bytes, answered: Answered) -> None:
        """Send a client's query over UDP; ``answered`` gets the answer."""
        answer = self.engine.receive_client_query(Client(address, TRANSPORT_UDP, answered), wire, self._clock.instant())
        self._act()
        if answer is not None:
            answered(answer)

    def put_negative_trust_anchor(self, anchor: NegativeTrustAnchor) -> None:
        """Put a negative trust anchor in force, as `holdfast nta add` does."""
        self.engine.put_negative_trust_anchor(anchor, self._clock.instant())
        self._act()

    def remove_negative_trust_anchor(self, zone: bytes) -> None:
        """End a negative trust anchor, as `holdfast nta remove` does."""
        self.engine.remove_negative_trust_anchor(zone, self._clock.instant())
        self._act()

    def flush(self, name: bytes) -> None:
        """Forget what is cached for one name, as `holdfast control flush` does."""
        self.engine.flush(name, False, self._clock.instant())
        self._act()

    def wake(self) -> None:
        """Let the engine's timers fire."""
        self.engine.handle_timer(self._clock.instant())
        self._act()

    def _act(self) -> None:
        """Do what the engine wants done."""
        effects = self.engine.take_effects()
        while effects:
            for effect in effects:
                if isinstance(effect, SendUpstreamQuery):
                    self._send(effect)
                elif isinstance(effect, AbandonExchange):
                    self._open.discard(effect.exchange_id)
                elif isinstance(effect, SendAnswer):
                    handle = effect.client.handle
                    assert callable(handle)
                    handle(effect.wire)
            effects = self.engine.take_effects()

    def _send(self, query: SendUpstreamQuery) -> None:
        """Put a query on the network."""
        self._open.add(query.exchange_id)

        def deliver(response: bytes | None) -> None:
            if query.exchange_id not in self._open:
                return
            self._open.discard(query.exchange_id)
            if response is None:
                self.engine.fail_upstream_query(query.exchange_id, FAILURE_CLOSED, self._clock.instant())
            else:
                self.engine.receive_upstream_response(query.exchange_id, query.address, response, self._clock.instant())
            self._act()

        self._network.send(query, deliver)
