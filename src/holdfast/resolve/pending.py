"""What look-ups and trust tasks end with, and how tasks start each other.

Look-ups need the trust in zones, and trust needs look-ups of DS records. Both know only the classes here, so neither
module imports the other.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S, Instant
from holdfast.base.limits import PREFETCH_REMAINING_PERCENT
from holdfast.base.security_status import INDETERMINATE, UNCHECKED
from holdfast.cache.ds_agreements import DsAgreement
from holdfast.cache.failure_cache import NOT_FAILED
from holdfast.cache.key_cache import ZoneTrust
from holdfast.cache.stale_cut import StaleCut
from holdfast.dns.rrset import RRset
from holdfast.resolve.iterate import FetchTask
from holdfast.resolve.task import AddressSource, RequestBudget, Task

FAILED: Final = 0  # beside the kinds of holdfast.resolve.classify


class LookupResult:
    """The answer to one question about one name, CNAMEs not followed.

    ``kind`` is ANSWER, CNAME, DNAME, NODATA, NXDOMAIN (``holdfast.resolve.classify``) or FAILED; ``proof`` are the
    NSEC/NSEC3 RRsets of a negative answer or a wildcard expansion; ``insecure_delegation`` tells that a secure denial
    of DS shows an unsigned child zone (RFC 4035 section 5.2). ``beside``: more RRsets of an answer to ANY.
    """

    def __init__(self, kind: int) -> None:
        self.kind: int = kind
        self.rrset: RRset | None = None
        self.soa: RRset | None = None
        self.proof: list[RRset] = []
        self.beside: list[RRset] = []
        self.status: int = INDETERMINATE
        self.causes: list[Cause] = []
        self.expires_us: int = 0
        self.stored_us: int = 0
        self.insecure_delegation: bool = False
        self.refresh: bool = False  # close to its end: worth a prefetch (``refresh_us`` has passed)
        self.failure: int = NOT_FAILED  # one of REFRESH_*
        self.from_failure_cache: bool = False  # the attempt that failed was an earlier one
        self.let_through: bool = False  # by a negative trust anchor: nobody vouches for it
        self.shadow: int = UNCHECKED  # what the status would be without the anchor
        self.brief: bool = False  # more may be known in a moment, so the answer is kept for a moment only
        self.agreed: DsAgreement | None = None  # the DS RRset that it rests on, instead of one that validates
        self.stale: bool = False  # expired data (RFC 8767)
        self.stale_cut: StaleCut | None = None  # an old delegation on the way here
        self.proved_until_s: int = FOREVER_S  # POSIX time at which the first signature of the proof ends

    def refresh_us(self) -> int:
        """Return from when on a question for this is a reason to fetch it again, before it ends."""
        return self.expires_us - (self.expires_us - self.stored_us) * PREFETCH_REMAINING_PERCENT // 100


class PendingLookup(Task):
    """A look-up; ``result`` is set when ``done``."""

    def __init__(self, key: bytes, budget: RequestBudget, depth: int) -> None:
        super().__init__(key, budget, depth)
        self.result: LookupResult = LookupResult(FAILED)
        self.fetch: FetchTask | None = None

    def is_unheard(self) -> bool:
        """Tell whether servers are silent that it asks now."""
        return self.fetch is not None and self.fetch.is_unheard()


class PendingTrust(Task):
    """The search for the trust in the zone that encloses a name; ``trust`` is set when ``done``.

    It is good for the ``policy_epoch`` in which it began: what it found may rest on decisions that hold no more.
    """

    def __init__(self, key: bytes, budget: RequestBudget, depth: int, policy_epoch: int) -> None:
        super().__init__(key, budget, depth)
        self.trust: ZoneTrust | None = None
        self.policy_epoch: Final = policy_epoch


class PendingDsRound(Task):
    """Asks all name servers of a zone for the DS RRset of a child, which does not validate for ``cause``.

    When ``done``: ``agreement`` is what they agree on; if that is nothing, ``remark`` says why, and ``is_settled`` that
    enough of them were heard to leave it at that for a while. Neither is set if the budget was spent.
    """

    def __init__(self, key: bytes, budget: RequestBudget, depth: int, cause: Cause | None) -> None:
        super().__init__(key, budget, depth)
        self.cause: Final = cause
        self.agreement: DsAgreement | None = None
        self.remark: Cause | None = None
        self.is_settled = False


class TaskSource(AddressSource):
    """Starts tasks, or joins one that already does the same."""

    def lookup(
        self, name: bytes, rtype: int, validate: bool, budget: RequestBudget, depth: int, now: Instant
    ) -> PendingLookup:
        """Look up one name and type."""
        raise NotImplementedError

    def lookup_ds(self, name: bytes, budget: RequestBudget, depth: int, now: Instant) -> PendingLookup:
        """Look up the DS RRset of a zone cut for the chain of trust, or that there is none."""
        raise NotImplementedError

    def ask_all_for_ds(
        self, child: bytes, zone: bytes, cause: Cause | None, budget: RequestBudget, depth: int, now: Instant
    ) -> PendingDsRound:
        """Ask all name servers of the parent, at or below ``zone``, for a DS RRset that fails for ``cause``."""
        raise NotImplementedError

    def trust_in(self, name: bytes, budget: RequestBudget, depth: int, now: Instant) -> PendingTrust:
        """Find the trust in the zone that encloses ``name``."""
        raise NotImplementedError

    def refresh(self, name: bytes, rtype: int, budget: RequestBudget, now: Instant) -> PendingLookup:
        """Look up afresh, whatever the caches say, or join who does."""
        raise NotImplementedError

    def fetch(
        self, name: bytes, rtype: int, budget: RequestBudget, depth: int, excluded: list[bytes], now: Instant
    ) -> FetchTask:
        """Fetch from the authoritative servers, without the ones in ``excluded``."""
        raise NotImplementedError

    def probe_keys(self, zone: bytes, budget: RequestBudget, now: Instant) -> PendingTrust:
        """Fetch and validate the keys of a trust anchor's zone, whatever is cached."""
        raise NotImplementedError

    def observe_anchor(self, zone: bytes, dnskeys: RRset, verified: bool, now: Instant) -> None:
        """Show a DNSKEY RRset that was fetched to its anchor; without ``verified`` it can only revoke (RFC 5011)."""
        raise NotImplementedError
