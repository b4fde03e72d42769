"""RRsets by owner and type, with credibility (RFC 2181 section 5.4.1) and security status (RFC 4035 section 4.3)."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.security_status import BOGUS, SECURE
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, RECORD_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.dns.name import is_subdomain
from holdfast.dns.rrset import RRset

RANK_ADDITIONAL: Final = 1  # never used to answer; kept for completeness of the ranking
RANK_REFERRAL: Final = 2  # DS and denial of DS that came with a referral: authoritative data of the parent
RANK_ANSWER: Final = 3  # the answer section of an authoritative reply


def rrset_octets(rrset: RRset) -> int:
    """Estimate the heap that an RRset occupies."""
    total = len(rrset.name)
    for rdata in rrset.rdatas:
        total += len(rdata) + RECORD_OVERHEAD_OCTETS
    for rdata in rrset.signatures:
        total += len(rdata) + RECORD_OVERHEAD_OCTETS
    return total


def rrset_key(name: bytes, rtype: int) -> bytes:
    """Return the key of (name, type): the owner name followed by the type in two octets."""
    return name + rtype.to_bytes(2, "big")


class CachedRRset(Evictable):
    """An RRset with what is known of it. ``wildcard_proof``: denial that proves an expansion (RFC 4035 3.1.3.3)."""

    def __init__(
        self,
        rrset: RRset,
        status: int,
        rank: int,
        stored_us: int,
        expires_us: int,
        cause: Cause | None,
        proof: list[RRset],
    ) -> None:
        octets = ENTRY_OVERHEAD_OCTETS + rrset_octets(rrset)
        for one in proof:
            octets += rrset_octets(one)
        super().__init__(octets)
        self.rrset: Final = rrset
        self.status: Final = status
        self.rank: Final = rank
        self.stored_us: Final = stored_us
        self.expires_us: Final = expires_us
        self.cause: Final = cause
        self.wildcard_proof: Final = proof

    def remaining_s(self, now_us: int) -> int:
        """Return the TTL that is left, in seconds, never negative."""
        left = (self.expires_us - now_us) // 1_000_000
        return left if left > 0 else 0


class RRsetCache:
    """All positive data. Expired entries stay until evicted: serve stale needs them (RFC 8767)."""

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets)

    def get(self, name: bytes, rtype: int, now_us: int) -> CachedRRset | None:
        """Return the fresh entry, or None."""
        entry = self.table.get(rrset_key(name, rtype))
        if isinstance(entry, CachedRRset) and entry.expires_us > now_us:
            return entry
        return None

    def get_stale(self, name: bytes, rtype: int, now_us: int, maximum_stale_us: int) -> CachedRRset | None:
        """Return the entry if it expired less than ``maximum_stale_us`` ago."""
        entry = self.table.get(rrset_key(name, rtype))
        if isinstance(entry, CachedRRset) and entry.expires_us + maximum_stale_us > now_us:
            return entry
        return None

    def put(self, entry: CachedRRset, now_us: int) -> bool:
        """Store unless better data is there and fresh: a higher rank, or secure data where the new one is bogus."""
        key = rrset_key(entry.rrset.name, entry.rrset.rtype)
        old = self.table.entries.get(key)
        if isinstance(old, CachedRRset) and old.expires_us > now_us:
            if old.rank > entry.rank:
                return False
            if old.status == SECURE and entry.status == BOGUS:
                return False
        self.table.put(key, entry)
        return True

    def remove(self, name: bytes, rtype: int) -> bool:
        """Forget one RRset."""
        return self.table.remove(rrset_key(name, rtype))

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        doomed = [
            key
            for key, entry in self.table.entries.items()
            if isinstance(entry, CachedRRset) and is_subdomain(entry.rrset.name, zone)
        ]
        for key in doomed:
            self.table.remove(key)
        return len(doomed)
