"""Validation in the shadow of a negative trust anchor: what the verdict would be without it.

What an anchor lets through is judged with the trust that those have who do not see the anchor, if that is known; nobody
waits for it, and the verdict is stored nowhere. If it is not known, a search for it begins beside the answer, within
limits, and the answer is kept for a moment only, so that the next one says more. The verdict is counted, and its cause
goes with the answer beside EDE 33.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.security_status import BOGUS, INSECURE, SECURE, UNCHECKED
from holdfast.cache.key_cache import ZoneTrust
from holdfast.cache.negative_cache import NXDOMAIN
from holdfast.dns.iana import TYPE_NSEC, TYPE_NSEC3
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import (
    INSECURE_PROOF,
    NOT_PROVEN,
    PROVEN,
    Proof,
    prove_nodata,
    prove_nxdomain,
    prove_wildcard_expansion,
)
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.dnssec.rrsig import Verdict, verify_rrset
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.resolve.cached_lookup import CachedLookup
from holdfast.resolve.classify import ANSWER, CNAME, DNAME
from holdfast.resolve.pending import TaskSource
from holdfast.resolve.recovery import REFRESHES, RefreshTimer
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget
from holdfast.resolve.vouching_zone import claimed_signer

CHECKS: Final = 8  # signature checks for one answer: a denial with SOA and three NSEC3 records needs four
HASHES: Final = 24  # NSEC3 hashes for one answer


def judge_in_shadow(
    lookup: CachedLookup, anchor: NegativeTrustAnchor, source: TaskSource, cause: Cause | None, now: Instant
) -> Cause | None:
    """Note what the status of a look-up that is let through would be; returns the cause to show beside EDE 33.

    ``cause``: it was judged already, and is bogus for this reason; where zones below stay validated it always is, so
    nothing more is looked for.
    """
    result = lookup.result
    if cause is not None:
        result.shadow = BOGUS
        return cause
    result.shadow = UNCHECKED
    if not lookup.for_client or anchor.scope.below_strict:
        return None
    trust = known_trust(lookup, source, now)
    if trust is None:
        return None
    if trust.status != SECURE:
        result.shadow = trust.status
        return trust.cause if trust.status == BOGUS else None
    book = lookup.state.shadows
    work = WorkBudget(min(CHECKS, book.checks_left), HASHES)
    given = work.signature_checks
    judged = _Shadow(lookup, trust, work, now)
    cause = judged.judge()
    book.checks_left -= given - work.signature_checks
    result.shadow = UNCHECKED if work.refused else judged.status
    return cause if result.shadow == BOGUS else None


def known_trust(lookup: CachedLookup, source: TaskSource, now: Instant) -> ZoneTrust | None:
    """Return the trust that those have who see no anchor; None: it is not known, and looked for if that may be."""
    state = lookup.state
    owner, sets = claims(lookup)
    target = claimed_signer(owner, lookup.rtype, sets)
    known = state.trust.get(target, now.monotonic_us)
    if known is not None:
        state.shadows.renew(now.monotonic_us)
        return known
    book = state.shadows
    book.renew(now.monotonic_us)
    if not book.take_search():
        return None
    budget = RequestBudget()
    budget.is_shadow = True
    search = source.trust_in(target, budget, 0, now)
    if search.done:
        return search.trust
    book.searches.append(search)
    lookup.result.brief = True
    return None


def claims(lookup: CachedLookup) -> tuple[bytes, list[RRset]]:
    """Return the owner of what was found, and the RRsets whose signatures say who vouches for it."""
    if lookup.rrset is not None and lookup.kind in (ANSWER, CNAME, DNAME):
        return lookup.rrset.name, [lookup.rrset]
    return lookup.name, [*lookup.denial, lookup.soa] if lookup.soa is not None else lookup.denial


class _Shadow:
    """The verdict on one look-up with the keys of its zone."""

    def __init__(self, lookup: CachedLookup, trust: ZoneTrust, work: WorkBudget, now: Instant) -> None:
        self.lookup: Final = lookup
        self.state: Final = lookup.state
        self.trust: Final = trust
        self.work: Final = work
        self.now: Final = now
        self.status: int = BOGUS
        self.nsec: Final[list[RRset]] = []
        self.nsec3: Final[list[RRset]] = []

    def judge(self) -> Cause | None:
        """Set the status; returns why it is bogus, if it is."""
        lookup = self.lookup
        rrset = lookup.rrset
        if rrset is None or lookup.kind not in (ANSWER, CNAME, DNAME):
            return self.denial()
        verdict = self.verify(rrset)
        if verdict.status != SECURE:
            self.status = verdict.status
            return verdict.cause
        if not verdict.expanded_from_wildcard:
            self.status = SECURE
            return None
        cause = self.proofs()
        limit = self.state.settings.nsec3_iterations_limit
        labels = verdict.wildcard_labels
        proof = prove_wildcard_expansion(rrset.name, self.trust.zone, labels, self.nsec, self.nsec3, self.work, limit)
        return self.take(proof, cause)

    def denial(self) -> Cause | None:
        """Judge a denial of existence."""
        lookup, zone = self.lookup, self.trust.zone
        cause = self.proofs()
        if lookup.soa is not None:
            verdict = self.verify(lookup.soa)
            if verdict.status != SECURE and cause is None:
                cause = verdict.cause
                self.status = verdict.status
                return cause
        limit = self.state.settings.nsec3_iterations_limit
        if lookup.kind == NXDOMAIN:
            proof = prove_nxdomain(lookup.name, zone, self.nsec, self.nsec3, self.work, limit)
            if proof.result != NOT_PROVEN:
                return self.take(proof, cause)
        return self.take(prove_nodata(lookup.name, lookup.rtype, zone, self.nsec, self.nsec3, self.work, limit), cause)

    def proofs(self) -> Cause | None:
        """Sort the denial records whose signatures hold; returns why the first bad one does not."""
        first: Cause | None = None
        for rrset in self.lookup.denial:
            verdict = self.verify(rrset)
            if verdict.status != SECURE or verdict.expanded_from_wildcard:
                if first is None:
                    first = verdict.cause
            elif rrset.rtype == TYPE_NSEC:
                self.nsec.append(rrset)
            elif rrset.rtype == TYPE_NSEC3:
                self.nsec3.append(rrset)
        return first

    def take(self, proof: Proof, cause: Cause | None) -> Cause | None:
        """Take the result of a proof; a bad signature explains a missing one."""
        if proof.result == PROVEN or proof.result == INSECURE_PROOF:
            self.status = SECURE if proof.result == PROVEN else INSECURE
            return None
        self.status = BOGUS
        return cause if cause is not None else proof.cause

    def verify(self, rrset: RRset) -> Verdict:
        """Verify one RRset."""
        return verify_rrset(
            rrset,
            self.trust.zone,
            self.trust.keys,
            self.state.verifier,
            self.work,
            self.state.validation_time_s(self.now),
            self.state.policy,
        )


def revalidate(state: ResolverState, source: TaskSource, now: Instant) -> None:
    """Validate again what was let through below zones whose anchors have ended, the most wanted first, at a pace."""
    zones = state.shadows.ended
    state.shadows.ended = []
    wanted: list[tuple[int, bytes, int]] = []
    for zone in zones:
        wanted += [(-one.uses, one.name, one.rtype) for one in state.shadows.questions.take_below(zone)]
    if wanted:
        wanted.sort()
        RefreshTimer(state, source, wanted[:REFRESHES], 0, False, now.monotonic_us).fire(now)
