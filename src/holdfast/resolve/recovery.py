"""Seeing that a broken zone is well again, and letting everybody know at once.

While somebody asks for names that fail because of a zone, one of the failing questions is asked afresh every few
seconds. When all of them succeed in a row, what was remembered of the zone's failures is dropped, the zone cuts that
were crossed with old data are looked at again, and the names that were answered stale are refreshed, the most wanted
first, a few at a time.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.security_status import BOGUS
from holdfast.cache.broken_zones import BrokenZone
from holdfast.cache.failure_cache import REFRESH_UNREACHABLE
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS
from holdfast.dns.name import is_subdomain
from holdfast.resolve.last_known_good import end_server_cuts
from holdfast.resolve.pending import FAILED, PendingLookup, PendingTrust, TaskSource
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget, Task
from holdfast.resolve.timers import Timer

PROBE_INTERVAL_MAXIMUM_US: Final = 60_000_000  # for zones that few ask for
CLEAN_INTERVAL_US: Final = 200_000  # after a good probe the next ones follow soon
CLEAN_PROBES: Final = 2  # good probes in a row, at least; as many as there are failing questions
WANTED_OFTEN: Final = 3  # questions between two probes that keep the interval short
REFRESH_BATCH: Final = 20  # names at a time after a recovery
REFRESH_INTERVAL_US: Final = 50_000  # between batches: 400 names a second are no storm for a country's servers
REFRESHES: Final = 4_000  # names that are refreshed after one recovery; the others wait until they are asked for


def note_failure(
    state: ResolverState,
    source: TaskSource,
    zone: bytes,
    name: bytes,
    rtype: int,
    failure: int,
    causes: list[Cause],
    servers: list[bytes],
    budget: RequestBudget,
    now: Instant,
) -> None:
    """Remember that a question showed ``zone`` to be broken, and look for its recovery from now on.

    ``servers`` (packed addresses) sent what does not validate. A spent ``budget`` shows nothing, and
    what fails in a shadow no client wants.
    """
    if budget.spent() or budget.is_shadow:
        return
    state.health.note_failure(zone, name, failure, causes, servers)
    broken = state.broken.note(zone, name, rtype, budget.view, failure, causes, now.monotonic_us)
    broken.clean = 0
    if not budget.is_probe:
        broken.wanted += 1
    if failure == REFRESH_UNREACHABLE:
        state.broken.hold(broken, now.monotonic_us)
    if broken.interval_us == 0 and state.settings.recovery_probe_interval_s > 0:
        broken.interval_us = state.settings.recovery_probe_interval_s * 1_000_000
        state.timers.add(ProbeTimer(state, source, broken, now.monotonic_us + broken.interval_us))


class ProbeTimer(Timer):
    """The time to look at a broken zone."""

    def __init__(self, state: ResolverState, source: TaskSource, broken: BrokenZone, deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.state: Final = state
        self.source: Final = source
        self.broken: Final = broken

    def fire(self, now: Instant) -> None:
        """Probe, unless the zone is forgotten or nobody wants it."""
        broken = self.broken
        if self.state.broken.zones.get(broken.zone) is not broken:
            return
        if broken.wanted == 0 and broken.clean == 0:
            self.state.broken.remove(broken.zone)
            return
        Probe(self.state, self.source, broken).step(now)


class Probe(Task):
    """One failing question, asked afresh."""

    def __init__(self, state: ResolverState, source: TaskSource, broken: BrokenZone) -> None:
        sample = broken.samples[broken.next_sample % len(broken.samples)]
        budget = RequestBudget(sample.view)
        budget.is_probe = True
        super().__init__(b"", budget, 0)
        self.state: Final = state
        self.source: Final = source
        self.broken: Final = broken
        self.sample: Final = sample
        self.started = False
        self.lookup: PendingLookup | None = None
        self.trust: PendingTrust | None = None

    def step(self, now: Instant) -> None:
        """Ask, then judge."""
        if not self.started:
            self.started = True
            self.broken.next_sample += 1
            self.broken.probes += 1
            self.state.count("recovery_probes")
            if not self.ask(now):
                return
        lookup = self.lookup
        trust = self.trust
        if lookup is not None and lookup.done:
            self.conclude(lookup.result.kind != FAILED, now)
        elif trust is not None and trust.done:
            self.conclude(trust.trust is not None and trust.trust.status != BOGUS, now)

    def ask(self, now: Instant) -> bool:
        """Start the look-up; False: it is under way."""
        sample = self.sample
        if sample.rtype == TYPE_DNSKEY and sample.name == self.broken.zone:
            key = sample.view.key(sample.name)
            self.state.trust.remove(key)
            self.state.failures.remove(key, TYPE_DNSKEY)
            self.trust = self.source.trust_in(sample.name, self.budget, 0, now)
            return self.trust.done or not self.wait_for(self.trust)
        self.lookup = self.source.refresh(sample.name, sample.rtype, self.budget, now)
        return self.lookup.done or not self.wait_for(self.lookup)

    def conclude(self, good: bool, now: Instant) -> None:
        """Plan the next probe, or declare the zone well."""
        self.done = True
        broken = self.broken
        state = self.state
        if state.broken.zones.get(broken.zone) is not broken:
            return
        if not good:
            broken.clean = 0
            often = broken.wanted >= WANTED_OFTEN
            shortest_us = state.settings.recovery_probe_interval_s * 1_000_000
            longest_us = max(shortest_us, PROBE_INTERVAL_MAXIMUM_US)
            broken.interval_us = shortest_us if often else min(broken.interval_us * 2, longest_us)
            broken.wanted = 0
            state.timers.add(ProbeTimer(state, self.source, broken, now.monotonic_us + broken.interval_us))
            return
        broken.clean += 1
        if self.sample.rtype == TYPE_DS:
            forget_failures(state, self.sample.name)  # this child is well, whatever becomes of the others
        if broken.clean < max(CLEAN_PROBES, len(broken.samples)):
            state.timers.add(ProbeTimer(state, self.source, broken, now.monotonic_us + CLEAN_INTERVAL_US))
            return
        heal(state, self.source, broken, now)


def forget_failures(state: ResolverState, zone: bytes) -> None:
    """Drop remembered failures at and below ``zone``; what is good stays."""
    state.failures.remove_subtree(zone)
    state.trust.remove_bogus_subtree(zone)


def heal(state: ResolverState, source: TaskSource, broken: BrokenZone, now: Instant) -> None:
    """The zone is well: drop its failures, and refresh what was answered with old data meanwhile."""
    zone = broken.zone
    forget_failures(state, zone)
    state.broken.remove(zone)
    end_server_cuts(state, zone)
    lasted_s = (now.monotonic_us - broken.since_us) // 1_000_000
    state.record("zone-recovered", zone.decode("latin-1"), f"after {lasted_s} s, seen with {broken.probes} probes")
    state.count("zones_recovered")
    wanted: list[tuple[int, bytes, int]] = []
    for cut in state.cuts.cuts.values():
        if cut.zone != zone and is_subdomain(cut.zone, zone):
            wanted.append((-cut.uses, cut.zone, TYPE_DS))
            for key in state.negative_anchors.keys(cut.zone):
                state.trust.remove(key)
    for entry in state.stale_questions.take_below(zone):
        if state.rrsets.get(entry.name, entry.rtype, now.monotonic_us) is None:
            wanted.append((-entry.uses, entry.name, entry.rtype))
    if wanted:
        wanted.sort()
        RefreshTimer(state, source, wanted[:REFRESHES], 0, True, now.monotonic_us).fire(now)


class RefreshTimer(Timer):
    """Looks up a list of questions, a batch at a time: ``afresh``, or what waits in the cache to be judged as well."""

    def __init__(
        self,
        state: ResolverState,
        source: TaskSource,
        wanted: list[tuple[int, bytes, int]],
        position: int,
        afresh: bool,
        deadline_us: int,
    ) -> None:
        super().__init__(deadline_us)
        self.state: Final = state
        self.source: Final = source
        self.wanted: Final = wanted
        self.position: Final = position
        self.afresh: Final = afresh

    def fire(self, now: Instant) -> None:
        """Refresh the next batch, and come back for the rest."""
        end = min(self.position + REFRESH_BATCH, len(self.wanted))
        for at in range(self.position, end):
            _, name, rtype = self.wanted[at]
            if self.afresh:
                self.source.refresh(name, rtype, RequestBudget(), now)
            else:
                self.source.lookup(name, rtype, True, RequestBudget(), 0, now)
            self.state.count("recovery_refreshes")
        if end < len(self.wanted):
            deadline_us = now.monotonic_us + REFRESH_INTERVAL_US
            self.state.timers.add(RefreshTimer(self.state, self.source, self.wanted, end, self.afresh, deadline_us))
