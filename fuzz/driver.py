"""The engine under test: applies inputs in virtual time, keeps the books, and knows what must always hold."""

import hashlib
from dataclasses import dataclass, field

from fuzz.truth import Truth
from holdfast.base.effects import (
    TRANSPORT_UDP,
    AbandonExchange,
    Client,
    DropQuery,
    Effect,
    Record,
    SendAnswer,
    SendUpstreamQuery,
)
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.settings import EngineSettings
from holdfast.cache.eviction import BoundedTable
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import FLAG_AD, FLAG_QR, FLAG_TC, OPCODE_MASK
from holdfast.dns.message import Question, parse, parse_question
from holdfast.engine.engine import ResolverEngine
from holdfast.resolve.anchor_watch import AnchorTimer, SignalTimer
from holdfast.resolve.recovery import ProbeTimer

START_US = 1_000_000_000
PLAIN_OCTETS = 512
# Virtual time within which everything is over, once at least: a request ends after 10 s, and probes of broken zones for
# their recovery may overlap for minutes, but give a zone up that nobody asks for. Only a leak never ends.
QUIET_US = 1_800_000_000
ONE_PROOF_OCTETS = 66_000  # the denial cache makes room before it adds
QUIET_EVENTS = 200_000  # timer events within that time; far above what a batch can cause


class Violation(Exception):
    """Something that must always hold does not."""


def in_octets(effect: Effect) -> bytes:
    """Everything that an effect says."""
    if isinstance(effect, SendUpstreamQuery):
        return b"%d %b %d %d %b" % (effect.exchange_id, effect.address, effect.port, effect.transport, effect.wire)
    if isinstance(effect, AbandonExchange):
        return b"abandon %d" % effect.exchange_id
    if isinstance(effect, SendAnswer):
        return str(effect.client.handle).encode() + effect.wire
    if isinstance(effect, DropQuery):
        return f"drop {effect.client.handle} {effect.reason}".encode()
    if isinstance(effect, Record):
        return f"{effect.kind} {effect.subject} {effect.detail}".encode("utf-8", "surrogateescape")
    raise TypeError(type(effect).__name__)


@dataclass(frozen=True)
class Input:
    """One input of the engine.

    ``kind``: query, response, failure, time or check. Before it, ``advance_us`` of virtual time pass. ``number`` is the
    query's number or the exchange, ``address`` the client's or the server's packed address, ``code`` the transport or
    the failure.
    """

    kind: str
    advance_us: int = 0
    number: int = 0
    address: bytes = b""
    code: int = 0
    wire: bytes = b""


@dataclass
class Driver:
    """An engine and everything that is owed to its clients."""

    settings: EngineSettings
    entropy_seed: bytes
    truth: Truth
    start_s: int
    pending: dict[int, SendUpstreamQuery] = field(default_factory=dict)
    unanswered: dict[int, bytes] = field(default_factory=dict)
    transports: dict[int, int] = field(default_factory=dict)
    answers: int = 0
    authentic: int = 0
    drops: int = 0

    def __post_init__(self) -> None:
        self.clock_us = START_US
        self.digest = hashlib.sha256()  # of all effects and answers, in order: the same inputs lead to the same
        self.engine = ResolverEngine(self.settings, CryptographyVerifier(), Entropy(self.entropy_seed), self.now())

    def now(self) -> Instant:
        """The virtual time."""
        return Instant(self.clock_us, self.start_s + (self.clock_us - START_US) // 1_000_000)

    def apply(self, one: Input) -> None:
        """Apply one input and check what can be checked at once. Raises Violation, or whatever the engine raises."""
        self.clock_us += one.advance_us
        deadline_us = self.engine.next_deadline()
        if 0 <= deadline_us <= self.clock_us:
            self.engine.handle_timer(self.now())
            self.collect()
        if one.kind == "query":
            self._ask(one)
        elif one.kind == "response":
            self.pending.pop(one.number, None)
            self.engine.receive_upstream_response(one.number, one.address, one.wire, self.now())
        elif one.kind == "failure":
            self.pending.pop(one.number, None)
            self.engine.fail_upstream_query(one.number, one.code, self.now())
        self.collect()
        if one.kind == "check":
            self.settle()
            self.check()

    def _ask(self, one: Input) -> None:
        self.unanswered[one.number] = one.wire
        self.transports[one.number] = one.code
        answer = self.engine.receive_client_query(Client(one.address, one.code, one.number), one.wire, self.now())
        if answer is not None:
            self._take_answer(one.number, answer)

    def collect(self) -> None:
        """Carry out effects."""
        for effect in self.engine.take_effects():
            self.digest.update(in_octets(effect))
            if isinstance(effect, SendUpstreamQuery):
                self.pending[effect.exchange_id] = effect
            elif isinstance(effect, AbandonExchange):
                self.pending.pop(effect.exchange_id, None)
            elif isinstance(effect, SendAnswer):
                assert isinstance(effect.client.handle, int)
                self._take_answer(effect.client.handle, effect.wire)
            elif isinstance(effect, DropQuery):
                assert isinstance(effect.client.handle, int)
                self._settle_account(effect.client.handle, "dropped")
                self.drops += 1

    def _settle_account(self, number: int, how: str) -> tuple[bytes, int]:
        query = self.unanswered.pop(number, None)
        if query is None:
            raise Violation(f"query {number} was {how}, but nothing was owed to it any more")
        return query, self.transports.pop(number)

    def _take_answer(self, number: int, answer: bytes) -> None:
        """Check what must hold for every answer."""
        self.answers += 1
        self.digest.update(answer)
        query, transport = self._settle_account(number, "answered")
        if len(answer) < 12 or answer[:2] != query[:2]:
            raise Violation(f"query {number}: the answer does not have its ID: {answer[:12].hex()}")
        flags = answer[2] << 8 | answer[3]
        if not flags & FLAG_QR or (flags ^ query[2] << 8) & OPCODE_MASK:
            raise Violation(f"query {number}: wrong flags {flags:#06x}")
        question = parse_question(query)
        if not isinstance(question, Question):
            return
        limit = 65535
        if transport == TRANSPORT_UDP:
            limit = PLAIN_OCTETS if question.edns is None else max(PLAIN_OCTETS, question.edns.udp_octets)
        if len(answer) > limit:
            raise Violation(f"query {number}: {len(answer)} octets for a client that takes {limit}")
        if answer[12 : question.end] != query[12 : question.end]:
            raise Violation(f"query {number}: the question is not echoed")
        message = parse(answer)
        if message is None or message.malformed_records:
            raise Violation(f"query {number}: malformed answer {answer.hex()}")
        if flags & FLAG_AD and not flags & FLAG_TC:
            self.authentic += 1
            complaint = self.truth.complaint(question, message)
            if complaint:
                raise Violation(f"query {number}: AD on something untrue: {complaint}: {answer.hex()}")

    def settle(self) -> None:
        """Let virtual time pass, with silent servers, until nobody waits any more."""
        end_us = self.clock_us + QUIET_US
        for _ in range(QUIET_EVENTS):
            open_exchanges = self.engine.tasks.exchanges.open  # a probe for recovery may be under way as well
            if not self.engine.outstanding and not self.engine.state.running and not open_exchanges:
                return
            deadline_us = self.engine.next_deadline()
            if deadline_us < 0 or deadline_us > end_us:
                return
            self.clock_us = max(self.clock_us, deadline_us)
            self.engine.handle_timer(self.now())
            self.collect()

    def check(self) -> None:
        """Check that nothing was lost and nothing is left behind. Raises Violation."""
        engine = self.engine
        state = engine.state
        if self.unanswered:
            raise Violation(f"never answered: queries {sorted(self.unanswered)[:20]}")
        counters = {
            "outstanding requests": engine.outstanding,
            "outstanding requests of clients": len(engine.waiting) + len(engine.waiting_of),
            "open exchanges": len(engine.tasks.exchanges.open),
            "exchanges that the driver holds": len(self.pending),
            "running tasks": len(state.running),
            "ready tasks": len(state.ready),
            "uncollected results": len(engine.results),
        }
        for what, count in counters.items():
            if count:
                raise Violation(f"{count} {what} when everything should be over")
        for address, server in state.servers.entries.items():
            if server.in_flight:
                raise Violation(f"{server.in_flight} queries in flight to {address.hex()} when everything is over")
        armed = state.timers.armed.values()
        probes = [timer for timer in armed if isinstance(timer, ProbeTimer)]
        if len(probes) > len(state.broken.zones):
            raise Violation(f"{len(probes)} probes planned for {len(state.broken.zones)} broken zones")
        left = [timer for timer in armed if not isinstance(timer, AnchorTimer | SignalTimer | ProbeTimer)]
        if left:
            raise Violation(f"{len(left)} timers left, the first a {type(left[0]).__name__}")
        self._check_caches()

    def _check_caches(self) -> None:
        state = self.engine.state
        tables: dict[str, BoundedTable] = {
            "RRsets": state.rrsets.table,
            "unchecked RRsets": state.rrsets.attempts,
            "negative answers": state.negatives.table,
            "unchecked negative answers": state.negatives.attempts,
            "failures": state.failures.table,
            "zone trust": state.trust.table,
            "delegations": state.delegations.table,
            "packets": self.engine.packets.table,
        }
        for what, table in tables.items():
            octets = sum(entry.octets for entry in table.entries.values())
            if octets != table.octets or octets > table.capacity_octets:
                raise Violation(f"{what}: {octets} octets, {table.octets} accounted, {table.capacity_octets} allowed")
        denials = state.denials
        octets = sum(proof.octets for zone in denials.zones.values() for proof in zone.proofs.values())
        if octets != denials.heap.octets or octets > denials.capacity_octets + ONE_PROOF_OCTETS:
            raise Violation(f"denials: {octets} octets, {denials.heap.octets} accounted")
