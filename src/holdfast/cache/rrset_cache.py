"""RRsets by owner and type, with credibility (RFC 2181 section 5.4.1) and security status (RFC 4035 section 4.3)."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S
from holdfast.base.security_status import BOGUS, SECURE, UNCHECKED
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, RECORD_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.cache.stale_cut import StaleCut
from holdfast.dns.rrset import RRset

RANK_ADDITIONAL: Final = 1  # never used to answer; kept for completeness of the ranking
RANK_REFERRAL: Final = 2  # DS and denial of DS that came with a referral: authoritative data of the parent
TYPE_OCTETS: Final = 2  # at the end of a key made by `rrset_key`
ATTEMPTS_SHARE: Final = 8  # of the capacity goes to what waits to be judged; it rarely waits long
RANK_ANSWER: Final = 3  # the answer section of an authoritative reply

_TYPE_OCTETS: Final = [rtype.to_bytes(2, "big") for rtype in range(256)]  # dozens of keys are made for one query


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
    return name + (_TYPE_OCTETS[rtype] if rtype < 256 else rtype.to_bytes(2, "big"))


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
        self.proved_until_s: int = FOREVER_S  # POSIX time at which the first signature of the proof ends
        self.stale_cut: StaleCut | None = None  # the zone cut whose old delegation data this rests on

    def remaining_s(self, now_us: int) -> int:
        """Return the TTL that is left, in seconds, never negative."""
        left = (self.expires_us - now_us) // 1_000_000
        return left if left > 0 else 0


class RRsetCache:
    """All positive data, in two slots for each RRset: what was judged last, and the newest attempt, not judged yet.

    So no failed, bogus or unchecked refresh displaces what was once validated. Expired entries stay until evicted:
    serve stale needs them (RFC 8767).
    """

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets - capacity_octets // ATTEMPTS_SHARE)
        self.attempts: Final = BoundedTable(capacity_octets // ATTEMPTS_SHARE)

    def get(self, name: bytes, rtype: int, now_us: int) -> CachedRRset | None:
        """Return the fresh entry, or None: a judged one before an unchecked one."""
        key = rrset_key(name, rtype)
        entry = self.table.get(key)
        if isinstance(entry, CachedRRset) and entry.expires_us > now_us:
            return entry
        entry = self.attempts.get(key)
        if isinstance(entry, CachedRRset) and entry.expires_us > now_us:
            return entry
        return None

    def has_attempt(self, name: bytes, rtype: int, now_us: int) -> bool:
        """Tell whether fresh data waits to be judged."""
        entry = self.attempts.get(rrset_key(name, rtype))
        return isinstance(entry, CachedRRset) and entry.expires_us > now_us

    def get_stale(self, name: bytes, rtype: int, unchecked: bool) -> CachedRRset | None:
        """Return the last judged entry, however old, or with ``unchecked`` the last attempt if nothing was judged."""
        key = rrset_key(name, rtype)
        entry = self.table.get(key)
        if entry is None and unchecked:
            entry = self.attempts.get(key)
        return entry if isinstance(entry, CachedRRset) else None

    def put(self, entry: CachedRRset, now_us: int) -> bool:
        """Store unless better data is there and fresh: a higher rank, or secure data where the new one is bogus."""
        key = rrset_key(entry.rrset.name, entry.rrset.rtype)
        table = self.attempts if entry.status == UNCHECKED else self.table
        old = table.entries.get(key)
        if isinstance(old, CachedRRset) and old.expires_us > now_us:
            if old.rank > entry.rank:
                return False
            if old.status == SECURE and entry.status == BOGUS:
                return False
        table.put(key, entry)
        if table is self.table:
            self.attempts.remove(key)
        return True

    def remove(self, name: bytes, rtype: int) -> bool:
        """Forget one RRset: something better says that it does not exist, or an operator wants it gone."""
        key = rrset_key(name, rtype)
        attempted = self.attempts.remove(key)
        return self.table.remove(key) or attempted

    def discard_attempt(self, name: bytes, rtype: int) -> None:
        """Forget the unchecked RRset: it is not good. What was judged before stays."""
        self.attempts.remove(rrset_key(name, rtype))

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        return self.table.remove_subtree(zone, TYPE_OCTETS) + self.attempts.remove_subtree(zone, TYPE_OCTETS)
