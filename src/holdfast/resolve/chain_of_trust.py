"""The chain of trust: from a trust anchor down to the zone that encloses a name (RFC 4035 section 5).

Each link is a DS RRset in the parent and the DNSKEY RRset that it vouches for, or the proof that there is no DS and the
child is therefore insecure. The search runs top-down from the deepest point that is already known.

A negative trust anchor ends it at its zone, or, if zones below stay validated, excuses what fails: its own zone keeps
the keys that it has, and a child is validated by the DS that is valid, or was when it was seen last, or else by what
all name servers of its parent agree on (then it is insecure at best, but can be bogus). Without any it is insecure.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.limits import BOGUS_RETRIES, OLD_DELEGATION_US
from holdfast.base.security_status import BOGUS, INDETERMINATE, INSECURE, SECURE, UNCHECKED
from holdfast.cache.ds_agreements import DsAgreement
from holdfast.cache.failure_cache import REFRESH_BOGUS, REFRESH_ERROR
from holdfast.cache.key_cache import ZoneTrust
from holdfast.cache.rrset_cache import RANK_ANSWER, CachedRRset
from holdfast.dns.iana import (
    EDE_DNSKEY_MISSING,
    EDE_DNSSEC_INDETERMINATE,
    EDE_NO_REACHABLE_AUTHORITY,
    TYPE_DNSKEY,
)
from holdfast.dns.name import ROOT, is_subdomain, label_count, parent, suffix, to_text
from holdfast.dns.rrset import RRset
from holdfast.dnssec.ds import dnskey_of, ds_usable, verify_dnskey_rrset
from holdfast.resolve.chain_verdicts import ChainVerdicts
from holdfast.resolve.classify import ANSWER
from holdfast.resolve.iterate import FetchTask
from holdfast.resolve.last_known_good import last_delegation, open_cut
from holdfast.resolve.pending import FAILED, PendingDsRound, PendingLookup, TaskSource
from holdfast.resolve.recall import remember_rrset
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget
from holdfast.resolve.timers import Timer

INDETERMINATE_TTL_S: Final = 3600  # no anchor covers the name: nothing but configuration changes that
NEGATIVE_ANCHOR_TRUST_S: Final = 3600  # it is dropped when the anchor changes or ends, so any time would do


class Patience(Timer):
    """The time after which a search does not wait any longer for what a zone does not say."""

    def __init__(self, task: "TrustTask", deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.task: Final = task

    def fire(self, now: Instant) -> None:
        """Let the search go on below, if it can."""
        self.task.leave(now)


class TrustTask(ChainVerdicts):
    """Walks from the deepest known point to ``name``, one zone cut at a time.

    ``probing``: ``name`` is a trust anchor's zone whose keys are wanted from its servers; a failure changes nothing.
    """

    def __init__(
        self,
        state: ResolverState,
        source: TaskSource,
        key: bytes,
        name: bytes,
        budget: RequestBudget,
        depth: int,
        probing: bool,
    ) -> None:
        super().__init__(state, source, key, name, budget, depth, probing)
        self.ds_rdatas: list[bytes] = []
        self.anchor_keys: list[bytes] = []
        self.expires_us: int = 0
        self.ds_lookup: PendingLookup | None = None
        self.fetch: FetchTask | None = None
        self.ds_round: PendingDsRound | None = None
        self.work: Final = budget.work

    def step(self, now: Instant) -> None:
        """Go down as far as what is known allows."""
        if self.current is None and self.fetch is None and not self.find_start(now):
            return
        if self.fetch is not None:
            if not self.fetch.done:
                return
            self.take_keys(self.fetch, now)
        lookup = self.ds_lookup
        if lookup is not None:
            if not lookup.done:
                return
            self.ds_lookup = None
            self.take_ds(lookup, now)
        if self.ds_round is not None:
            if not self.ds_round.done:
                return
            self.take_ds_round(self.ds_round, now)
        while not self.done and self.fetch is None and self.ds_lookup is None and self.ds_round is None:
            current = self.current
            if current is None:
                return
            is_dead_end = current.status == BOGUS or (current.status != SECURE and self.is_excused(current))
            way_on = is_dead_end and self.point != self.name
            if way_on and (self.cross_below(current, now) or self.look_below(current, now)):
                continue
            if current.status != SECURE or self.point == self.name:
                self.conclude(current, now)
                return
            self.descend(now)

    def find_start(self, now: Instant) -> bool:
        """Find the deepest name at or above ours whose trust is known; False: waiting for the anchor's keys."""
        name = self.name
        now_us = now.monotonic_us
        while True:
            known = None if self.probing else self.state.trust.get(self.view.key(name), now_us)
            if known is not None:
                self.point = name
                self.current = known
                self.cut = known.stale_cut
                self.agreed = known.agreed
                self.proved_until_s = known.proved_until_s
                return True
            negative = self.state.negative_anchors.at(name, self.view)
            if negative is not None and not negative.scope.below_strict:
                expires_us = now_us + NEGATIVE_ANCHOR_TRUST_S * 1_000_000
                trust = ZoneTrust(name, INSECURE, [], None, None, negative.cause(), expires_us)
                trust.negative_anchor = negative
                self.set_current(name, trust)
                return True
            anchor = self.state.anchors.get(name)
            if anchor is not None and not anchor.deleted():
                self.child = name
                self.ds = None
                self.ds_rdatas = anchor.usable_ds()
                self.anchor_keys = anchor.usable_dnskey()
                self.expires_us = now_us + self.state.settings.maximum_ttl_s * 1_000_000
                self.get_keys(now)
                return self.fetch is None
            if name == ROOT:
                expires_us = now_us + INDETERMINATE_TTL_S * 1_000_000
                self.set_current(name, ZoneTrust(name, INDETERMINATE, [], None, None, self.uncovered(), expires_us))
                return True
            name = parent(name)

    def uncovered(self) -> Cause | None:
        """Return why a name cannot be judged: there are trust anchors, but none for it (RFC 4033 section 5)."""
        if not self.state.anchors:
            return None
        text = f"no trust anchor covers {to_text(self.name)}"
        return Cause(EDE_DNSSEC_INDETERMINATE, text, "chain.no-anchor")

    def descend(self, now: Instant) -> None:
        """Ask for the DS of the next zone cut: the next known one, else one label further down."""
        known = self.next_cut(now)
        self.look_up_ds(known if known else suffix(self.name, label_count(self.point) + 1), now)

    def next_cut(self, now: Instant) -> bytes:
        """Return the next zone cut on the way that is known, b"" if none is."""
        for labels in range(label_count(self.point) + 1, label_count(self.name) + 1):
            candidate = suffix(self.name, labels)
            if self.state.delegations.get(candidate, now.monotonic_us) is not None:
                return candidate
        return b""

    def look_up_ds(self, child: bytes, now: Instant) -> None:
        """Ask for the DS of a child."""
        self.child = child
        lookup = self.source.lookup_ds(self.child, self.budget, self.depth, now)
        if lookup.done:
            self.take_ds(lookup, now)
        elif self.wait_for(lookup):
            self.ds_lookup = lookup
            self.be_patient(now)
        else:
            text = f"the chain of trust of {to_text(self.child)} depends on itself"
            cause = Cause(EDE_DNSKEY_MISSING, text, "chain.circle")
            self.break_at_ds(cause, self.point, REFRESH_ERROR, now)

    def take_ds(self, lookup: PendingLookup, now: Instant) -> None:
        """Decide what the DS look-up means for the child."""
        current = self.current
        result = lookup.result
        if current is None:
            return
        if result.kind == FAILED and self.may_do_better(lookup):
            self.descend(now)
            return
        if result.status == BOGUS or result.kind == FAILED or result.let_through:
            cause = result.causes[0] if result.causes else None
            self.rest_on(lookup.asked_us)
            if self.cross(self.child, cause, now) or (result.rrset is not None and self.rest_on_agreement(cause, now)):
                return
            self.break_at_ds(cause, current.zone, result.failure, now)
            return
        self.agreed = result.agreed
        self.proved_until_s = min(self.proved_until_s, result.proved_until_s)
        if result.stale_cut is not None:
            self.cut = result.stale_cut
        if result.status == INDETERMINATE or result.status == INSECURE:
            cause = result.causes[0] if result.causes else None
            self.set_current(self.child, ZoneTrust(self.child, result.status, [], None, None, cause, result.expires_us))
        elif result.kind == ANSWER and result.rrset is not None:
            unusable = ds_usable(result.rrset.rdatas, self.state.policy, self.child)
            if unusable is not None:
                trust = ZoneTrust(self.child, INSECURE, [], result.rrset, None, unusable, result.expires_us)
                self.set_current(self.child, trust)
                return
            self.ds = result.rrset
            self.ds_rdatas = result.rrset.rdatas
            self.anchor_keys = []
            self.expires_us = result.expires_us
            self.get_keys(now)
        elif result.insecure_delegation:
            self.set_current(self.child, ZoneTrust(self.child, INSECURE, [], None, None, None, result.expires_us))
        else:
            # A secure answer that there is neither DS nor zone cut here: the child belongs to the current zone.
            expires_us = min(result.expires_us, current.expires_us)
            self.agreed = current.agreed
            same = ZoneTrust(current.zone, SECURE, current.keys, current.ds, current.dnskey, None, expires_us)
            self.set_current(self.child, same)

    def look_below(self, excused: ZoneTrust, now: Instant) -> bool:
        """Ask what the anchor's zone says of the next known cut, though nobody can vouch for it; False: no use."""
        excuse = self.excuse
        child = self.next_cut(now)
        if excuse is None or excused.negative_anchor is not excuse or excused.zone != excuse.zone or not child:
            return False
        self.look_up_ds(child, now)
        return True

    def rest_on_agreement(self, cause: Cause | None, now: Instant) -> bool:
        """Take a child's DS, which fails for ``cause``, as all servers of its parent have it; False: not to be done."""
        excuse = self.excuse
        if excuse is None or not self.state.negative_anchors.is_in_force(excuse):
            return False
        current = self.current
        if current is None or self.child == excuse.zone or not is_subdomain(excuse.zone, current.zone):
            return False
        known = self.state.agreements.get(self.view.key(self.child), now.monotonic_us)
        if known is not None:
            self.take_agreement(known, now)
            return True
        asking = self.source.ask_all_for_ds(self.child, current.zone, cause, self.budget, self.depth, now)
        if asking.done:
            self.take_ds_round(asking, now)
        elif self.wait_for(asking):
            self.ds_round = asking
        else:
            return False
        return True

    def take_ds_round(self, asking: PendingDsRound, now: Instant) -> None:
        """Go on with what all servers of the parent agree on, if that is anything."""
        self.ds_round = None
        excuse = self.excuse
        if excuse is None:
            return
        if asking.agreement is not None:
            self.take_agreement(asking.agreement, now)
        elif not (self.may_do_better(asking) and self.rest_on_agreement(asking.cause, now)):
            self.excuse_from(self.child, excuse, asking.cause, now, asking)

    def take_agreement(self, agreement: DsAgreement, now: Instant) -> None:
        """Validate the child by a DS RRset that all servers of its parent agree on."""
        unusable = ds_usable(agreement.ds.rdatas, self.state.policy, self.child)
        self.agreed = agreement
        self.ds = agreement.ds
        self.expires_us = agreement.expires_us
        if unusable is not None:
            trust = ZoneTrust(self.child, INSECURE, [], self.ds, None, unusable, self.expires_us)
            self.set_current(self.child, trust)
            return
        self.ds_rdatas = agreement.ds.rdatas
        self.anchor_keys = []
        self.get_keys(now)

    def cross_below(self, broken: ZoneTrust, now: Instant) -> bool:
        """Go on below a broken zone at the first cut whose last validated DS state is known; False: there is none."""
        for labels in range(label_count(self.point) + 1, label_count(self.name) + 1):
            child = suffix(self.name, labels)
            if self.cross(child, broken.cause, now):
                causes = [broken.cause] if broken.cause is not None else []
                self.health.note_failure(broken.blamed, child, broken.failure, causes, [])
                return True
        return False

    def cross(self, child: bytes, cause: Cause | None, now: Instant) -> bool:
        """Cross a zone cut with what its parent said last; False: nothing that may be used is known."""
        last = last_delegation(self.state, child, now)
        if last is None:
            return False
        self.cut = open_cut(self.state, child, last, cause, now)
        self.agreed = None
        self.state.count("stale_cuts_crossed")
        self.proved_until_s = last.proved_until_s
        self.child = child
        self.ds = last.ds
        self.expires_us = now.monotonic_us + self.state.settings.failure_recheck_timer_s * 1_000_000
        unusable = ds_usable(last.ds.rdatas, self.state.policy, child) if last.ds is not None else None
        if last.ds is None or unusable is not None:
            self.set_current(child, ZoneTrust(child, INSECURE, [], last.ds, None, unusable, self.expires_us))
            return True
        self.ds_rdatas = last.ds.rdatas
        self.anchor_keys = []
        self.get_keys(now)
        return True

    def get_keys(self, now: Instant) -> None:
        """Get the child's DNSKEY RRset: from the cache, or fetched."""
        cached = self.state.rrsets.get(self.child, TYPE_DNSKEY, now.monotonic_us)
        if cached is not None and not self.excluded and not self.probing:
            self.judge_keys(cached.rrset, b"", now)
            if self.current is not None and self.point == self.child:
                return
        self.start_fetch(now)

    def start_fetch(self, now: Instant) -> None:
        """Fetch the DNSKEY RRset."""
        task = self.source.fetch(self.child, TYPE_DNSKEY, self.budget, self.depth, self.excluded, now)
        if task.done:
            self.take_keys(task, now)
        elif self.wait_for(task):
            self.fetch = task
            self.be_patient(now)
        else:
            text = f"the DNSKEY RRset of {to_text(self.child)} cannot be had without itself"
            cause = Cause(EDE_DNSKEY_MISSING, text, "chain.key-circle")
            self.break_chain(cause, self.child, REFRESH_ERROR, now)

    def be_patient(self, now: Instant) -> None:
        """Wait a while for what was asked for."""
        self.end_patience()
        something_below = self.ds_lookup is not None or len(self.child) < len(self.name)
        if something_below and not self.probing and not self.budget.is_probe and self.state.settings.last_known_good:
            self.patience = Patience(self, now.monotonic_us + OLD_DELEGATION_US)
            self.state.timers.add(self.patience)

    def leave(self, now: Instant) -> None:
        """Wait no longer for a silent zone, if what it said last of a cut below leads on; others see how it ends."""
        lookup = self.ds_lookup
        fetch = self.fetch
        first = label_count(self.child)
        if self.done or (lookup is None and fetch is None):
            return
        if (lookup is not None and lookup.done) or (fetch is not None and fetch.done):
            return  # it has come
        if not ((lookup is not None and lookup.is_unheard()) or (fetch is not None and fetch.is_unheard())):
            self.be_patient(now)  # nothing but slow
            return
        if lookup is None:
            first += 1
        for labels in range(first, label_count(self.name) + 1):
            child = suffix(self.name, labels)
            if last_delegation(self.state, child, now) is None:
                continue
            above = self.child
            cause = Cause(EDE_NO_REACHABLE_AUTHORITY, f"no answer yet from {to_text(above)}", "chain.patience")
            self.ds_lookup = None
            self.fetch = None
            self.waiting_for = []
            if lookup is None:
                self.source.trust_in(above, self.budget, self.depth, now)
            self.cross(child, cause, now)
            self.state.wake(self)
            return

    def take_keys(self, task: FetchTask, now: Instant) -> None:
        """Judge what the fetch brought."""
        self.fetch = None
        found = task.found
        if found is None and self.may_do_better(task):
            self.start_fetch(now)
            return
        if found is None or found.kind != ANSWER or found.rrset is None:
            if self.first_cause is not None:
                self.break_chain(self.first_cause, self.child, REFRESH_BOGUS, now)  # no other server had a better one
                return
            text = f"no DNSKEY RRset for {to_text(self.child)}"
            if task.causes:
                text += ": " + task.causes[0].extra_text
            cause = Cause(EDE_DNSKEY_MISSING, text, "chain.no-dnskey", dnskey_of(self.child))
            self.rest_on(task.asked_us)
            if found is None and task.was_held:
                self.break_chain(cause, self.child, task.failure, now)  # it is known to be broken, and was not asked
                return
            failure = REFRESH_BOGUS if found is not None else task.failure
            self.break_at_keys(cause, failure, now)
            return
        self.judge_keys(found.rrset, task.server, now)

    def judge_keys(self, dnskeys: RRset, server: bytes, now: Instant) -> None:
        """Verify a DNSKEY RRset against the DS records or the anchor; ask another server if it fails (RFC 4035 5.5)."""
        now_us = now.monotonic_us
        verdict = verify_dnskey_rrset(
            dnskeys,
            self.ds_rdatas,
            self.anchor_keys,
            self.child,
            self.state.verifier,
            self.work,
            self.state.validation_time_s(now),
            self.state.policy,
        )
        if verdict.status == BOGUS:
            if not server:
                self.state.rrsets.discard_attempt(self.child, TYPE_DNSKEY)
                return
            if self.revokes_anchor(dnskeys, now):
                self.excluded = []
                self.first_cause = None
                self.find_start(now)
                return
            if self.first_cause is None:
                self.first_cause = verdict.cause
            if len(self.excluded) < BOGUS_RETRIES and not self.budget.spent() and self.other_server_exists(server, now):
                self.excluded = [*self.excluded, server]
                self.start_fetch(now)
                return
            self.break_at_keys(self.first_cause, REFRESH_BOGUS, now)
            return
        self.proved_until_s = min(self.proved_until_s, verdict.valid_until_s)
        # The RRSIG's end caps what an unchanged TTL would allow (RFC 4035 section 5.3.3).
        signed_ttl_s = verdict.ttl if verdict.status == SECURE else dnskeys.ttl
        ttl_s = max(min(signed_ttl_s, self.state.settings.maximum_ttl_s), self.state.settings.minimum_ttl_s, 1)
        expires_us = min(self.expires_us, now_us + ttl_s * 1_000_000)
        if server:
            status = SECURE if verdict.status == SECURE and self.agreed is None else UNCHECKED
            entry = CachedRRset(dnskeys, status, RANK_ANSWER, now_us, now_us + ttl_s * 1_000_000, None, [])
            entry.proved_until_s = self.proved_until_s
            entry.stale_cut = self.cut
            self.state.rrsets.put(entry, now_us)
            remember_rrset(self.state, entry, now)
        keys = verdict.keys if verdict.status == SECURE else []
        trust = ZoneTrust(
            self.child, verdict.status, keys, self.ds, dnskeys, verdict.cause, max(expires_us, now_us + 1_000_000)
        )
        self.excluded = []
        self.first_cause = None
        if server and verdict.status == SECURE:
            self.health.note_validated(self.child)
            if self.agreed is None:
                self.source.observe_anchor(self.child, dnskeys, True, now)
        self.set_current(self.child, trust)

    def revokes_anchor(self, dnskeys: RRset, now: Instant) -> bool:
        """Tell whether keys that no trusted key signed revoke the last one that was trusted (RFC 5011 section 2.1)."""
        anchor = self.state.anchors.get(self.child)
        if anchor is None or anchor.deleted():
            return False
        self.source.observe_anchor(self.child, dnskeys, False, now)
        return anchor.deleted()

    def other_server_exists(self, server: bytes, now: Instant) -> bool:
        """Tell whether another server of the child could have better keys."""
        delegation = self.state.delegations.deepest(self.child, now.monotonic_us)
        if delegation is None:
            return True
        for one in delegation.servers:
            for address in one.addresses:
                if address != server and address not in self.excluded:
                    return True
            if not one.addresses:
                return True
        return False
