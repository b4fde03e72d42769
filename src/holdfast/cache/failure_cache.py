"""Failures and their causes, with growing back-off (RFC 9520), so a broken zone costs little and explains itself."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.limits import FAILURE_TTL_FIRST_S, FAILURE_TTL_MAXIMUM_S
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.cache.rrset_cache import TYPE_OCTETS, rrset_key

# Why fresh data could not be had; each has its own limit on how old a stale answer may be.
NOT_FAILED: Final = 0
REFRESH_UNREACHABLE: Final = 1  # no server answered in time, or at all
REFRESH_ERROR: Final = 2  # servers answered with an error, or uselessly
REFRESH_BOGUS: Final = 3  # what they said does not validate


class FailureEntry(Evictable):
    """A failed question. ``causes`` are handed out unchanged; ``status`` tells bogus from failed.

    ``failure`` is one of REFRESH_*, ``since_us`` the first failure of ``failures`` in a row. ``asked_us``: when servers
    were asked in vain; with a failure that follows from another one, that was earlier than ``attempted_us``.
    """

    def __init__(
        self,
        name: bytes,
        status: int,
        failure: int,
        causes: list[Cause],
        since_us: int,
        asked_us: int,
        expires_us: int,
        failures: int,
    ) -> None:
        super().__init__(ENTRY_OVERHEAD_OCTETS + len(name))
        self.name: Final = name
        self.status: Final = status
        self.failure: Final = failure
        self.since_us: Final = since_us
        self.causes: Final = causes
        self.asked_us: Final = asked_us
        self.expires_us: int = expires_us
        self.attempted_us: int = since_us  # when the latest attempt failed
        self.held: bool = False  # by the failure recheck timer, since stale data is served meanwhile
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

    def put(
        self, name: bytes, rtype: int, status: int, failure: int, causes: list[Cause], asked_us: int, now_us: int
    ) -> FailureEntry:
        """Remember a failure; each further one in a row doubles the time until the next attempt (RFC 9520 3.2).

        Nothing fails for more than five minutes after ``asked_us``, when servers were asked for what it rests on.
        """
        key = rrset_key(name, rtype)
        old = self.table.entries.get(key)
        failures = 1
        since_us = now_us
        if isinstance(old, FailureEntry) and old.expires_us + FAILURE_TTL_MAXIMUM_S * 1_000_000 > now_us:
            failures = old.failures + 1
            since_us = old.since_us
        hold_s = FAILURE_TTL_FIRST_S
        for _ in range(min(failures - 1, 9)):
            hold_s *= 2
        asked_us = min(asked_us, now_us)
        expires_us = min(now_us + hold_s * 1_000_000, asked_us + FAILURE_TTL_MAXIMUM_S * 1_000_000)
        entry = FailureEntry(name, status, failure, causes, since_us, asked_us, expires_us, failures)
        entry.attempted_us = now_us
        self.table.put(key, entry)
        return entry

    def hold(self, name: bytes, rtype: int, until_us: int) -> None:
        """Do not try again before ``until_us``: stale data is served meanwhile (failure recheck timer, RFC 8767 5)."""
        entry = self.table.entries.get(rrset_key(name, rtype))
        if isinstance(entry, FailureEntry) and entry.expires_us < until_us:
            entry.expires_us = min(until_us, entry.asked_us + FAILURE_TTL_MAXIMUM_S * 1_000_000)
            entry.held = True

    def remove(self, name: bytes, rtype: int) -> None:
        """Forget a failure: the question was answered."""
        self.table.remove(rrset_key(name, rtype))

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        return self.table.remove_subtree(zone, TYPE_OCTETS)
