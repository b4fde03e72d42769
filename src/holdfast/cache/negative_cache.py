"""NODATA and NXDOMAIN (RFC 2308), and the cut that an NXDOMAIN makes in the tree (RFC 8020)."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S
from holdfast.base.security_status import SECURE, UNCHECKED
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.cache.rrset_cache import ATTEMPTS_SHARE, TYPE_OCTETS, rrset_key, rrset_octets
from holdfast.cache.stale_cut import StaleCut
from holdfast.dns.name import ROOT, parent
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
        self.proved_until_s: int = FOREVER_S  # POSIX time at which the first signature of the proof ends
        self.stale_cut: StaleCut | None = None  # the zone cut whose old delegation data this rests on

    def remaining_s(self, now_us: int) -> int:
        """Return the TTL that is left, in seconds, never negative."""
        left = (self.expires_us - now_us) // 1_000_000
        return left if left > 0 else 0


class NegativeCache:
    """Negative answers by name and type; as with RRsets, what waits to be judged displaces nothing that was judged."""

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets - capacity_octets // ATTEMPTS_SHARE)
        self.attempts: Final = BoundedTable(capacity_octets // ATTEMPTS_SHARE)

    def get(self, name: bytes, rtype: int, now_us: int) -> NegativeEntry | None:
        """Return the fresh NXDOMAIN of ``name``, or the fresh NODATA of the type; a judged one before an unchecked."""
        nxdomain = rrset_key(name, ANY_TYPE)
        nodata = rrset_key(name, rtype)
        for table in (self.table, self.attempts):
            entry = table.get(nxdomain)
            if isinstance(entry, NegativeEntry) and entry.expires_us > now_us:
                return entry
            entry = table.get(nodata)
            if isinstance(entry, NegativeEntry) and entry.expires_us > now_us:
                return entry
        return None

    def get_stale(self, name: bytes, rtype: int, unchecked: bool) -> NegativeEntry | None:
        """Return the newest judged denial, however old, or with ``unchecked`` an attempt if nothing was judged."""
        nxdomain = self.table.get(rrset_key(name, ANY_TYPE))
        nodata = self.table.get(rrset_key(name, rtype))
        if nxdomain is None and nodata is None and unchecked:
            nxdomain = self.attempts.get(rrset_key(name, ANY_TYPE))
            nodata = self.attempts.get(rrset_key(name, rtype))
        if not isinstance(nodata, NegativeEntry):
            return nxdomain if isinstance(nxdomain, NegativeEntry) else None
        if isinstance(nxdomain, NegativeEntry) and nxdomain.stored_us > nodata.stored_us:
            return nxdomain
        return nodata

    def get_stale_nxdomain_cut(self, name: bytes) -> NegativeEntry | None:
        """Return the newest proven NXDOMAIN of an ancestor, however old."""
        newest: NegativeEntry | None = None
        ancestor = name
        while ancestor != ROOT:
            ancestor = parent(ancestor)
            entry = self.table.get(rrset_key(ancestor, ANY_TYPE))
            if not isinstance(entry, NegativeEntry) or entry.status != SECURE:
                continue
            if newest is None or entry.stored_us > newest.stored_us:
                newest = entry
        return newest

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
        key = rrset_key(entry.name, ANY_TYPE if entry.kind == NXDOMAIN else rtype)
        if entry.status == UNCHECKED:
            self.attempts.put(key, entry)
        else:
            self.table.put(key, entry)
            self.attempts.remove(key)

    def remove(self, name: bytes, rtype: int) -> None:
        """Forget what is known to be missing: called when positive data arrives."""
        for table in (self.table, self.attempts):
            table.remove(rrset_key(name, ANY_TYPE))
            table.remove(rrset_key(name, rtype))

    def discard_attempt(self, name: bytes, rtype: int) -> None:
        """Forget the unchecked denial: it is not good, or unchecked data contradicts it."""
        self.attempts.remove(rrset_key(name, ANY_TYPE))
        self.attempts.remove(rrset_key(name, rtype))

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        return self.table.remove_subtree(zone, TYPE_OCTETS) + self.attempts.remove_subtree(zone, TYPE_OCTETS)
