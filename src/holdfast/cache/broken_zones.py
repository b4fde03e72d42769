"""Zones that fail as a whole, what failed in them, and until when nobody should bother them (RFC 9520 section 3.2)."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.limits import FAILURE_TTL_FIRST_S, FAILURE_TTL_MAXIMUM_S
from holdfast.cache.failure_cache import REFRESH_UNREACHABLE
from holdfast.dns.name import ROOT, parent
from holdfast.dnssec.trust_view import TrustView

ZONES: Final = 1000  # remembered; the one that failed least recently goes first
SAMPLES: Final = 4  # failing questions that are asked again to see whether the zone is well


class FailedQuestion:
    """A question that showed the zone to be broken, in the eyes of one view."""

    def __init__(self, name: bytes, rtype: int, view: TrustView) -> None:
        self.name: Final = name
        self.rtype: Final = rtype
        self.view: Final = view


class BrokenZone:
    """One zone: the latest failures, and how its recovery goes.

    ``wanted`` counts questions that met the failure since the last probe; ``clean`` is how many probes in a row went
    well. ``hold_until_us``: until then its servers are not asked, because none of them answered at ``asked_us``.
    """

    def __init__(self, zone: bytes, failure: int, causes: list[Cause], now_us: int) -> None:
        self.zone: Final = zone
        self.failure: int = failure
        self.causes: list[Cause] = causes
        self.since_us: Final = now_us
        self.samples: list[FailedQuestion] = []
        self.next_sample = 0
        self.wanted = 1
        self.clean = 0
        self.probes = 0
        self.interval_us = 0
        self.asked_us = 0
        self.hold_until_us = 0
        self.hold_s = 0


class BrokenZones:
    """Broken zones by name."""

    def __init__(self) -> None:
        self.zones: Final[dict[bytes, BrokenZone]] = {}

    def note(
        self, zone: bytes, name: bytes, rtype: int, view: TrustView, failure: int, causes: list[Cause], now_us: int
    ) -> BrokenZone:
        """Remember a failure (REFRESH_*) of a question to a zone."""
        broken = self.zones.pop(zone, None)
        if broken is None:
            if len(self.zones) >= ZONES:
                del self.zones[next(iter(self.zones))]
            broken = BrokenZone(zone, failure, causes, now_us)
        self.zones[zone] = broken
        broken.failure = failure
        broken.causes = causes
        for sample in broken.samples:
            if sample.name == name and sample.rtype == rtype and sample.view is view:
                return broken
        if len(broken.samples) >= SAMPLES:
            del broken.samples[0]
        broken.samples.append(FailedQuestion(name, rtype, view))
        return broken

    def hold(self, broken: BrokenZone, now_us: int) -> None:
        """Leave the servers of an unreachable zone alone, longer each time."""
        broken.hold_s = min(max(broken.hold_s * 2, FAILURE_TTL_FIRST_S), FAILURE_TTL_MAXIMUM_S)
        broken.asked_us = now_us
        broken.hold_until_us = now_us + broken.hold_s * 1_000_000

    def held(self, zone: bytes, now_us: int) -> BrokenZone | None:
        """Return the zone if its servers are to be left alone now."""
        if not self.zones:
            return None
        broken = self.zones.get(zone)
        if broken is not None and broken.failure == REFRESH_UNREACHABLE and broken.hold_until_us > now_us:
            return broken
        return None

    def want(self, name: bytes) -> bool:
        """Note that somebody asks for a name whose failure is cached; False: its zone is not watched for recovery."""
        while self.zones:
            broken = self.zones.get(name)
            if broken is not None:
                broken.wanted += 1
                return True
            if name == ROOT:
                break
            name = parent(name)
        return False

    def remove(self, zone: bytes) -> None:
        """The zone is well, or nobody cares any more."""
        self.zones.pop(zone, None)
