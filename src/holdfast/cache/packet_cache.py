"""Whole answers, ready to send: the fast path of the resolver. A hit builds no object besides the answer itself."""

from typing import Final

from holdfast.base.override_rule import HitCounter
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS, BoundedTable, Evictable
from holdfast.cache.zone_soa import ZoneSoa
from holdfast.dns.edns import append_options

HEADER_OCTETS: Final = 12


class PacketEntry(Evictable):
    """A finished message, the offsets of its TTL fields, and when it stops being good.

    ``zone_soa`` is the SOA that a negative answer shows, ``soa_version`` its version then. ``hits`` count how often it
    is handed out, None: nobody wants to know.
    """

    def __init__(
        self,
        wire: bytes,
        ttl_offsets: list[int],
        opt_offset: int,
        stored_us: int,
        refresh_us: int,
        zone_soa: ZoneSoa | None,
        soa_version: int,
        hits: list[HitCounter] | None,
    ) -> None:
        super().__init__(ENTRY_OVERHEAD_OCTETS + len(wire) + 8 * len(ttl_offsets))
        self.wire: Final = wire
        self.ttl_offsets: Final = ttl_offsets
        self.opt_offset: Final = opt_offset
        self.stored_us: Final = stored_us
        self.refresh_us: Final = refresh_us
        self.zone_soa: Final = zone_soa
        self.soa_version: Final = soa_version
        self.hits: Final = hits


class PacketCache:
    """Answers by question, flags and policy epoch."""

    def __init__(self, capacity_octets: int) -> None:
        self.table: Final = BoundedTable(capacity_octets)

    def get(self, key: bytes, query: bytes, question_end: int, now_us: int, options: bytes) -> bytes | None:
        """Return the answer for ``query``: its ID, RD bit and letter case, with TTLs aged; None on a miss.

        ``options`` are EDNS options for this client alone, in wire format, added to those of the answer.

        An answer close to its end is a miss too, so that the ordinary path sees the popular name and refreshes it.
        """
        found = self.table.entries.get(key)
        if found is None:
            return None
        assert isinstance(found, PacketEntry)
        if now_us >= found.refresh_us:
            return None
        zone_soa = found.zone_soa
        if zone_soa is not None and zone_soa.version != found.soa_version:
            return None
        found.used = True
        hits = found.hits
        if hits is not None:
            for counter in hits:
                counter.hits += 1
        out = bytearray(found.wire)
        out[0] = query[0]
        out[1] = query[1]
        out[2] = (out[2] & 0xFE) | (query[2] & 0x01)
        out[HEADER_OCTETS:question_end] = query[HEADER_OCTETS:question_end]
        aged_s = (now_us - found.stored_us) // 1_000_000
        if aged_s > 0:
            for at in found.ttl_offsets:
                ttl = (out[at] << 24 | out[at + 1] << 16 | out[at + 2] << 8 | out[at + 3]) - aged_s
                if ttl < 0:
                    ttl = 0
                out[at] = ttl >> 24
                out[at + 1] = (ttl >> 16) & 255
                out[at + 2] = (ttl >> 8) & 255
                out[at + 3] = ttl & 255
        if options and found.opt_offset:
            return append_options(bytes(out), found.opt_offset, options)
        return bytes(out)

    def put(self, key: bytes, entry: PacketEntry) -> None:
        """Keep an answer; from its ``refresh_us`` on, or when its zone's SOA changes, it is not handed out any more."""
        self.table.put(key, entry)

    def clear(self) -> None:
        """Forget all answers."""
        self.table.clear()
