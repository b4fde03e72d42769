"""NODATA and NXDOMAIN (RFC 2308), and the cut that an NXDOMAIN makes in the tree (RFC 8020)."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.security_status import SECURE
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.cache.rrset_cache import rrset_key, rrset_octets
from holdfast.dns.name import ROOT, is_subdomain, parent
from holdfast.dns.rrset import RRset

NODATA: Final = 4  # the kinds of holdfast.resolve.classify
NXDOMAIN: Final = 5
ANY_TYPE: Final = 0  # NXDOMAIN holds for every type: its entries are kept under type 0, which is never queried


class NegativeEntry(Evictable):
    """What does not exist: the SOA that bounds it and the records that prove it."""

    def __init__(
        self,
        name: bytes,
        kind: int,
        soa: RRset | None,
        proof: list[RRset],
        status: int,
        cause: Cause | None,
        stored_us: int,
        expires_us: int,
    ) -> None:
        octets = ENTRY_OVERHEAD_OCTETS + len(name)
        if soa is not None:
            octets += rrset_octets(soa)
        for one in proof:
            octets += rrset_octets(one)
        super().__init__(octets)
        self.name: Final = name
        self.kind: Final = kind
        self.soa: Final = soa
        self.proof: Final = proof
        self.status: Final = status
        self.cause: Final = cause
        self.stored_us: Final = stored_us
        self.expires_us: Final = expires_us
        self.insecure_delegation: bool = False  # a denial of DS that shows an unsigned child zone

    def remaining_s(self, now_us: int) -> int:
        """Return the TTL that is left, in seconds, never negative."""
        left = (self.expires_us - now_us) // 1_000_000
        return left if left > 0 else 0


class NegativeCache:
    """Negative answers by name and type."""

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets)

    def get(self, name: bytes, rtype: int, now_us: int) -> NegativeEntry | None:
        """Return the fresh NXDOMAIN of ``name``, or the fresh NODATA of the type."""
        entry = self.table.get(rrset_key(name, ANY_TYPE))
        if isinstance(entry, NegativeEntry) and entry.expires_us > now_us:
            return entry
        entry = self.table.get(rrset_key(name, rtype))
        if isinstance(entry, NegativeEntry) and entry.expires_us > now_us:
            return entry
        return None

    def get_stale(self, name: bytes, rtype: int, now_us: int, maximum_stale_us: int) -> NegativeEntry | None:
        """Return a negative entry that expired less than ``maximum_stale_us`` ago."""
        return self.get(name, rtype, now_us - maximum_stale_us)

    def get_nxdomain_cut(self, name: bytes, now_us: int) -> NegativeEntry | None:
        """Return the proven NXDOMAIN of an ancestor: nothing exists below it (RFC 8020 section 2).

        Only secure entries count: servers that answer NXDOMAIN for empty non-terminals are still out there.
        """
        ancestor = name
        while ancestor != ROOT:
            ancestor = parent(ancestor)
            entry = self.table.get(rrset_key(ancestor, ANY_TYPE))
            if isinstance(entry, NegativeEntry) and entry.expires_us > now_us and entry.status == SECURE:
                return entry
        return None

    def put(self, entry: NegativeEntry, rtype: int) -> None:
        """Store; an NXDOMAIN holds for all types."""
        self.table.put(rrset_key(entry.name, ANY_TYPE if entry.kind == NXDOMAIN else rtype), entry)

    def remove(self, name: bytes, rtype: int) -> None:
        """Forget what is known to be missing: called when positive data arrives."""
        self.table.remove(rrset_key(name, ANY_TYPE))
        self.table.remove(rrset_key(name, rtype))

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        doomed = [
            key
            for key, entry in self.table.entries.items()
            if isinstance(entry, NegativeEntry) and is_subdomain(entry.name, zone)
        ]
        for key in doomed:
            self.table.remove(key)
        return len(doomed)
