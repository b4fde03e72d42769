"""The recheck of zones under a negative trust anchor: when the next round is due, and how far each zone is.

The supervisor runs it, so there is one for the whole server; rounds themselves are probes by a worker. Clean rounds are
not kept over a restart: a zone then has to be clean for all rounds anew, as nobody looked meanwhile. How many rounds it
takes after relapses is kept, with the anchor.
"""

import time
from collections.abc import Callable, Iterable

from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.evidence.rounds import Progress, RecheckPolicy
from holdfast.evidence.table import CLEAN, DIRTY, SILENT
from holdfast.server.lines import Values

SERVERS_NAMED = 8  # of those that are not clean, when one zone is shown


class _Zone:
    """What is known of one zone; ``start_s`` tells its anchor from an earlier one."""

    def __init__(self, start_s: int, policy: RecheckPolicy, needed: int, due_s: float) -> None:
        self.start_s = start_s
        self.progress = Progress(policy)
        self.progress.needed = max(self.progress.needed, needed)
        self.due_s = due_s
        self.last: Values = {}


class Recheck:
    """All zones that are rechecked; one round runs at a time. ``clock`` is monotonic, in seconds."""

    def __init__(self, policy: RecheckPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self.policy = policy
        self._clock = clock
        self._zones: dict[bytes, _Zone] = {}
        self._running = b""

    def follow(self, anchors: Iterable[NegativeTrustAnchor], rounds_needed: Callable[[bytes], int]) -> None:
        """Recheck the zones of these anchors from now on, and no others; some need more rounds, after relapses."""
        now_s = self._clock()
        zones: dict[bytes, _Zone] = {}
        for anchor in anchors if self.policy.interval_s > 0 else ():
            known = self._zones.get(anchor.zone)
            if known is None or known.start_s != anchor.start_s:
                needed = rounds_needed(anchor.zone)
                known = _Zone(anchor.start_s, self.policy, needed, now_s + self.policy.interval_s)
            zones[anchor.zone] = known
        self._zones = zones

    def take_due(self) -> bytes:
        """Return the zone whose round begins now, b"": none is due, or one is running."""
        if self._running or not self._zones:
            return b""
        zone = min(self._zones, key=lambda one: (self._zones[one].due_s, one))
        if self._zones[zone].due_s > self._clock():
            return b""
        self._running = zone
        self._zones[zone].due_s = self._clock() + self.policy.interval_s
        return zone

    def deadlines_s(self) -> list[float]:
        """Return when rounds are due, unless one is running."""
        return [] if self._running else [one.due_s for one in self._zones.values()]

    def take(self, report: Values | None) -> tuple[bytes, bool]:
        """Take the report of the running round, None if there is none; returns the zone, and whether it is well."""
        name, self._running = self._running, b""
        zone = self._zones.get(name)
        if zone is None:
            return name, False
        is_clean: bool | None = report["clean"] if report is not None else None
        if report is not None:
            zone.last = report
        return name, zone.progress.take(is_clean)

    def shown(self, zone: bytes, with_names: bool) -> Values:
        """Return how far a zone is, for people; empty if it is not rechecked."""
        known = self._zones.get(zone)
        if known is None:
            return {}
        servers = known.last.get("servers", [])
        shown: Values = {
            "servers": len(servers),
            "clean_servers": len([one for one in servers if one["state"] == CLEAN]),
            "silent_servers": len([one for one in servers if one["state"] == SILENT]),
            "clean_rounds": known.progress.clean,
            "rounds_needed": known.progress.needed,
            "rounds": known.progress.rounds,
        }
        if with_names:
            dirty = [f"{one['name']}: {one['text']}" for one in servers if one["state"] == DIRTY]
            shown |= {"dirty": dirty[:SERVERS_NAMED], "at_s": known.last.get("at_s", 0)}
        return shown


def outcome(report: Values, progress: Values) -> str:
    """Return why an anchor ends, for the journal."""
    if not report["signed"]:
        return "resolvers do not validate the zone any more: its parent has no DS for it"
    return f"{progress['clean_servers']} of {progress['servers']} servers clean in {progress['clean_rounds']} rounds"
