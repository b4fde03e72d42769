"""What a search for trust finds at a point on its way: keys, insecurity, an excuse by an anchor, or a break."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S, Instant
from holdfast.base.limits import BOGUS_TTL_S, FAILURE_TTL_MAXIMUM_S
from holdfast.base.security_status import BOGUS, INSECURE, SECURE
from holdfast.cache.ds_agreements import DsAgreement
from holdfast.cache.key_cache import ZoneTrust
from holdfast.cache.stale_cut import StaleCut
from holdfast.dns.iana import TYPE_DNSKEY
from holdfast.dns.name import ROOT, is_subdomain
from holdfast.dns.rrset import RRset
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.resolve.pending import PendingDsRound, PendingTrust, TaskSource
from holdfast.resolve.recovery import note_failure
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget
from holdfast.resolve.timers import Timer

UNSETTLED_TRUST_S: Final = 10  # until the name servers of a parent are asked again, of which too few were heard
EXCUSED_TRUST_S: Final = 300  # then the DS records of a child, or the keys of the anchor's zone, are looked at again


class ChainVerdicts(PendingTrust):
    """The part of a search for trust that comes to a verdict about ``point``, or about ``child`` below it."""

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
        super().__init__(key, budget, depth, state.policy_epoch)
        self.state: Final = state
        self.source: Final = source
        self.name: Final = name
        self.probing: Final = probing
        self.health: Final = state.health_for(budget)
        self.view: Final = budget.view
        self.excuse: Final = state.negative_anchors.strict_below(name, budget.view)
        self.current: ZoneTrust | None = None
        self.point: bytes = ROOT
        self.child: bytes = ROOT
        self.ds: RRset | None = None
        self.excluded: list[bytes] = []
        self.first_cause: Cause | None = None  # of a bogus DNSKEY RRset, while other servers are asked for a better one
        self.cut: StaleCut | None = None
        self.agreed: DsAgreement | None = None  # the chain rests on it from some point above
        self.proved_until_s: int = FOREVER_S
        self.patience: Timer | None = None

    def set_current(self, point: bytes, trust: ZoneTrust) -> None:
        """Arrive at a point, and remember it."""
        trust.stale_cut = self.cut
        trust.agreed = self.agreed
        trust.proved_until_s = self.proved_until_s
        if (
            self.excuse is not None
            and is_subdomain(point, self.excuse.zone)
            and is_subdomain(self.excuse.zone, trust.zone)
        ):
            trust.negative_anchor = self.excuse  # data of the zone that has the anchor
        self.point = point
        self.current = trust
        if not self.probing or trust.status == SECURE:
            self.keep(point, trust)

    def keep(self, name: bytes, trust: ZoneTrust) -> None:
        """Remember the trust in a name, unless a trust decision that this search does not know was made meanwhile."""
        if self.policy_epoch == self.state.policy_epoch:
            self.state.trust.put(self.view.key(name), trust)

    def end_patience(self) -> None:
        """What was waited for is here, or no longer wanted."""
        if self.patience is not None:
            self.state.timers.cancel(self.patience)
            self.patience = None

    def is_excused(self, trust: ZoneTrust) -> bool:
        """Tell whether what is insecure is so by an anchor that lets zones further down be validated."""
        anchor = trust.negative_anchor
        return anchor is not None and anchor.scope.below_strict

    def break_at_ds(self, cause: Cause | None, blamed: bytes, failure: int, now: Instant) -> None:
        """Nothing that may be used is known of the child's DS; excused if the zone that should say is."""
        excuse = self.excuse
        current = self.current
        if (
            excuse is not None
            and current is not None
            and is_subdomain(excuse.zone, current.zone)
            and is_subdomain(self.child, excuse.zone)
        ):
            self.excuse_from(self.child, excuse, cause, now)
        else:
            self.break_chain(cause, blamed, failure, now)

    def excuse_from(
        self,
        point: bytes,
        anchor: NegativeTrustAnchor,
        cause: Cause | None,
        now: Instant,
        asked: PendingDsRound | None = None,
    ) -> None:
        """From here on down nobody can vouch for anything, and by the anchor nobody has to."""
        self.excluded = []
        self.first_cause = None
        if self.budget.spent():
            self.end_by_budget(self.bogus(cause, now))
            return
        in_vain = asked is not None and not asked.is_settled
        expires_us = now.monotonic_us + (UNSETTLED_TRUST_S if in_vain else EXCUSED_TRUST_S) * 1_000_000
        trust = ZoneTrust(point, INSECURE, [], None, None, cause, expires_us)
        trust.negative_anchor = anchor
        trust.remark = asked.remark if asked is not None else None
        trust.brief = in_vain
        self.set_current(point, trust)

    def bogus(self, cause: Cause | None, now: Instant) -> ZoneTrust:
        """Return the verdict that the child is bogus."""
        now_us = now.monotonic_us
        asked_us = min(self.asked_us, now_us)
        expires_us = min(now_us + BOGUS_TTL_S * 1_000_000, asked_us + FAILURE_TTL_MAXIMUM_S * 1_000_000)
        broken = ZoneTrust(self.child, BOGUS, [], self.ds, None, cause, expires_us)
        broken.asked_us = asked_us
        return broken

    def end_by_budget(self, broken: ZoneTrust) -> None:
        """The chain ends here for this request only: see RequestBudget."""
        self.point = self.child
        self.current = broken

    def break_at_keys(self, cause: Cause | None, failure: int, now: Instant) -> None:
        """The zone itself is what is broken: look for its recovery."""
        causes = [cause] if cause is not None else []
        zone = self.child
        servers = self.excluded
        if self.agreed is not None and self.agreed.ds is self.ds:
            self.agreed.doubt(now.monotonic_us)
        if self.excuse is not None and self.excuse.zone == zone:
            self.health.note_failure(zone, zone, failure, causes, servers)
        else:
            note_failure(self.state, self.source, zone, zone, TYPE_DNSKEY, failure, causes, servers, self.budget, now)
        self.break_chain(cause, zone, failure, now)

    def break_chain(self, cause: Cause | None, blamed: bytes, failure: int, now: Instant) -> None:
        """The chain ends here: the child and all below it are bogus, for this reason; see ZoneTrust for the rest."""
        excuse = self.excuse
        if excuse is not None and is_subdomain(excuse.zone, self.child):
            self.excuse_from(excuse.zone, excuse, cause, now)
            return
        self.excluded = []
        self.first_cause = None
        broken = self.bogus(cause, now)
        broken.blamed = blamed
        broken.failure = failure
        if self.budget.spent():
            self.end_by_budget(broken)
        else:
            self.set_current(self.child, broken)

    def conclude(self, trust: ZoneTrust, now: Instant) -> None:
        """Done: remember the trust for the name itself."""
        self.end_patience()
        self.trust = trust
        if self.point != self.name and not (trust.status == BOGUS and self.budget.spent()):
            self.keep(self.name, trust)
        self.state.finish(self)
