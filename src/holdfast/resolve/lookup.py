"""Looking up one name and type: from the caches or the servers, and validated (RFC 4035 section 5).

CNAME and DNAME are not followed here: each link of a chain is a look-up, and an answer, of its own.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.limits import BOGUS_RETRIES
from holdfast.base.security_status import BOGUS, INDETERMINATE, INSECURE, SECURE, UNCHECKED
from holdfast.cache.failure_cache import REFRESH_BOGUS, REFRESH_ERROR, REFRESH_UNREACHABLE
from holdfast.cache.key_cache import ZoneTrust
from holdfast.cache.negative_cache import NODATA, NXDOMAIN
from holdfast.dns.iana import (
    EDE_DNSKEY_MISSING,
    EDE_DNSSEC_BOGUS,
    EDE_NO_REACHABLE_AUTHORITY,
    TYPE_NSEC,
    TYPE_NSEC3,
    TYPE_RRSIG,
    type_name,
)
from holdfast.dns.name import is_subdomain, label_count, suffix, to_text
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
from holdfast.resolve.classify import ANSWER
from holdfast.resolve.iterate import FetchTask
from holdfast.resolve.kept_lookup import POSITIVE, KeptLookup
from holdfast.resolve.pending import PendingTrust, TaskSource
from holdfast.resolve.recall import recall
from holdfast.resolve.recovery import note_failure
from holdfast.resolve.state import ResolverState
from holdfast.resolve.synthesis import learn_wildcard
from holdfast.resolve.task import RequestBudget
from holdfast.resolve.vouching_zone import vouching_zone


class LookupTask(KeptLookup):
    """One look-up.

    ``validate`` False takes data as it comes (CD=1, and addresses of name servers). ``refresh``: past the caches.
    """

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
        refresh: bool,
        for_client: bool,
    ) -> None:
        super().__init__(state, source, key, name, rtype, validate, budget, depth, for_client)
        self.refresh: Final = refresh
        self.started = False
        self.pending_trust: PendingTrust | None = None
        self.excluded: list[bytes] = []
        self.first_causes: list[Cause] = []
        self.bad_rrset: RRset | None = None  # what made the latest verdict a bad one

    def step(self, now: Instant) -> None:
        """Go on with whatever this look-up waited for."""
        if not self.started:
            self.started = True
            if not self.refresh and (
                self.take_cached(now)
                or (self.validate and recall(self.state, self.name, self.rtype, now) and self.take_cached(now))
            ):
                if self.judging:
                    self.judge(now)
                return
            self.start_fetch(now)
            return
        if self.fetch is not None:
            if not self.fetch.done:
                return
            self.take_fetch(self.fetch, now)
            return
        if self.judging:
            self.judge(now)

    # -- servers --------------------------------------------------------------------------------------------------

    def start_fetch(self, now: Instant) -> None:
        """Ask the servers."""
        task = self.make_fetch(now)
        if self.validate:
            task.keys_wanted = True
        if task.done:
            self.take_fetch(task, now)
        elif self.wait_for(task):
            self.fetch = task
        else:
            text = f"looking up {to_text(self.name)} {type_name(self.rtype)} depends on itself"
            self.fail([Cause(EDE_NO_REACHABLE_AUTHORITY, text, "lookup.circle")], REFRESH_ERROR, now)

    def make_fetch(self, now: Instant) -> FetchTask:
        """Ask the authoritative servers."""
        return self.source.fetch(self.name, self.rtype, self.budget, self.depth, self.excluded, now)

    def take_fetch(self, task: FetchTask, now: Instant) -> None:
        """Take what the servers said."""
        self.fetch = None
        found = task.found
        if found is None:
            if self.may_do_better(task):
                self.start_fetch(now)
                return
            self.rest_on(task.asked_us)
            if self.first_causes:
                self.fail_bogus(now)  # the retry found no better server
                return
            if task.failure == REFRESH_UNREACHABLE and task.unanswered:
                self.blame(task.zone, task.failure, task.causes, [], now)
            self.fail(task.causes, task.failure, now)
            return
        if not task.apart:
            self.health.note_answered(task.zone)
        self.kind = found.kind
        self.rrset = found.rrset
        self.soa = found.soa
        self.denial = found.denial
        self.others = found.others
        self.server = task.server
        self.stale_cut = task.stale_cut
        self.zone = task.zone
        self.message = task.message
        self.cached_until_us = 0
        if self.validate:
            self.judging = True
            self.judge(now)
        else:
            self.accept(UNCHECKED, -1, None, now)

    # -- validation -----------------------------------------------------------------------------------------------

    def judge(self, now: Instant) -> None:
        """Establish the security status of what was found."""
        if self.rtype == TYPE_RRSIG and self.kind == ANSWER:
            self.accept(INDETERMINATE, -1, None, now)  # nothing signs signatures (RFC 4035 section 2.2)
            return
        trust = self.trust(now)
        if trust is None:
            return
        self.judged_zone = trust.zone
        self.negative_anchor = trust.negative_anchor
        self.agreed = trust.agreed
        self.proved_until_s = trust.proved_until_s
        if trust.stale_cut is not None:
            self.stale_cut = trust.stale_cut
        if trust.status == BOGUS:
            causes = [trust.cause] if trust.cause is not None else []
            self.rest_on(trust.asked_us)
            self.state.broken.want(trust.zone)
            if self.server:
                self.health.note_failure(trust.blamed, self.name, trust.failure, causes, [])
            if self.server and trust.zone != self.zone and is_subdomain(trust.zone, self.zone):
                # Unsigned, and this server has no proof that it may be: another one may have better data.
                self.not_secure(BOGUS, trust.cause, now)
            else:
                self.fail(causes, REFRESH_BOGUS, now)
        elif trust.negative_anchor is not None and trust.status != SECURE:
            excused = trust.cause if trust.negative_anchor.scope.below_strict else None
            self.remark = trust.remark
            self.result.brief = trust.brief
            self.let_through(trust.negative_anchor, excused, now)
        elif trust.status != SECURE:
            self.accept(trust.status, -1, trust.cause, now)
        elif self.kind in POSITIVE:
            self.judge_positive(trust, now)
        else:
            self.judge_negative(trust, now)

    def trust(self, now: Instant) -> ZoneTrust | None:
        """Return the trust in the zone that has to vouch for the data; None: waiting for it, or failed."""
        target = self.signer(now)
        if self.pending_trust is None:
            known = self.state.trust.get(self.view.key(target), now.monotonic_us)
            if known is not None:
                return known
            task = self.source.trust_in(target, self.budget, self.depth, now)
            if not task.done:
                if not self.wait_for(task):
                    text = f"the chain of trust of {to_text(target)} depends on itself"
                    self.fail([Cause(EDE_DNSKEY_MISSING, text, "lookup.trust-circle")], REFRESH_BOGUS, now)
                    return None
                self.pending_trust = task
                return None
            return task.trust
        if not self.pending_trust.done:
            return None
        found = self.pending_trust
        if found.policy_epoch != self.state.policy_epoch:
            self.pending_trust = None  # begun before a trust decision: once more, with what holds now
            return self.trust(now)
        if found.trust is not None and found.trust.status == BOGUS and self.may_do_better(found):
            self.pending_trust = None
            return self.trust(now)
        return found.trust

    def signer(self, now: Instant) -> bytes:
        """Return the zone that has to vouch for the data."""
        owner = self.name
        sets: list[RRset] = []
        if self.kind in POSITIVE:
            if self.rrset is not None:
                sets.append(self.rrset)
                owner = self.rrset.name
        else:
            sets.extend(self.denial)
            if self.soa is not None:
                sets.append(self.soa)
        denied_by = self.zone if self.server and self.kind == NXDOMAIN else b""
        return vouching_zone(self.state, self.view, owner, self.rtype, sets, denied_by, now)

    def verify(self, rrset: RRset, trust: ZoneTrust, now: Instant) -> Verdict:
        """Verify one RRset with the keys of its zone."""
        verdict = verify_rrset(
            rrset,
            trust.zone,
            trust.keys,
            self.state.verifier,
            self.work,
            self.state.validation_time_s(now),
            self.state.policy,
        )
        if verdict.status == SECURE:
            self.proved_until_s = min(self.proved_until_s, verdict.valid_until_s)
        elif verdict.status == BOGUS and self.bad_rrset is None and rrset.signatures:
            self.bad_rrset = rrset
        return verdict

    def judge_positive(self, trust: ZoneTrust, now: Instant) -> None:
        """Judge an answer, CNAME or DNAME."""
        rrset = self.rrset
        if rrset is None:
            return
        verdict = self.verify(rrset, trust, now)
        if verdict.status != SECURE:
            self.not_secure(verdict.status, verdict.cause, now)
            return
        for other in self.beside():
            more = self.verify(other, trust, now)
            if more.status != SECURE:
                self.not_secure(more.status, more.cause, now)
                return
        if not verdict.expanded_from_wildcard:
            if self.denial and self.kind != ANSWER:
                self.learn_denial(trust, now)
            self.denial = []
            self.health.note_validated(trust.zone)
            self.accept(SECURE, verdict.ttl, None, now)
            return
        nsec, nsec3, cause = self.verified_denial(trust, now)
        proof = prove_wildcard_expansion(
            rrset.name,
            trust.zone,
            verdict.wildcard_labels,
            nsec,
            nsec3,
            self.work,
            self.state.settings.nsec3_iterations_limit,
        )
        self.denial = nsec + nsec3
        if proof.result == PROVEN and self.state.settings.aggressive_denial and self.agreed is None:
            expires_us = self.end_us(now.monotonic_us + verdict.ttl * 1_000_000)
            labels = verdict.wildcard_labels
            learn_wildcard(self.state, rrset, labels, trust.zone, expires_us, self.proved_until_s, now)
        self.take_proof(proof, cause, verdict.ttl, now)

    def learn_denial(self, trust: ZoneTrust, now: Instant) -> None:
        """Keep what a response with an alias says about the alias's target: it is about to be looked up."""
        if self.agreed is not None:
            return
        self.verified_denial(trust, now)
        soa = self.soa
        if soa is not None and soa.name == trust.zone:
            verdict = self.verify(soa, trust, now)
            if verdict.status == SECURE:
                self.state.denials.set_soa(soa, now.monotonic_us + self.negative_ttl_s(verdict.ttl) * 1_000_000)

    def judge_negative(self, trust: ZoneTrust, now: Instant) -> None:
        """Judge a denial of existence."""
        nsec, nsec3, cause = self.verified_denial(trust, now)
        ttl_s = -1
        if self.soa is not None:
            verdict = self.verify(self.soa, trust, now)
            if verdict.status == SECURE:
                ttl_s = verdict.ttl
            elif cause is None or verdict.status == INSECURE:
                self.not_secure(verdict.status, verdict.cause, now)
                return
        limit = self.state.settings.nsec3_iterations_limit
        if not nsec and not nsec3 and cause is None and not self.denial and self.soa is None:
            text = f"empty answer: neither SOA nor NSEC/NSEC3 for {to_text(self.name)} {type_name(self.rtype)}"
            cause = Cause(EDE_DNSSEC_BOGUS, text, "lookup.empty-denial")
        proof: Proof | None = None
        if self.kind == NXDOMAIN:
            proof = prove_nxdomain(self.name, trust.zone, nsec, nsec3, self.work, limit)
            if proof.result == NOT_PROVEN:
                # Some servers deny empty non-terminals; the proof knows better than the RCODE (RFC 8020 section 3.1).
                nodata = prove_nodata(self.name, self.rtype, trust.zone, nsec, nsec3, self.work, limit)
                if nodata.result == PROVEN:
                    self.kind = NODATA
                    proof = nodata
        else:
            proof = prove_nodata(self.name, self.rtype, trust.zone, nsec, nsec3, self.work, limit)
        self.take_proof(proof, cause, ttl_s, now)

    def verified_denial(self, trust: ZoneTrust, now: Instant) -> tuple[list[RRset], list[RRset], Cause | None]:
        """Return the NSEC and the NSEC3 RRsets whose signatures hold, and why the first bad one does not."""
        nsec: list[RRset] = []
        nsec3: list[RRset] = []
        first: Cause | None = None
        for rrset in self.denial:
            if not is_subdomain(rrset.name, trust.zone):
                continue
            verdict = self.verify(rrset, trust, now)
            if verdict.status == SECURE and not verdict.expanded_from_wildcard:
                if rrset.rtype == TYPE_NSEC:
                    nsec.append(rrset)
                elif rrset.rtype == TYPE_NSEC3:
                    nsec3.append(rrset)
                if self.agreed is not None:
                    continue  # no proof for others
                ttl_s = min(verdict.ttl, self.soa_limit_s())  # RFC 9077 section 3: whatever TTL the record itself has
                expires_us = self.end_us(now.monotonic_us + ttl_s * 1_000_000)
                proved_until_s = min(trust.proved_until_s, verdict.valid_until_s)
                self.state.denials.add(trust.zone, rrset, expires_us, proved_until_s)
            elif first is None:
                first = verdict.cause
                if verdict.status == SECURE:
                    text = f"{type_name(rrset.rtype)} at {to_text(rrset.name)} was expanded from a wildcard and proves"
                    text += f" nothing (keytag={verdict.key_tag})"
                    first = Cause(EDE_DNSSEC_BOGUS, text, "lookup.expanded-denial")
        return nsec, nsec3, first

    def take_proof(self, proof: Proof, signature_cause: Cause | None, ttl_s: int, now: Instant) -> None:
        """Accept or refuse by the result of a denial proof; a bad signature explains a missing proof."""
        self.result.insecure_delegation = proof.delegation
        if proof.result == PROVEN and self.kind == NXDOMAIN and proof.closest_encloser:
            self.missing = suffix(self.name, label_count(proof.closest_encloser) + 1)
        if proof.result == PROVEN or proof.result == INSECURE_PROOF:
            self.health.note_validated(self.judged_zone)
        if proof.result == PROVEN:
            self.accept(SECURE, ttl_s, None, now)
        elif proof.result == INSECURE_PROOF:
            self.accept(INSECURE, ttl_s, proof.cause, now)
        else:
            self.not_secure(BOGUS, signature_cause if signature_cause is not None else proof.cause, now)

    def not_secure(self, status: int, cause: Cause | None, now: Instant) -> None:
        """Bogus: another server of the zone may have better data (RFC 4035 section 5.5), then the verdict stands."""
        if status != BOGUS:
            self.accept(status, -1, cause, now)
            return
        if self.negative_anchor is not None:
            self.not_secure_but_excused(self.negative_anchor, cause, now)
            return
        if not self.first_causes and cause is not None:
            self.first_causes = [cause]
        if not self.server and not self.state.negative_anchors.may_let_through(self.name):
            # The stored data was never checked before: get it again before judging its zone.
            self.state.rrsets.discard_attempt(self.name, self.rtype)
            self.state.negatives.discard_attempt(self.name, self.rtype)
        if self.server and not self.budget.spent():
            self.state.bad_signatures.note_bad_signer(self.judged_zone, self.server, now.monotonic_us)
        bad_everywhere = (
            self.bad_rrset is not None
            and not self.budget.spent()
            and self.state.bad_signatures.note(self.bad_rrset, self.server, now.monotonic_us)
        )
        self.bad_rrset = None
        if len(self.excluded) < BOGUS_RETRIES and not bad_everywhere and not self.budget.spent():
            if self.server:
                self.excluded = [*self.excluded, self.server]
            self.server = b""
            self.judging = False
            self.pending_trust = None
            self.state.count("bogus_retries")
            self.start_fetch(now)
            return
        self.fail_bogus(now)

    def not_secure_but_excused(self, anchor: NegativeTrustAnchor, cause: Cause | None, now: Instant) -> None:
        """Bogus in a zone whose failures an anchor excuses; no other server is asked, for this goes on for hours."""
        causes = [cause] if cause is not None else []
        if self.server:
            self.health.note_failure(self.judged_zone, self.name, REFRESH_BOGUS, causes, [self.server])
        if self.for_client:
            self.let_through(anchor, cause, now)
        else:
            self.result.rrset = self.rrset
            self.fail(causes, REFRESH_BOGUS, now)  # the chain of trust knows a way on

    def fail_bogus(self, now: Instant) -> None:
        """The verdict: the zone that should have vouched for the data is broken."""
        servers = [*self.excluded, self.server] if self.server else self.excluded
        self.blame(self.judged_zone, REFRESH_BOGUS, self.first_causes, servers, now)
        self.fail(self.first_causes, REFRESH_BOGUS, now)

    def blame(self, zone: bytes, failure: int, causes: list[Cause], servers: list[bytes], now: Instant) -> None:
        """Remember a zone as broken, for this question to ``servers``."""
        note_failure(self.state, self.source, zone, self.name, self.rtype, failure, causes, servers, self.budget, now)
