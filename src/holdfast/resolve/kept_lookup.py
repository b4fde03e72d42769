"""The end of a look-up: what was found is kept under its security status, and what failed under its cause."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S, Instant
from holdfast.base.limits import FAILURE_TTL_FIRST_S
from holdfast.base.security_status import BOGUS, INDETERMINATE, INSECURE, SECURE, UNCHECKED, weaker
from holdfast.cache.ds_agreements import DsAgreement
from holdfast.cache.failure_cache import REFRESH_BOGUS
from holdfast.cache.negative_cache import NXDOMAIN, NegativeEntry
from holdfast.cache.rrset_cache import RANK_ANSWER, CachedRRset
from holdfast.cache.stale_cut import StaleCut
from holdfast.dns.iana import TYPE_DS
from holdfast.dns.message import Message
from holdfast.dns.name import ROOT
from holdfast.dns.rrset import RRset
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.resolve.cached_lookup import CachedLookup
from holdfast.resolve.classify import ANSWER, CNAME, DNAME
from holdfast.resolve.last_known_good import settle
from holdfast.resolve.name_servers import learn_name_servers
from holdfast.resolve.pending import FAILED, TaskSource
from holdfast.resolve.recall import remember_denial, remember_rrset
from holdfast.resolve.shadow import judge_in_shadow
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget

POSITIVE: Final = [ANSWER, CNAME, DNAME]


class KeptLookup(CachedLookup):
    """The part of a look-up that ends it. It keeps with the data where they came from and who vouches for them."""

    def __init__(
        self,
        state: ResolverState,
        source: TaskSource,
        key: bytes,
        name: bytes,
        rtype: int,
        validate: bool,
        budget: RequestBudget,
        depth: int,
        for_client: bool,
    ) -> None:
        super().__init__(state, key, name, rtype, validate, budget, depth, for_client)
        self.source: Final = source
        self.server = b""
        self.zone = ROOT
        self.message: Message | None = None
        self.proved_until_s: int = FOREVER_S
        self.stale_cut: StaleCut | None = None
        self.judged_zone = ROOT
        self.missing = b""  # the topmost name that a proven NXDOMAIN says does not exist
        self.negative_anchor: NegativeTrustAnchor | None = None  # excuses the zone that has to vouch for the data
        self.kept_unchecked = False  # a temporary one is why it is accepted
        self.agreed: DsAgreement | None = None  # a temporary one is why the data are judged by it
        self.remark: Cause | None = None  # beside why they are excused

    def let_through(self, anchor: NegativeTrustAnchor, cause: Cause | None, now: Instant) -> None:
        """Accept what nobody vouches for; ``cause`` says what is wrong. The anchor's goes with the whole answer."""
        self.kept_unchecked = anchor.is_temporary()
        self.result.let_through = True
        if self.kept_unchecked:
            cause = judge_in_shadow(self, anchor, self.source, cause, now)
        self.accept(INSECURE, -1, cause, now)

    def accept(self, status: int, ttl_s: int, cause: Cause | None, now: Instant) -> None:
        """Store and finish. ``ttl_s``: the TTL that signatures allow, -1: no limit from there.

        What a temporary negative trust anchor lets through is stored unchecked, so that it is judged when that ends; so
        is what is good by a DS RRset that nobody vouches for.
        """
        now_us = now.monotonic_us
        result = self.result
        result.kind = self.kind
        result.rrset = self.rrset
        result.soa = self.soa
        result.proof = self.denial
        result.beside = self.beside()
        result.status = INDETERMINATE if status == UNCHECKED else status
        if self.agreed is not None:
            self.mark_agreed(self.agreed)
        if self.kept_unchecked:
            status = UNCHECKED
        result.stored_us = self.cached_since_us if self.cached_until_us else now_us
        result.stale_cut = self.stale_cut
        result.proved_until_s = self.proved_until_s
        if self.server and status == SECURE:
            self.state.bad_signatures.note_good_signer(self.judged_zone, self.server)
        if cause is not None:
            result.causes.append(cause)
        if self.remark is not None:
            result.causes.append(self.remark)
        if self.kind in POSITIVE and self.rrset is not None:
            ttl_s = self.positive_ttl_s(self.rrset, ttl_s)
        else:
            result.rrset = None
            ttl_s = self.negative_ttl_s(ttl_s)
        result.expires_us = self.end_us(now_us + ttl_s * 1_000_000)
        self.keep(status, cause, now)
        self.state.finish(self)

    def mark_agreed(self, agreed: DsAgreement) -> None:
        """Say what the verdict rests on: for the chain of trust it stands, for clients nothing is authentic by it."""
        result = self.result
        result.agreed = agreed
        result.causes = agreed.causes()
        self.kept_unchecked = True
        if self.for_client:
            result.let_through = True
            result.shadow = BOGUS
            result.status = weaker(result.status, INSECURE)

    def keep(self, status: int, cause: Cause | None, now: Instant) -> None:
        """Store what was found in the caches, under a security status."""
        if self.rtype == TYPE_DS and status != UNCHECKED:
            cut = self.result.insecure_delegation or status == INSECURE
            settle(self.state, self.name, self.rrset if self.kind == ANSWER else None, self.kind == ANSWER or cut, now)
        if self.kind in POSITIVE and self.rrset is not None:
            self.store_rrset(self.rrset, status, cause, now)
        else:
            self.store_denial(status, cause, now)
        self.state.failures.remove(self.key_name, self.rtype)

    def positive_ttl_s(self, rrset: RRset, ttl_s: int) -> int:
        """Return how long an RRset is good for, within the settings; ``ttl_s`` as in ``accept``."""
        settings = self.state.settings
        ttl_s = rrset.ttl if ttl_s < 0 else min(ttl_s, rrset.ttl)
        return min(max(ttl_s, settings.minimum_ttl_s), settings.maximum_ttl_s)

    def store_rrset(self, rrset: RRset, status: int, cause: Cause | None, now: Instant) -> None:
        """Keep an answer, a CNAME or a DNAME."""
        now_us = now.monotonic_us
        result = self.result
        entry = CachedRRset(rrset, status, RANK_ANSWER, result.stored_us, result.expires_us, cause, self.denial)
        entry.proved_until_s = self.proved_until_s
        entry.stale_cut = self.stale_cut
        self.state.rrsets.put(entry, now_us)
        remember_rrset(self.state, entry, now)
        if status == UNCHECKED:
            self.state.negatives.discard_attempt(self.name, self.rtype)
        else:
            self.state.negatives.remove(self.name, self.rtype)
        self.store_others(now)
        if self.message is not None and not self.state.settings.minimal_responses:
            learn_name_servers(self.state, self.message, self.zone, self.name, status, self.budget, now)

    def store_denial(self, status: int, cause: Cause | None, now: Instant) -> None:
        """Keep an NXDOMAIN or NODATA."""
        result = self.result
        negative = NegativeEntry(
            self.name, self.kind, self.soa, self.denial, status, cause, result.stored_us, result.expires_us
        )
        negative.insecure_delegation = result.insecure_delegation
        negative.proved_until_s = self.proved_until_s
        negative.stale_cut = self.stale_cut
        self.state.negatives.put(negative, self.rtype)
        remember_denial(self.state, negative, self.rtype, now)
        if status == SECURE and self.missing and self.missing != self.name:
            self.store_missing_ancestor(negative, now)
        if status == UNCHECKED:
            self.state.rrsets.discard_attempt(self.name, self.rtype)
        else:
            self.state.rrsets.remove(self.name, self.rtype)
        if status == SECURE and self.soa is not None:
            self.state.denials.set_soa(self.soa, result.expires_us)

    def store_missing_ancestor(self, denial: NegativeEntry, now: Instant) -> None:
        """Keep the denial of the topmost missing name too: nothing below it exists (RFC 8020), and no zone."""
        entry = NegativeEntry(
            self.missing, NXDOMAIN, denial.soa, denial.proof, SECURE, None, denial.stored_us, denial.expires_us
        )
        entry.proved_until_s = denial.proved_until_s
        entry.stale_cut = denial.stale_cut
        self.state.negatives.put(entry, self.rtype)
        remember_denial(self.state, entry, self.rtype, now)
        self.state.delegations.remove(self.missing)
        settle(self.state, self.missing, None, False, now)

    def end_us(self, expires_us: int) -> int:
        """Return when data ends: what came from the cache is not prolonged by being judged (RFC 4035 section 5.3.3)."""
        return min(expires_us, self.cached_until_us) if self.cached_until_us else expires_us

    def negative_ttl_s(self, ttl_s: int) -> int:
        """Return how long a denial holds: the lesser of the SOA's TTL and its MINIMUM field (RFC 2308 section 5)."""
        settings = self.state.settings
        longest = min(settings.negative_maximum_ttl_s, self.soa_limit_s())
        if self.soa is None and not self.denial:
            # Nothing bounds it: not worth more than a moment (RFC 2308 section 5).
            return max(min(longest, FAILURE_TTL_FIRST_S), settings.negative_minimum_ttl_s)
        for rrset in self.denial:
            longest = min(longest, rrset.ttl)
        if ttl_s >= 0:
            longest = min(longest, ttl_s)
        return max(longest, settings.negative_minimum_ttl_s)

    def store_others(self, now: Instant) -> None:
        """Keep the rest of a chain that came in the same response, unchecked, for the look-ups that follow."""
        now_us = now.monotonic_us
        for rrset in self.others:
            known = self.state.rrsets.get(rrset.name, rrset.rtype, now_us)
            if known is not None and known.status != UNCHECKED:
                continue
            ttl_s = min(rrset.ttl, self.state.settings.maximum_ttl_s)
            entry = CachedRRset(rrset, UNCHECKED, RANK_ANSWER, now_us, now_us + ttl_s * 1_000_000, None, self.denial)
            self.state.rrsets.put(entry, now_us)

    def fail(self, causes: list[Cause], failure: int, now: Instant) -> None:
        """Finish without an answer, and remember why; ``failure`` is one of REFRESH_*."""
        status = BOGUS if failure == REFRESH_BOGUS else INDETERMINATE
        self.result.kind = FAILED
        self.result.status = status
        self.result.causes = causes if self.agreed is None else [*causes, self.agreed.remark]
        self.result.failure = failure
        self.result.expires_us = now.monotonic_us
        excused = self.negative_anchor is not None and not self.for_client  # clients' questions do not fail by it
        if not self.budget.spent() and not excused:
            self.keep_failure(status, now)
        self.state.count("bogus_lookups" if status == BOGUS else "failed_lookups")
        self.state.finish(self)

    def keep_failure(self, status: int, now: Instant) -> None:
        """Let the same question fail for a while without work (RFC 9520)."""
        result = self.result
        failures = self.state.failures
        asked_us, now_us = self.asked_us, now.monotonic_us
        put = failures.put(self.key_name, self.rtype, status, result.failure, result.causes, asked_us, now_us)
        result.expires_us = put.expires_us
