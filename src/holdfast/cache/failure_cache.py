"""Failures and their causes, with growing back-off (RFC 9520), so a broken zone costs little and explains itself."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.limits import FAILURE_TTL_FIRST_S, FAILURE_TTL_MAXIMUM_S
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.cache.rrset_cache import rrset_key
from holdfast.dns.name import is_subdomain


class FailureEntry(Evictable):
    """A failed question. ``causes`` are handed out unchanged; ``status`` tells bogus from failed."""

    def __init__(self, name: bytes, status: int, causes: list[Cause], expires_us: int, failures: int) -> None:
        super().__init__(ENTRY_OVERHEAD_OCTETS + len(name))
        self.name: Final = name
        self.status: Final = status
        self.causes: Final = causes
        self.expires_us: Final = expires_us
        self.failures: Final = failures


class FailureCache:
    """Failures by question."""

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets)

    def get(self, name: bytes, rtype: int, now_us: int) -> FailureEntry | None:
        """Return the failure while its back-off lasts."""
        entry = self.table.get(rrset_key(name, rtype))
        if isinstance(entry, FailureEntry) and entry.expires_us > now_us:
            return entry
        return None

    def put(self, name: bytes, rtype: int, status: int, causes: list[Cause], now_us: int) -> None:
        """Remember a failure; each further one in a row doubles the time until the next attempt."""
        key = rrset_key(name, rtype)
        old = self.table.entries.get(key)
        failures = 1
        if isinstance(old, FailureEntry) and old.expires_us + FAILURE_TTL_MAXIMUM_S * 1_000_000 > now_us:
            failures = old.failures + 1
        hold_s = FAILURE_TTL_FIRST_S
        for _ in range(min(failures - 1, 8)):
            hold_s *= 2
        hold_s = min(hold_s, FAILURE_TTL_MAXIMUM_S)
        self.table.put(key, FailureEntry(name, status, causes, now_us + hold_s * 1_000_000, failures))

    def remove(self, name: bytes, rtype: int) -> None:
        """Forget a failure: the question was answered."""
        self.table.remove(rrset_key(name, rtype))

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        doomed = [
            key
            for key, entry in self.table.entries.items()
            if isinstance(entry, FailureEntry) and is_subdomain(entry.name, zone)
        ]
        for key in doomed:
            self.table.remove(key)
        return len(doomed)
