"""What clients got, minute by minute, and which questions failed in the end."""

from dataclasses import dataclass, field

from holdfast.dns.iana import (
    EDE_STALE_ANSWER,
    EDE_STALE_NXDOMAIN_ANSWER,
    EDNS_OPTION_EDE,
    RCODE_NXDOMAIN,
    RCODE_SERVFAIL,
)
from holdfast.dns.message import parse

MINUTE_S = 60
FRESH, STALE, NXDOMAIN, SERVFAIL, OTHER = "fresh", "stale", "nxdomain", "servfail", "other"
KINDS = (FRESH, STALE, NXDOMAIN, SERVFAIL, OTHER)
KNOWN_ZONE = "known zone"  # somebody got an answer from it before the break
UNSEEN_ZONE = "zone never seen before the break"
NO_SUCH_ZONE = "no such zone"
CLASSES = (KNOWN_ZONE, UNSEEN_ZONE, NO_SUCH_ZONE)


@dataclass(frozen=True)
class ClientAnswer:
    """An answer as a client reads it: RCODE, kind, EDE codes and texts, lowest TTL in seconds, AD."""

    rcode: int
    kind: str
    ede: tuple[tuple[int, str], ...]
    ttl_s: int
    secure: bool
    records: int


def read_answer(wire: bytes) -> ClientAnswer:
    """Read an answer. Raises ValueError for octets that are no message."""
    message = parse(wire)
    if message is None:
        raise ValueError("the resolver sent a malformed answer")
    options = message.edns.options if message.edns is not None else []
    ede = tuple(
        (int.from_bytes(one.data[:2], "big"), one.data[2:].decode("utf-8", "replace"))
        for one in options
        if one.code == EDNS_OPTION_EDE
    )
    codes = [code for code, _ in ede]
    if EDE_STALE_ANSWER in codes or EDE_STALE_NXDOMAIN_ANSWER in codes:
        kind = STALE
    elif message.rcode == RCODE_SERVFAIL:
        kind = SERVFAIL
    elif message.rcode == RCODE_NXDOMAIN:
        kind = NXDOMAIN
    else:
        kind = FRESH if message.rcode == 0 else OTHER
    ttl_s = min((one.ttl for one in [*message.answer, *message.authority]), default=0)
    return ClientAnswer(message.rcode, kind, ede, ttl_s, bool(message.flags & 0x20), len(message.answer))


@dataclass
class Minute:
    """Counters of one minute: queries as they arrive at the resolver, and questions as users have them."""

    queries: int = 0
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    ede: dict[int, int] = field(default_factory=dict)
    upstream: int = 0
    questions: int = 0
    failed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    names_failed: int = 0
    users_hit: int = 0

    @property
    def questions_failed(self) -> int:
        """Questions that got no answer, retries included."""
        return sum(self.failed.values())


@dataclass(frozen=True)
class Share:
    """Failed questions of all, in a span of time."""

    failed: int
    questions: int

    @property
    def percent(self) -> float:
        """The share in percent; 0 if nobody asked."""
        return 100 * self.failed / self.questions if self.questions else 0.0


class Measurements:
    """The counters of a run. ``start_s`` is the POSIX time of the first minute; what comes before it is warm-up."""

    def __init__(self, start_s: int, end_s: int) -> None:
        self.start_s = start_s
        self.minutes = [Minute() for _ in range((end_s - start_s + MINUTE_S - 1) // MINUTE_S)]
        self.others = Minute()  # questions about names that do not need the zone
        self.transitive = Minute()  # names outside the zone whose name servers are named in it
        self.seen: set[bytes] = set()
        self.asked_after: list[tuple[float, bool]] = []  # when a question was asked after the healing, and if it failed
        self.causes: dict[str, int] = {}
        self._names_this_minute: set[tuple[int, bytes]] = set()
        self._users: set[int] = set()
        self._names: set[bytes] = set()

    def minute(self, at_s: float) -> Minute | None:
        """Return the minute of a POSIX time; None: before or after the run."""
        index = int(at_s - self.start_s) // MINUTE_S if at_s >= self.start_s else -1
        return self.minutes[index] if 0 <= index < len(self.minutes) else None

    def count_answer(self, minute: Minute, answer: ClientAnswer) -> None:
        """Count an answer to one query."""
        minute.queries += 1
        minute.kinds[answer.kind] += 1
        for code, _ in answer.ede:
            minute.ede[code] = minute.ede.get(code, 0) + 1
        if answer.kind == SERVFAIL and answer.ede:
            text = answer.ede[0][1]  # the innermost cause comes first; others say that it is remembered, and since when
            self.causes[text] = self.causes.get(text, 0) + 1

    def count_question(self, minute: Minute, at_s: float, user: int, name: bytes, failed_class: str) -> None:
        """Count a question that is over; ``failed_class`` "" for one with an answer."""
        minute.questions += 1
        if not failed_class:
            return
        minute.failed[failed_class] += 1
        self._users.add(user)
        self._names.add(name)
        minute.users_hit = len(self._users)
        mark = (int(at_s) // MINUTE_S, name)
        if mark not in self._names_this_minute:
            self._names_this_minute.add(mark)
            minute.names_failed += 1

    def share(self, from_s: float, to_s: float, failed_class: str = "") -> Share:
        """Return the share of failed questions between two POSIX times, of one class or of all."""
        failed = questions = 0
        for at, minute in enumerate(self.minutes):
            if from_s <= self.start_s + at * MINUTE_S < to_s:
                failed += minute.failed[failed_class] if failed_class else minute.questions_failed
                questions += minute.questions
        return Share(failed, questions)

    @property
    def users_hit(self) -> int:
        """Distinct users with a question that failed."""
        return len(self._users)

    @property
    def names_failed(self) -> int:
        """Distinct names for which a question failed."""
        return len(self._names)

    def totals(self) -> dict[str, object]:
        """Return the sums over the run."""
        kinds = {kind: sum(minute.kinds[kind] for minute in self.minutes) for kind in KINDS}
        ede: dict[int, int] = {}
        for minute in self.minutes:
            for code, count in minute.ede.items():
                ede[code] = ede.get(code, 0) + count
        return {
            "queries": sum(minute.queries for minute in self.minutes),
            "upstream_queries": sum(minute.upstream for minute in self.minutes),
            "answers": kinds,
            "extended_errors": {str(code): ede[code] for code in sorted(ede)},
            "questions": sum(minute.questions for minute in self.minutes),
            "questions_failed": sum(minute.questions_failed for minute in self.minutes),
            "failed_by_class": {name: sum(minute.failed[name] for minute in self.minutes) for name in CLASSES},
            "names_failed": self.names_failed,
            "users_hit": self.users_hit,
            "transitive_questions": self.transitive.questions,
            "transitive_failed": self.transitive.questions_failed,
            "unrelated_questions": self.others.questions,
            "unrelated_failed": self.others.questions_failed,
        }


def kind_title(kind: str) -> str:
    """Return how a kind of answer is written in a legend."""
    return {FRESH: "NOERROR", STALE: "NOERROR or NXDOMAIN, stale"}.get(kind, kind.upper())
