"""What is known of the trust in zones: validated keys, proven insecurity, or why a zone is bogus."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S, FOREVER_US
from holdfast.base.security_status import BOGUS
from holdfast.cache.ds_agreements import DsAgreement
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.cache.failure_cache import NOT_FAILED
from holdfast.cache.stale_cut import StaleCut
from holdfast.dns.name import is_subdomain
from holdfast.dns.rdata import DNSKEY
from holdfast.dns.rrset import RRset
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor


class ZoneTrust(Evictable):
    """The end of the chain of trust at one name.

    ``zone`` is the zone that encloses the name asked for: equal to it if the name is a zone apex. ``status`` is one
    of SECURE (``keys`` holds the zone's validated keys), INSECURE, INDETERMINATE and BOGUS: then ``cause`` says why,
    ``blamed`` is the zone whose fault it is (``zone`` if its keys are, else the parent), ``failure`` one of REFRESH_*,
    ``asked_us`` as in FailureEntry.
    """

    def __init__(
        self,
        zone: bytes,
        status: int,
        keys: list[DNSKEY],
        ds: RRset | None,
        dnskey: RRset | None,
        cause: Cause | None,
        expires_us: int,
    ) -> None:
        super().__init__(ENTRY_OVERHEAD_OCTETS + len(zone) + len(keys) * 400)
        self.zone: Final = zone
        self.status: Final = status
        self.keys: Final = keys
        self.ds: Final = ds
        self.dnskey: Final = dnskey
        self.cause: Final = cause
        self.expires_us: Final = expires_us
        self.proved_until_s: int = FOREVER_S  # POSIX time at which the first signature of the chain ends
        self.stale_cut: StaleCut | None = None  # the zone cut on the way here that is crossed with old data
        self.negative_anchor: NegativeTrustAnchor | None = None  # what makes it insecure, whatever is signed
        self.agreed: DsAgreement | None = None  # what the chain rests on, instead of a DS RRset that validates
        self.remark: Cause | None = None  # beside ``cause``: why there is nothing that the chain may rest on
        self.brief: bool = False  # too few of who may know have been heard: more is known in a moment
        self.blamed: bytes = zone
        self.failure: int = NOT_FAILED
        self.asked_us: int = FOREVER_US


class KeyCache:
    """Zone trust by name."""

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets)

    def get(self, name: bytes, now_us: int) -> ZoneTrust | None:
        """Return what is known and still holds."""
        entry = self.table.get(name)
        if isinstance(entry, ZoneTrust) and entry.expires_us > now_us:
            return entry
        return None

    def put(self, name: bytes, trust: ZoneTrust) -> None:
        """Remember the trust that was established for ``name``."""
        self.table.put(name, trust)

    def remove(self, name: bytes) -> None:
        """Forget what is known of one name."""
        self.table.remove(name)

    def remove_bogus_subtree(self, zone: bytes) -> None:
        """Forget the bogus verdicts at and below ``zone``."""
        doomed = [
            key
            for key, entry in self.table.entries.items()
            if isinstance(entry, ZoneTrust) and entry.status == BOGUS and is_subdomain(key, zone)
        ]
        self.table.remove_all(doomed)

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        return self.table.remove_subtree(zone)
