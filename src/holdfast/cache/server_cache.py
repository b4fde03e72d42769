"""What experience says of upstream servers: round trip times, time-outs, EDNS, cookies, lameness."""

from typing import Final

from holdfast.base.limits import (
    ROUND_TRIP_INITIAL_US,
    ROUND_TRIP_MINIMUM_US,
    SERVER_BACKOFF_US,
    SERVER_ENTRY_LIFETIME_US,
    SERVER_TIMEOUTS_TO_BACKOFF,
    SERVERS_REMEMBERED,
    TIMEOUT_MAXIMUM_US,
)
from holdfast.cache.rrset_cache import rrset_key

EDNS_UNKNOWN: Final = 0
EDNS_WORKS: Final = 1
EDNS_BROKEN: Final = 2
PORT_OCTETS: Final = 2
LAME_ZONES_PER_SERVER: Final = 200  # a hosting server may be lame for many zones; the oldest are forgotten


def address_of(server: bytes) -> bytes:
    """Return the packed address of a server: an address, followed by the port if that is not the usual one."""
    size = len(server)
    return server[:-PORT_OCTETS] if size == 4 + PORT_OCTETS or size == 16 + PORT_OCTETS else server


def server_text(server: bytes) -> str:
    """Write a packed address; IPv6 in full groups, since the engine has no use for the short form elsewhere."""
    address = address_of(server)
    port = "" if address == server else f" port {server[-2] << 8 | server[-1]}"
    if len(address) == 4:
        return f"{address[0]}.{address[1]}.{address[2]}.{address[3]}{port}"
    return ":".join(f"{address[at] << 8 | address[at + 1]:x}" for at in range(0, 16, 2)) + port


class ServerEntry:
    """One server address. The round trip estimate follows RFC 6298 section 2 (SRTT, RTTVAR, doubling on time-outs)."""

    def __init__(self, now_us: int) -> None:
        self.created_us: int = now_us
        self.srtt_us: int = 0  # 0: never measured
        self.variation_us: int = ROUND_TRIP_INITIAL_US // 4
        self.timeouts: int = 0  # in a row
        self.silent_since_us: int = 0  # when the last of them was counted
        self.backoff_until_us: int = 0
        self.edns: int = EDNS_UNKNOWN
        self.server_cookie: bytes = b""
        self.client_cookie: bytes = b""
        self.opt: bytes = b""  # the OPT record that queries to this server carry, until its cookie changes
        self.in_flight: int = 0
        self.lame_until_us: dict[bytes, int] = {}

    def timeout_us(self) -> int:
        """Return how long to wait for the next response."""
        base = ROUND_TRIP_INITIAL_US
        if self.srtt_us > 0:
            base = self.srtt_us + 4 * self.variation_us
        if base < ROUND_TRIP_MINIMUM_US:
            base = ROUND_TRIP_MINIMUM_US
        for _ in range(min(self.timeouts, 6)):
            base *= 2
        return base if base < TIMEOUT_MAXIMUM_US else TIMEOUT_MAXIMUM_US

    def selection_us(self) -> int:
        """Return the time that an exchange with this server is expected to take; unknown servers are worth a try."""
        base = self.srtt_us if self.srtt_us > 0 else ROUND_TRIP_INITIAL_US // 4
        return base + self.timeouts * ROUND_TRIP_INITIAL_US

    def note_response(self, round_trip_us: int) -> None:
        """Take a measured round trip into the estimate."""
        if self.srtt_us == 0:
            self.srtt_us = max(round_trip_us, 1)
            self.variation_us = round_trip_us // 2
        else:
            error = abs(self.srtt_us - round_trip_us)
            self.variation_us += (error - self.variation_us) // 4
            self.srtt_us = max(self.srtt_us + (round_trip_us - self.srtt_us) // 8, 1)
        self.timeouts = 0
        self.backoff_until_us = 0

    def note_timeout(self, sent_us: int, now_us: int) -> None:
        """Count a time-out of what was sent at ``sent_us``; after several in a row the server rests.

        What was in flight when the last one was counted says nothing new: one pause loses a hundred queries of a busy
        resolver, and must not look like a hundred pauses.
        """
        if sent_us < self.silent_since_us:
            return
        self.silent_since_us = now_us
        self.timeouts += 1
        if self.timeouts >= SERVER_TIMEOUTS_TO_BACKOFF:
            self.backoff_until_us = now_us + SERVER_BACKOFF_US

    def is_lame(self, zone: bytes, rtype: int, now_us: int) -> bool:
        """Tell whether the server recently proved not to serve ``zone`` for questions of this type."""
        if not self.lame_until_us:
            return False
        until = self.lame_until_us.get(rrset_key(zone, rtype))
        return until is not None and until > now_us

    def note_lame(self, zone: bytes, rtype: int, until_us: int) -> None:
        """Remember that the server does not serve ``zone`` properly; some are lame for one type only (AAAA)."""
        key = rrset_key(zone, rtype)
        self.lame_until_us.pop(key, None)
        self.lame_until_us[key] = until_us
        if len(self.lame_until_us) > LAME_ZONES_PER_SERVER:
            del self.lame_until_us[next(iter(self.lame_until_us))]


class ServerCache:
    """Servers by packed address (see ``address_of``)."""

    def __init__(self) -> None:
        self.entries: Final[dict[bytes, ServerEntry]] = {}

    def get(self, address: bytes, now_us: int) -> ServerEntry:
        """Return the entry of the server, a new one if nothing recent is known."""
        entry = self.entries.get(address)
        if entry is not None and (entry.in_flight > 0 or entry.created_us + SERVER_ENTRY_LIFETIME_US > now_us):
            return entry
        if entry is not None:
            del self.entries[address]
        elif len(self.entries) >= SERVERS_REMEMBERED:
            del self.entries[next(iter(self.entries))]
        entry = ServerEntry(now_us)
        self.entries[address] = entry
        return entry
