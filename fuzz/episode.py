"""One episode: a fresh engine, and some thousand packets for it, all decided by a seed and the episode's number."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from fuzz.corpus import Corpus
from fuzz.driver import Driver, Input, Violation
from fuzz.mutate import mutated, random_octets, truncated
from holdfast.base.effects import (
    FAILURE_CLOSED,
    FAILURE_LOCAL,
    FAILURE_REFUSED,
    TRANSPORT_TCP,
    TRANSPORT_UDP,
    SendUpstreamQuery,
)

CHECK_EVERY = 1_000  # fuzzed packets between two checks of the books
PENDING_MAXIMUM = 60  # upstream queries left open before responses get precedence over new clients
CLIENTS = [bytes([127, 0, 0, number]) for number in range(1, 9)] + [b"\x00" * 15 + b"\x01"]
PAUSES_US = [
    1_000_000,
    70_000_000,
    1_000_000_000,
    172_800_000_000,
]  # after a check: caches age, servers get a new chance
DRAIN_ROUNDS = 400  # authentic responses before a check, so that not everything ends by time-out
ENTROPY_OCTETS = 32
HOSTILITIES = (
    0.03,
    0.1,
    0.3,
    0.6,
    0.95,
)  # shares of responses that are not authentic; one for the time between two checks


@dataclass
class Tally:
    """How many packets of each kind were made."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str) -> None:
        """Count one."""
        self.counts[kind] = self.counts.get(kind, 0) + 1

    @property
    def fuzzed(self) -> int:
        """Random, truncated and mutated packets: what the million counts."""
        return sum(count for kind, count in self.counts.items() if not kind.startswith("authentic"))


class Finding(Exception):
    """An invariant broke or an exception came out. ``inputs`` leads there; ``error`` is the exception."""

    def __init__(self, episode: "Episode", error: Exception) -> None:
        super().__init__(str(error))
        self.episode = episode
        self.error = error


class Episode:
    """Makes inputs and applies them, remembering all for a reproducer."""

    def __init__(self, corpus: Corpus, seed: int, number: int) -> None:
        self.seed = seed
        self.number = number
        self.inputs: list[Input] = []
        self.tally = Tally()
        self._corpus = corpus
        self._random = Random(f"{seed}/{number}")
        self.driver = make_driver(corpus, seed, number)
        self._closed: list[SendUpstreamQuery] = []
        self._queries = 0
        self._hostility = 0.1

    def run(self, packets: int) -> None:
        """Apply ``packets`` fuzzed packets. Raises Finding."""
        checked = 0
        try:
            while self.tally.fuzzed < packets:
                for one in self._next():
                    self._apply(one)
                if self.tally.fuzzed - checked >= CHECK_EVERY or self.tally.fuzzed >= packets:
                    checked = self.tally.fuzzed
                    self._drain()
                    self._apply(Input("check"))
                    self._apply(Input("time", self._random.choice(PAUSES_US)))
                    self._hostility = self._random.choice(HOSTILITIES)
        except Exception as error:
            raise Finding(self, error) from error

    def _apply(self, one: Input) -> None:
        self.inputs.append(one)
        self.driver.apply(one)

    def _next(self) -> Iterator[Input]:
        """Decide what happens next."""
        random = self._random
        pending = self.driver.pending
        if pending and (len(pending) > PENDING_MAXIMUM or random.random() < 0.7):
            numbers = list(pending)
            at = 0 if random.random() < 0.3 else random.randrange(len(numbers))
            yield self._respond(pending[numbers[at]])
        elif self._closed and random.random() < 0.05:
            yield self._late()
        else:
            yield self._ask()

    def _ask(self) -> Input:
        """A client's packet."""
        random = self._random
        self._queries += 1
        transport = TRANSPORT_TCP if random.random() < 0.2 else TRANSPORT_UDP
        wire = self._corpus.query(random)
        choice = random.random()
        if choice < 0.1:
            kind, wire = "random query", random_octets(random)
        elif choice < 0.2:
            kind, wire = "truncated query", truncated(random, wire)
        elif choice < 0.5:
            kind, wire = "mutated query", mutated(random, wire)
        else:
            kind = "authentic query"
        self.tally.add(kind)
        return Input("query", random.randrange(3000), self._queries, random.choice(CLIENTS), transport, wire)

    def _respond(self, query: SendUpstreamQuery) -> Input:
        """What comes back for an upstream query."""
        random = self._random
        advance_us = random.randrange(20_000)
        self._closed.append(query)
        del self._closed[:-50]
        honest = self._corpus.response(query.address, query.wire, query.transport)
        source = query.address
        if random.random() >= self._hostility and honest is not None:
            self.tally.add("authentic response")
            return Input("response", advance_us, query.exchange_id, source, query.transport, honest)
        choice = random.random()
        if choice < 0.05:
            code = random.choice((FAILURE_REFUSED, FAILURE_CLOSED, FAILURE_LOCAL))
            self.tally.add("authentic failure")
            return Input("failure", advance_us, query.exchange_id, b"", code)
        if honest is None or choice < 0.1:
            kind, wire = "random response", random_octets(random)
            if random.random() < 0.5:
                wire = query.wire[:2] + b"\x80" + wire[3:]
        elif choice < 0.2:
            kind, wire = "truncated response", truncated(random, honest)
        elif choice < 0.8:
            kind, wire = "mutated response", self._fitted(query, mutated(random, honest))
        elif choice < 0.9:
            kind, wire = "mutated response", mutated(random, honest)
        elif choice < 0.95:
            kind, wire, source = "forged response", mutated(random, honest), random.randbytes(random.choice((4, 16)))
        else:
            kind, wire = "forged response", bytes([honest[0] ^ random.randrange(1, 256)]) + honest[1:]
        self.tally.add(kind)
        return Input("response", advance_us, query.exchange_id, source, query.transport, wire)

    def _fitted(self, query: SendUpstreamQuery, wire: bytes) -> bytes:
        """Give a mutated response the ID, mostly the QR bit and the question that it needs in order to be judged."""
        if len(wire) < 12 or self._random.random() < 0.03:
            return wire
        out = bytearray(wire)
        out[:2] = query.wire[:2]
        if self._random.random() < 0.97:
            out[2] |= 0x80
        if self._random.random() < 0.8:
            end = query.wire.index(b"\x00", 12) + 5
            out[4:6] = b"\x00\x01"
            out[12:end] = query.wire[12:end]
        return bytes(out)

    def _late(self) -> Input:
        """A response to an exchange that is over, or never was."""
        query = self._random.choice(self._closed)
        number = query.exchange_id if self._random.random() < 0.8 else self._random.randrange(1 << 40)
        wire = self._corpus.response(query.address, query.wire, query.transport) or b""
        self.tally.add("late response")
        return Input(
            "response",
            0,
            number,
            query.address,
            query.transport,
            mutated(self._random, wire) if len(wire) > 12 else wire,
        )

    def _drain(self) -> None:
        """Let the open questions come to an end with authentic responses."""
        pending = self.driver.pending
        for _ in range(DRAIN_ROUNDS):
            if not pending:
                return
            query = next(iter(pending.values()))
            wire = self._corpus.response(query.address, query.wire, query.transport)
            if wire is None:
                self._apply(Input("failure", 1000, query.exchange_id, b"", FAILURE_REFUSED))
            else:
                self.tally.add("authentic response")
                self._apply(Input("response", 1000, query.exchange_id, query.address, query.transport, wire))


def make_driver(corpus: Corpus, seed: int, number: int) -> Driver:
    """The engine of an episode; its settings and entropy follow from seed and number."""
    random = Random(f"settings/{seed}/{number}")
    settings = corpus.settings(random)
    return Driver(settings, random.randbytes(ENTROPY_OCTETS), corpus.truth, corpus.internet.now_s)


def replay(corpus: Corpus, seed: int, number: int, inputs: list[Input]) -> tuple[int, Exception] | None:
    """Apply recorded inputs to a fresh engine; returns where it fails and how, None if it does not."""
    driver = make_driver(corpus, seed, number)
    for position, one in enumerate(inputs):
        try:
            driver.apply(one)
        except Exception as error:
            return position, error
    return None


def same_failure(one: Exception, other: Exception) -> bool:
    """Tell whether two failures are the same as far as a shorter reproducer is concerned."""
    if isinstance(one, Violation) and isinstance(other, Violation):
        return str(one).split(":")[0].lstrip("query 0123456789") == str(other).split(":")[0].lstrip("query 0123456789")
    return type(one) is type(other) and str(one) == str(other)
