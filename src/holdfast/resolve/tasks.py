"""Starting and joining tasks: identical work runs once, however many wait for it."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.override_rule import OverrideRule
from holdfast.cache.rrset_cache import rrset_key
from holdfast.dns.iana import TYPE_DS, TYPE_TXT
from holdfast.dns.rrset import RRset
from holdfast.dnssec.trust_view import TrustView
from holdfast.resolve.anchor_watch import AnchorWatch
from holdfast.resolve.chain_of_trust import TrustTask
from holdfast.resolve.delegation import starting_point
from holdfast.resolve.ds_round import DsRound
from holdfast.resolve.exchange import ExchangeTable
from holdfast.resolve.forwarded_lookup import ForwardedLookup
from holdfast.resolve.iterate import FetchTask
from holdfast.resolve.lookup import LookupTask
from holdfast.resolve.pending import PendingDsRound, PendingLookup, PendingTrust, TaskSource
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget, Task


class Tasks(TaskSource):
    """The one place that makes tasks."""

    def __init__(self, state: ResolverState) -> None:
        self.state = state
        self.exchanges = ExchangeTable(state)
        self.watches: Final[dict[bytes, AnchorWatch]] = {}

    def lookup(
        self, name: bytes, rtype: int, validate: bool, budget: RequestBudget, depth: int, now: Instant
    ) -> PendingLookup:
        """Look up one name and type; the first step runs at once, so what is cached is done on return."""
        key = b"v" + rrset_key(budget.view.key(name), rtype) if validate else b"l" + rrset_key(name, rtype)
        running = self.state.running.get(key)
        if isinstance(running, LookupTask):
            return running
        task = LookupTask(self.state, self, key, name, rtype, validate, budget, depth, False, True)
        self.state.running[key] = task
        task.step(now)
        return task

    def lookup_forwarded(
        self, name: bytes, rtype: int, validate: bool, rule: OverrideRule, budget: RequestBudget, now: Instant
    ) -> PendingLookup:
        """Look up at the servers of an override rule."""
        known = self.state.policy_epoch.to_bytes(8, "big") + rule.identity.encode() + b"/"
        key = (b"ov" if validate else b"ol") + known + rrset_key(budget.view.key(name), rtype)
        running = self.state.running.get(key)
        if isinstance(running, ForwardedLookup):
            return running
        task = ForwardedLookup(self.state, self, self.exchanges, key, name, rtype, validate, rule.servers, budget)
        self.state.running[key] = task
        task.step(now)
        return task

    def lookup_ds(self, name: bytes, budget: RequestBudget, depth: int, now: Instant) -> PendingLookup:
        """Look up the DS RRset of a zone cut for the chain of trust, or that there is none."""
        key = b"d" + budget.view.key(name)
        running = self.state.running.get(key)
        if isinstance(running, LookupTask):
            return running
        task = LookupTask(self.state, self, key, name, TYPE_DS, True, budget, depth, False, False)
        self.state.running[key] = task
        task.step(now)
        return task

    def ask_all_for_ds(
        self, child: bytes, zone: bytes, cause: Cause | None, budget: RequestBudget, depth: int, now: Instant
    ) -> PendingDsRound:
        """Ask all name servers of the parent, at or below ``zone``, for a DS RRset that fails for ``cause``."""
        key = b"a" + budget.view.key(child)
        running = self.state.running.get(key)
        if isinstance(running, DsRound):
            return running
        task = DsRound(self.state, self, self.exchanges, key, child, zone, cause, budget, depth)
        self.state.running[key] = task
        task.start(now)
        return task

    def prefetch(self, name: bytes, rtype: int, validate: bool, view: TrustView, now: Instant) -> None:
        """Refresh what is about to expire; nobody waits for it. What failed lately is left alone for now (RFC 9520)."""
        if self.state.failures.get(view.key(name), rtype, now.monotonic_us) is not None:
            return
        if self.start_refresh(name, rtype, validate, RequestBudget(view)):
            self.state.count("prefetches")

    def refresh(self, name: bytes, rtype: int, budget: RequestBudget, now: Instant) -> PendingLookup:
        """Look up afresh, whatever the caches say, or join who does."""
        self.start_refresh(name, rtype, True, budget)
        running = self.state.running[b"p" + rrset_key(budget.view.key(name), rtype)]
        assert isinstance(running, LookupTask)
        return running

    def start_refresh(self, name: bytes, rtype: int, validate: bool, budget: RequestBudget) -> bool:
        """Start a look-up past the caches; False: one is running."""
        key = b"p" + rrset_key(budget.view.key(name), rtype)
        if key in self.state.running:
            return False
        task = LookupTask(self.state, self, key, name, rtype, validate, budget, 0, True, True)
        self.state.running[key] = task
        self.state.wake(task)
        return True

    def report_failure(self, name: bytes, rtype: int, cause: Cause, now: Instant) -> None:
        """Tell the agent of the zone that a name could not be resolved or validated; nobody waits for it (RFC 9567)."""
        zone = starting_point(self.state, name, rtype, False, now)
        if zone is not None and self.state.settings.error_reporting:
            report = self.state.reports.due(zone.zone, name, rtype, cause, now)
            if report:
                self.state.count("error_reports")
                self.lookup(report, TYPE_TXT, True, RequestBudget(), 0, now)

    def lookup_address(self, name: bytes, rtype: int, budget: RequestBudget, depth: int, now: Instant) -> Task:
        """Look up the address of a name server."""
        return self.lookup(name, rtype, False, budget, depth, now)

    def trust_in(self, name: bytes, budget: RequestBudget, depth: int, now: Instant) -> PendingTrust:
        """Find the trust in the zone that encloses ``name``."""
        key = b"t" + budget.view.key(name)
        running = self.state.running.get(key)
        if isinstance(running, TrustTask):
            return running
        task = TrustTask(self.state, self, key, name, budget, depth, False)
        self.state.running[key] = task
        task.step(now)
        return task

    def fetch(
        self, name: bytes, rtype: int, budget: RequestBudget, depth: int, excluded: list[bytes], now: Instant
    ) -> FetchTask:
        """Fetch from the servers; fetches that exclude servers are not shared."""
        key = b"f" + rrset_key(name, rtype)
        if not excluded:
            running = self.state.running.get(key)
            if isinstance(running, FetchTask):
                return running
        task = FetchTask(self.state, self.exchanges, self, key, name, rtype, budget, depth, excluded)
        if not excluded:
            self.state.running[key] = task
        task.step(now)
        return task

    def probe_keys(self, zone: bytes, budget: RequestBudget, now: Instant) -> PendingTrust:
        """Fetch and validate the keys of a trust anchor's zone, whatever is cached."""
        task = TrustTask(self.state, self, b"k" + zone, zone, budget, 0, True)
        task.step(now)
        return task

    def observe_anchor(self, zone: bytes, dnskeys: RRset, verified: bool, now: Instant) -> None:
        """Show a DNSKEY RRset that was fetched to its anchor; without ``verified`` it can only revoke (RFC 5011)."""
        watch = self.watches.get(zone)
        if watch is None:
            return
        anchor = watch.anchor
        validation_time_s = self.state.validation_time_s(now)
        if anchor.observe(dnskeys, verified, self.state.verifier, validation_time_s, now.wall_s):
            self.state.record("trust-anchor-state", zone.decode("latin-1"), anchor.state_text())
            if anchor.deleted():
                self.state.trust.remove_subtree(zone)
        if verified:
            watch.note_validated(now)

    def watch_anchors(self, now: Instant) -> None:
        """Begin to look after the trust anchors."""
        for zone in self.state.anchors:
            self.watch_anchor(zone, now)

    def watch_anchor(self, zone: bytes, now: Instant) -> None:
        """Look after the trust anchor of a zone, in place of an earlier one; if it has none, look no more."""
        old = self.watches.pop(zone, None)
        if old is not None:
            old.end()
        anchor = self.state.anchors.get(zone)
        if anchor is not None:
            watch = AnchorWatch(self.state, self, anchor)
            self.watches[zone] = watch
            watch.start(now)
