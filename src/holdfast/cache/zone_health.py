"""How zones fare: verdicts on their fresh data since the last look, for who watches over them (holdfast.sentinel).

Only fresh verdicts count: what is answered from a cache says nothing new about a zone. A failure is counted for the
zone that is to blame, the one whose keys or servers should have vouched for the data, and told apart by the child of
that zone that it concerns: many clients that ask for one name are one failure.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.cache.failure_cache import REFRESH_BOGUS, REFRESH_UNREACHABLE
from holdfast.dns.name import label_count, suffix

ZONES_WATCHED: Final = 4096  # in use between two looks; who was there the last time stays, newcomers find no room
CHILDREN_COUNTED: Final = 24  # of one zone between two looks; a handful is an incident already
CAUSES_COUNTED: Final = 6  # of one zone; an outage has one or two, and one for each child
SERVERS_COUNTED: Final = 16  # of one zone that handed out bad data
ZONES_TAKEN: Final = 64  # that fail, in one look: more at a time are the fault of this resolver's own network
LOOKS_REMEMBERED: Final = 60_480  # a zone that failed is reported so many looks longer, to show that it is well again:
# a week of looks, as long as a negative trust anchor may hide it ...
ZONES_KEPT: Final = 2048  # ... if there is room: beyond, those that have been silent longest are forgotten


class CauseCount:
    """A reason, and how often it was given."""

    def __init__(self, cause: Cause) -> None:
        self.cause: Final = cause
        self.count: int = 0


class FailureCount:
    """Failures of one kind: all of them, the children that they concern, why, and who handed out the data."""

    def __init__(self) -> None:
        self.total: int = 0
        self.children: Final[dict[bytes, None]] = {}
        self.causes: Final[list[CauseCount]] = []
        self.servers: Final[dict[bytes, None]] = {}

    def add(self, child: bytes, causes: list[Cause], servers: list[bytes]) -> None:
        """Count a failure; ``servers`` are the packed addresses that the data came from."""
        self.total += 1
        if len(self.children) < CHILDREN_COUNTED:
            self.children[child] = None
        for server in servers:
            if len(self.servers) < SERVERS_COUNTED:
                self.servers[server] = None
        if not causes:
            return
        innermost = causes[0]
        for one in self.causes:
            if one.cause.extra_text == innermost.extra_text and one.cause.site == innermost.site:
                one.count += 1
                return
        if len(self.causes) < CAUSES_COUNTED:
            counted = CauseCount(innermost)
            counted.count = 1
            self.causes.append(counted)


class ZoneHealth:
    """One zone between two looks.

    ``validated``: RRsets and proofs that its keys vouched for; ``answered``: questions that its servers answered.
    ``silent_looks`` counts the looks since the latest failure, -1: it never failed.
    """

    def __init__(self, zone: bytes) -> None:
        self.zone: Final = zone
        self.validated: int = 0
        self.answered: int = 0
        self.bogus: Final = FailureCount()
        self.unreachable: Final = FailureCount()
        self.silent_looks: int = -1

    def failures(self) -> int:
        """Return how many failures there were."""
        return self.bogus.total + self.unreachable.total

    def events(self) -> int:
        """Return how much was seen of the zone."""
        return self.validated + self.answered + self.failures()


class ZoneHealthTable:
    """Zones by name."""

    def __init__(self) -> None:
        self.zones: dict[bytes, ZoneHealth] = {}

    def find(self, zone: bytes) -> ZoneHealth | None:
        """Return the zone's entry, made if there is room."""
        known = self.zones.get(zone)
        if known is None and len(self.zones) < ZONES_WATCHED:
            known = self.zones[zone] = ZoneHealth(zone)
        return known

    def note_validated(self, zone: bytes) -> None:
        """The keys of ``zone`` vouched for fresh data."""
        health = self.find(zone)
        if health is not None:
            health.validated += 1

    def note_answered(self, zone: bytes) -> None:
        """A server of ``zone`` answered a question."""
        health = self.find(zone)
        if health is not None:
            health.answered += 1

    def note_failure(self, zone: bytes, name: bytes, failure: int, causes: list[Cause], servers: list[bytes]) -> None:
        """A question failed because of ``zone``; of REFRESH_*, errors (REFRESH_ERROR) say too little to count."""
        if failure != REFRESH_BOGUS and failure != REFRESH_UNREACHABLE:
            return
        health = self.find(zone)
        if health is not None:
            child = suffix(name, min(label_count(zone) + 1, label_count(name)))
            count = health.bogus if failure == REFRESH_BOGUS else health.unreachable
            count.add(child, causes, servers)

    def take(self) -> list[ZoneHealth]:
        """Return the zones that fail or failed lately, the worst first, and begin anew with the zones in use."""
        taken: list[ZoneHealth] = []
        begun: dict[bytes, ZoneHealth] = {}
        idle: list[tuple[int, bytes]] = []
        for health in self.zones.values():
            silent = 0 if health.failures() else health.silent_looks + 1 if health.silent_looks >= 0 else -1
            watched = 0 <= silent <= LOOKS_REMEMBERED
            if watched and health.events():
                taken.append(health)
            if watched or health.events():
                fresh = ZoneHealth(health.zone)
                fresh.silent_looks = silent if watched else -1
                begun[health.zone] = fresh
                if not health.events():
                    idle.append((-silent, health.zone))
        if len(begun) > ZONES_KEPT:
            idle.sort()
            for _, zone in idle[: len(begun) - ZONES_KEPT]:
                del begun[zone]
        self.zones = begun
        taken.sort(key=order_of)
        return taken[:ZONES_TAKEN]


def order_of(health: ZoneHealth) -> tuple[int, bytes]:
    """Return what the worst zones sort by."""
    return -health.failures(), health.zone
