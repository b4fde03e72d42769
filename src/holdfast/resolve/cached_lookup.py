"""Answering a look-up from the caches: data, denials, failures, aliases above the name, proofs (RFC 8198)."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.limits import SYNTHESIS_HASHES, TTL_HIGHEST_BIT
from holdfast.base.security_status import BOGUS, INDETERMINATE, SECURE, UNCHECKED
from holdfast.cache.failure_cache import REFRESH_ERROR, FailureEntry
from holdfast.cache.negative_cache import NegativeEntry
from holdfast.cache.rrset_cache import CachedRRset
from holdfast.dns.iana import (
    EDE_CACHED_ERROR,
    TYPE_ANY,
    TYPE_CNAME,
    TYPE_DNAME,
    TYPE_DS,
    TYPE_NSEC,
    TYPE_RRSIG,
    type_name,
)
from holdfast.dns.name import ROOT, parent, to_text
from holdfast.dns.rdata import parse_soa
from holdfast.dns.rrset import RRset
from holdfast.dnssec.trust_view import PLAIN_VIEW
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.resolve.classify import ANSWER, CNAME, DNAME
from holdfast.resolve.delegation import is_separate
from holdfast.resolve.pending import FAILED, PendingLookup
from holdfast.resolve.state import ResolverState
from holdfast.resolve.synthesis import synthesised
from holdfast.resolve.task import RequestBudget

BESIDE_ALIAS: Final = [TYPE_CNAME, TYPE_DS, TYPE_NSEC, TYPE_RRSIG, TYPE_ANY]  # asked of a CNAME's owner itself


class CachedLookup(PendingLookup):
    """The part of a look-up that asks nobody.

    ``for_client`` False: the chain of trust asks, so a denial is good without the SOA that clients need. ``judging``:
    what was found was stored unchecked and needs a verdict.
    """

    def __init__(
        self,
        state: ResolverState,
        key: bytes,
        name: bytes,
        rtype: int,
        validate: bool,
        budget: RequestBudget,
        depth: int,
        for_client: bool,
    ) -> None:
        super().__init__(key, budget, depth)
        self.state: Final = state
        self.name: Final = name
        self.rtype: Final = rtype
        self.validate: Final = validate and state.settings.validate
        self.for_client: Final = for_client
        self.health: Final = state.health_for(budget)
        self.view: Final = budget.view if self.validate else PLAIN_VIEW
        self.key_name: Final = self.view.key(name)  # of failures
        self.judging = False
        self.kind: int = FAILED
        self.rrset: RRset | None = None
        self.soa: RRset | None = None
        self.denial: list[RRset] = []
        self.others: list[RRset] = []
        self.cached_since_us = 0  # judging what was stored unchecked: it keeps its age
        self.cached_until_us = 0
        self.work: Final = budget.work

    def take_cached(self, now: Instant) -> bool:
        """Answer from the caches; True: done, or judging what was stored unchecked."""
        now_us = now.monotonic_us
        cached = self.state.rrsets.get(self.name, self.rtype, now_us)
        kind = ANSWER
        if cached is None and self.rtype not in BESIDE_ALIAS:
            cached = self.state.rrsets.get(self.name, TYPE_CNAME, now_us)
            kind = CNAME
        negative: NegativeEntry | None = None
        if cached is not None:
            if cached.status == UNCHECKED and self.validate:
                negative = self.state.negatives.get(self.name, self.rtype, now_us)
            if negative is None or negative.status == UNCHECKED:
                if cached.status == UNCHECKED and self.fails_since(cached.stored_us, now):
                    return True
                return self.take_cached_rrset(cached, kind, now)
        else:
            negative = self.state.negatives.get(self.name, self.rtype, now_us)
        if negative is None:
            negative = self.state.negatives.get_nxdomain_cut(self.name, now_us)
            if negative is not None and is_separate(self.state, self.name, negative.name):
                negative = None
        if negative is not None:
            if negative.status == UNCHECKED and self.fails_since(negative.stored_us, now):
                return True
            if self.take_cached_negative(negative, now):
                return True
        failure = self.state.failures.get(self.key_name, self.rtype, now_us)
        if failure is not None and (self.validate or failure.status != BOGUS) and self.still_fails(failure, now):
            self.take_cached_failure(failure, now)
            return True
        if self.take_cached_dname(now):
            return True
        return self.validate and self.state.settings.aggressive_denial and self.take_synthesised(now)

    def take_cached_rrset(self, cached: CachedRRset, kind: int, now: Instant) -> bool:
        """Use a stored RRset, after judging it if nobody did yet."""
        self.kind = kind
        self.rrset = cached.rrset
        self.denial = cached.wildcard_proof
        if cached.status == UNCHECKED and self.validate:
            self.judging = True
            self.cached_since_us = cached.stored_us
            self.cached_until_us = cached.expires_us
            return True
        result = self.result
        result.kind = kind
        result.rrset = cached.rrset
        result.proof = cached.wildcard_proof
        result.status = INDETERMINATE if cached.status == UNCHECKED else cached.status
        result.stored_us = cached.stored_us
        result.expires_us = cached.expires_us
        if cached.cause is not None:
            result.causes = [cached.cause]
        result.stale_cut = cached.stale_cut
        result.proved_until_s = cached.proved_until_s
        now_us = now.monotonic_us
        if result.refresh_us() <= now_us:  # below a negative trust anchor newer data may wait to be judged
            result.refresh = not self.state.rrsets.has_attempt(self.name, self.rtype, now_us)
        self.state.finish(self)
        return True

    def take_cached_negative(self, entry: NegativeEntry, now: Instant) -> bool:
        """Use a stored negative answer."""
        if self.for_client and self.rtype == TYPE_DS and entry.soa is None:
            return False  # from a referral: good for the chain of trust only
        self.kind = entry.kind
        self.soa = entry.soa
        self.denial = entry.proof
        if entry.status == UNCHECKED and (self.validate or entry.soa is None):
            if not self.validate:
                return False  # denial from a referral: good for validation, but no complete answer for a client
            self.judging = True
            self.cached_since_us = entry.stored_us
            self.cached_until_us = entry.expires_us
            return True
        result = self.result
        result.kind = entry.kind
        result.soa = entry.soa
        result.proof = entry.proof
        result.status = INDETERMINATE if entry.status == UNCHECKED else entry.status
        result.stored_us = entry.stored_us
        result.expires_us = entry.expires_us
        result.refresh = result.refresh_us() <= now.monotonic_us
        result.insecure_delegation = entry.insecure_delegation
        result.stale_cut = entry.stale_cut
        result.proved_until_s = entry.proved_until_s
        if entry.cause is not None:
            result.causes = [entry.cause]
        self.state.finish(self)
        return True

    def fails_since(self, stored_us: int, now: Instant) -> bool:
        """Fail again if that happened when this unchecked data was known already; False: it has to be judged.

        It stays because others are given it, by a negative trust anchor, and would be found bad with every question.
        """
        failure = self.state.failures.get(self.key_name, self.rtype, now.monotonic_us) if self.validate else None
        if failure is None or failure.attempted_us < stored_us or not self.still_fails(failure, now):
            return False
        self.take_cached_failure(failure, now)
        return True

    def still_fails(self, failure: FailureEntry, now: Instant) -> bool:
        """Tell whether a cached failure may answer: a long one only while somebody looks for the zone's recovery."""
        if self.state.broken.want(self.name) or failure.held or failure.failure == REFRESH_ERROR:
            return True
        interval_us = self.state.settings.recovery_probe_interval_s * 1_000_000
        return interval_us == 0 or now.monotonic_us < failure.attempted_us + interval_us

    def take_cached_failure(self, failure: FailureEntry, now: Instant) -> None:
        """Fail as before, for the reason of then (RFC 9520 section 2.2)."""
        ago_s = (now.monotonic_us - failure.since_us) // 1_000_000
        text = f"{to_text(self.name)} {type_name(self.rtype)} fails since {ago_s} s, tried {failure.failures} times"
        result = self.result
        result.causes = [*failure.causes, Cause(EDE_CACHED_ERROR, text, "lookup.cached-failure")]
        result.status = failure.status
        result.failure = failure.failure
        result.from_failure_cache = True
        self.rest_on(failure.asked_us)
        result.expires_us = failure.expires_us
        self.state.finish(self)

    def take_cached_dname(self, now: Instant) -> bool:
        """Use a secure DNAME above the name (RFC 6672 section 3.4).

        An unsigned one is asked for again with each name: one forged response must not capture a whole subtree.
        """
        ancestor = self.name
        while ancestor != ROOT:
            ancestor = parent(ancestor)
            cached = self.state.rrsets.get(ancestor, TYPE_DNAME, now.monotonic_us)
            if cached is not None and cached.status == SECURE and not is_separate(self.state, self.name, ancestor):
                return self.take_cached_rrset(cached, DNAME, now)
        return False

    def take_synthesised(self, now: Instant) -> bool:
        """Answer from what validated data says about other names (RFC 8198).

        Long names are not worth it: the hashes are needed for the proof that the servers will send.
        """
        hashes = min(self.work.nsec3_hashes, SYNTHESIS_HASHES)
        share = WorkBudget(0, hashes)
        made = synthesised(self.state, self.name, self.rtype, self.for_client, share, now)
        self.work.nsec3_hashes -= hashes - share.nsec3_hashes
        if made is None:
            return False
        self.result = made
        self.state.finish(self)
        return True

    def beside(self) -> list[RRset]:
        """Return the further RRsets of an answer to ANY: they stand or fall together (RFC 4035 section 3.2.3)."""
        if self.rtype != TYPE_ANY:
            return []
        return [rrset for rrset in self.others if rrset.name == self.name]

    def soa_limit_s(self) -> int:
        """Return what the SOA record allows denials, the lesser of its TTL and its MINIMUM field; no SOA, no limit."""
        soa = self.soa
        if soa is None or not soa.rdatas:
            return TTL_HIGHEST_BIT
        fields = parse_soa(soa.rdatas[0])
        return soa.ttl if fields is None else min(soa.ttl, fields.minimum)
