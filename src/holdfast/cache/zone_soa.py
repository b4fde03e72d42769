"""The SOA of each zone as last seen. Negative answers show it, so that no serial goes back from answer to answer.

There is one SOA RRset of a zone (RFC 2181 section 5). What an older denial came with is outdated when a newer one is
known, though the denial itself still holds for the rest of its time.
"""

from typing import Final

from holdfast.dns.rrset import RRset

ZONES: Final = 5000  # remembered; the oldest goes first, and its answers show the SOA that they came with


class ZoneSoa:
    """The newest SOA RRset of a zone. ``version`` rises with each change, so that finished answers notice."""

    def __init__(self, rrset: RRset, status: int, stored_us: int) -> None:
        self.rrset: RRset = rrset
        self.status: int = status
        self.stored_us: int = stored_us
        self.version: int = 0


class SoaTable:
    """SOA RRsets by zone."""

    def __init__(self) -> None:
        self.zones: Final[dict[bytes, ZoneSoa]] = {}

    def learn(self, soa: RRset, status: int, stored_us: int, now_us: int) -> ZoneSoa:
        """Take the SOA of a negative answer with its security ``status``, and return what is known of the zone.

        Newer data replaces older, but weaker data only what has outlived its TTL.
        """
        known = self.zones.get(soa.name)
        if known is None:
            if len(self.zones) >= ZONES:
                del self.zones[next(iter(self.zones))]
            known = ZoneSoa(soa, status, stored_us)
            self.zones[soa.name] = known
            return known
        expired = known.stored_us + known.rrset.ttl * 1_000_000 <= now_us
        if known.rrset is soa or stored_us < known.stored_us or (status > known.status and not expired):
            return known
        if known.rrset.rdatas != soa.rdatas:
            known.version += 1
        known.rrset = soa
        known.status = status
        known.stored_us = stored_us
        return known
