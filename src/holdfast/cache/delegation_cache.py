"""Zone cuts learned from referrals: which name servers serve which zone, with the glue that came along.

Glue lives here and nowhere else: it leads to servers and is never handed to a client (RFC 2181 section 5.4.1). The
delegation is the parent's word and ends with the parent's TTL, so a child cannot prolong its own life (ghost domains).
"""

from typing import Final

from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.dns.name import ROOT, parent


class NameServer:
    """One name server of a delegation and its glue addresses (packed).

    ``glue_retry_us``: until then nobody asks the parent for missing glue again.
    """

    def __init__(self, name: bytes, addresses: list[bytes]) -> None:
        self.name: Final = name
        self.addresses: Final = addresses
        self.glue_retry_us = 0


class Delegation(Evictable):
    """A zone and its name servers. ``forward``: they are recursive; ``port``: where they listen. ``tcp_only``: not UDP.

    ``child_servers`` are names of further servers, by the zone's own word: for when those of its parent fail.
    ``crossed_until_us``: until then it is used although it expired, because no server of the parent was heard.
    """

    def __init__(self, zone: bytes, servers: list[NameServer], expires_us: int, port: int, forward: bool) -> None:
        super().__init__(ENTRY_OVERHEAD_OCTETS + 200 * len(servers))
        self.zone: Final = zone
        self.servers: Final = servers
        self.expires_us: Final = expires_us
        self.port: Final = port
        self.forward: Final = forward
        self.fallback: bool = False
        self.tcp_only: bool = False
        self.child_servers: list[bytes] = []
        self.crossed_until_us = 0


class DelegationCache:
    """Delegations by zone."""

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets)

    def get(self, zone: bytes, now_us: int) -> Delegation | None:
        """Return the fresh delegation of exactly this zone."""
        entry = self.table.get(zone)
        if isinstance(entry, Delegation) and entry.expires_us > now_us:
            return entry
        return None

    def get_stale(self, zone: bytes) -> Delegation | None:
        """Return the delegation even if it expired: a broken parent must not take its children along."""
        entry = self.table.get(zone)
        return entry if isinstance(entry, Delegation) else None

    def deepest(self, name: bytes, now_us: int) -> Delegation | None:
        """Return the delegation closest to ``name``, at or above it: a fresh one, or one that is crossed now."""
        zone = name
        while True:
            entry = self.table.get(zone)
            if isinstance(entry, Delegation) and (entry.expires_us > now_us or entry.crossed_until_us > now_us):
                return entry
            if zone == ROOT:
                return None
            zone = parent(zone)

    def put(self, delegation: Delegation) -> None:
        """Learn or renew a zone cut."""
        self.table.put(delegation.zone, delegation)

    def remove(self, zone: bytes) -> None:
        """Forget a zone cut."""
        self.table.remove(zone)

    def remove_subtree(self, zone: bytes) -> int:
        """Forget everything at and below ``zone``; returns how many entries went."""
        return self.table.remove_subtree(zone)
