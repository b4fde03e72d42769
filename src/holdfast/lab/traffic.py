"""Clients: who asks what and when, what their stub resolvers remember, and how they retry.

A *question* is what a user wants; a *query* is one packet for it. A stub resolver answers some questions from its own
cache, and sends up to four queries for one that fails.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, replace
from itertools import accumulate
from math import cos, pi
from random import Random

from holdfast.dns.iana import FLAG_AD, FLAG_CD, FLAG_RD, TYPE_A, TYPE_AAAA
from holdfast.dns.name import is_subdomain
from holdfast.dns.writer import build_query
from holdfast.lab.measurements import (
    KNOWN_ZONE,
    NO_SUCH_ZONE,
    SERVFAIL,
    UNSEEN_ZONE,
    ClientAnswer,
    Measurements,
    Minute,
    read_answer,
)
from holdfast.lab.simulation import SECOND_US, AskedResolver, Clock
from holdfast.lab.world import LeafZone, World

DAY_S = 86400
BUSIEST_HOUR_S = 19 * 3600  # UTC: the German evening
EDNS_OCTETS = 1232
ZONES = 2200  # that the defaults are for
SMALLEST = 0.02  # of a world's traffic, however few zones it has
HISTORY = 8  # names that a user comes back to


@dataclass(frozen=True)
class TrafficParameters:
    """How clients behave. Shares in percent; ``back_off_s``: pauses before the second, third ... query for a question.

    ``questions_per_s`` holds at the busiest hour; the day curve takes it down by up to ``night_percent``.
    """

    questions_per_s: float = 14.0
    users: int = 4000
    zipf_exponent: float = 0.9
    names_exponent: float = 1.0
    night_percent: float = 60.0
    again_percent: float = 30.0
    aaaa_percent: float = 20.0
    nonexistent_percent: float = 1.0
    back_off_s: tuple[float, ...] = (1.0, 2.0, 4.0)
    checking_disabled: bool = False

    def for_zones(self, zones: int) -> "TrafficParameters":
        """Return the same behaviour with as many users as that many zones have; these parameters are for 2200."""
        return self.scaled(max(SMALLEST, zones / ZONES))

    def scaled(self, scale: float) -> "TrafficParameters":
        """Return the parameters for fewer or more users."""
        users = max(20, round(self.users * scale))
        return replace(self, questions_per_s=self.questions_per_s * scale, users=users)


class _Question:
    """A question on its way: who wants it, the name and its zone (None: no such zone), queries sent so far."""

    __slots__ = ("asked_s", "leaf", "name", "rtype", "sent", "user")

    def __init__(self, user: int, name: bytes, rtype: int, leaf: LeafZone | None) -> None:
        self.user = user
        self.name = name
        self.rtype = rtype
        self.leaf = leaf
        self.sent = 0
        self.asked_s = 0.0


class Traffic:
    """All clients of one resolver."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        resolver: AskedResolver,
        measured: Measurements,
        parameters: TrafficParameters,
    ) -> None:
        self._world = world
        self._clock = clock
        self._resolver = resolver
        self._measured = measured
        self._parameters = parameters
        self._random = Random(f"traffic {world.seed}")
        self._zones = list(world.leaves)
        self._random.shuffle(self._zones)
        if not world.outage.is_top_level:  # then the zone is one that people know
            self._zones.sort(key=lambda leaf: leaf.name != world.subject)
        weights = [1 / rank**parameters.zipf_exponent for rank in range(1, len(self._zones) + 1)]
        self._zone_weights = list(accumulate(weights))
        longest = max(len(zone.names) for zone in self._zones)
        self._name_weights = list(accumulate(1 / rank**parameters.names_exponent for rank in range(1, longest + 1)))
        self._stubs: dict[tuple[int, bytes, int], int] = {}
        self._history: dict[int, deque[tuple[bytes, int, LeafZone | None]]] = {}
        self._subject = world.subject
        self._stopped = False

    def start(self) -> None:
        """Plan the first question."""
        self._plan_next()

    def stop(self) -> None:
        """Ask nothing more; what is planned comes to nothing."""
        self._stopped = True

    def _rate(self) -> float:
        """Return questions per second now."""
        away = (self._clock.wall_s() - BUSIEST_HOUR_S) % DAY_S / DAY_S
        depth = self._parameters.night_percent / 100
        return self._parameters.questions_per_s * (1 - depth * (1 - cos(2 * pi * away)) / 2)

    def _plan_next(self) -> None:
        pause_s = self._random.expovariate(self._rate())
        self._clock.plan(self._clock.now_us + round(pause_s * SECOND_US), self._arrive)

    def _arrive(self) -> None:
        """A user has a question."""
        if self._stopped:
            return
        user = self._random.randrange(self._parameters.users)
        history = self._history.setdefault(user, deque(maxlen=HISTORY))
        if history and self._random.random() * 100 < self._parameters.again_percent:
            name, rtype, leaf = history[self._random.randrange(len(history))]
        else:
            name, rtype, leaf = self._draw()
            history.append((name, rtype, leaf))
        self._plan_next()
        question = _Question(user, name, rtype, leaf)
        question.asked_s = self._clock.wall_s()
        if self._stubs.get((user, name, rtype), 0) <= self._clock.now_us:
            self._send(question)

    def _draw(self) -> tuple[bytes, int, LeafZone | None]:
        """Draw a name and a type."""
        chance = self._random
        rtype = TYPE_AAAA if chance.random() * 100 < self._parameters.aaaa_percent else TYPE_A
        if chance.random() * 100 < self._parameters.nonexistent_percent:
            label = f"typo{chance.randrange(1 << 32)}".encode()
            below = self._world.subject if self._world.outage.is_top_level else self._zones[0].name
            return bytes([len(label)]) + label + below, rtype, None
        leaf = self._zones[bisect_right(self._zone_weights, chance.random() * self._zone_weights[-1])]
        total = self._name_weights[len(leaf.names) - 1]
        return leaf.names[bisect_right(self._name_weights, chance.random() * total)], rtype, leaf

    def _send(self, question: _Question) -> None:
        """Send a query."""
        if self._stopped:
            return
        question.sent += 1
        user = question.user
        address = bytes([10, user >> 16 & 255, user >> 8 & 255, user & 255])
        message_id = (user * 31 + question.sent) & 0xFFFF
        flags = FLAG_RD | (FLAG_CD if self._parameters.checking_disabled else FLAG_AD)
        wire = build_query(message_id, question.name, question.rtype, flags, EDNS_OCTETS, False, [])
        self._resolver.ask(address, wire, lambda answer: self._answered(question, read_answer(answer)))

    def _answered(self, question: _Question, answer: ClientAnswer) -> None:
        """Take an answer: remember it, try again, or give up."""
        now_s = self._clock.wall_s()
        target = self._target(question, now_s)
        if target is not None:
            self._measured.count_answer(target, answer)
        if answer.kind == SERVFAIL and question.sent <= len(self._parameters.back_off_s):
            pause_us = round(self._parameters.back_off_s[question.sent - 1] * SECOND_US)
            self._clock.plan(self._clock.now_us + pause_us, lambda: self._send(question))
            return
        failed = answer.kind == SERVFAIL
        if not failed:
            key = (question.user, question.name, question.rtype)
            self._stubs[key] = self._clock.now_us + answer.ttl_s * SECOND_US * self._world.pace.compression
            if question.leaf is not None and now_s < self._world.outage.broken_s:
                self._measured.seen.add(question.leaf.name)
        # A question belongs to the minute in which it was asked: so its failure is not moved past the healing.
        target = self._target(question, question.asked_s)
        if target is not None:
            failed_class = self._class_of(question) if failed else ""
            self._measured.count_question(target, question.asked_s, question.user, question.name, failed_class)
            if self._counts(question) and question.asked_s >= self._world.outage.healed_s:
                self._measured.asked_after.append((question.asked_s, failed))

    def _counts(self, question: _Question) -> bool:
        return is_subdomain(question.name, self._subject)

    def _target(self, question: _Question, at_s: float) -> Minute | None:
        """Return where a question counts: the zone's own names by the minute, others in two sums."""
        minute = self._measured.minute(at_s)
        if minute is None or self._counts(question):
            return minute
        leaf = question.leaf
        if leaf is not None and leaf.depends_on(self._subject):
            return self._measured.transitive
        return self._measured.others

    def _class_of(self, question: _Question) -> str:
        if question.leaf is None:
            return NO_SUCH_ZONE
        return KNOWN_ZONE if question.leaf.name in self._measured.seen else UNSEEN_ZONE
