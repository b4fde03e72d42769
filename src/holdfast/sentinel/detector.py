"""The detection plane: from observations to incidents. Pure: time comes in, incidents come out; nobody is told here.

An incident opens when the evidence against a zone crosses its threshold (``holdfast.sentinel.suspicion``), and closes
when it is all gone, or when the zone has been quiet and good for a while. A zone that breaks again soon afterwards
continues its incident, so that a staged recovery is one story and not twenty.
"""

from collections.abc import Callable, Sequence
from math import log

from holdfast.dns.name import is_subdomain
from holdfast.sentinel.incident import BOGUS, UNREACHABLE, Incident
from holdfast.sentinel.observation import Observation
from holdfast.sentinel.suspicion import SILENT_S, THRESHOLD, Suspicion

REOPEN_S = 1800  # broken again within this time: the same incident
LOCAL_S = 300  # unrelated zones that break within this time of each other ...
LOCAL_ZONES = 3  # ... and so many of them, point at this resolver
SUSPICIONS = 2000  # zones and kinds under suspicion; the least suspicious one goes first
INCIDENTS_REMEMBERED = 100  # closed ones are shown for a while

KINDS = (BOGUS, UNREACHABLE)


class Detector:
    """All zones. Feed it each look at every resolver process, and now and then nothing, for time to pass."""

    def __init__(self) -> None:
        self.incidents: list[Incident] = []  # the oldest first
        self._suspicions: dict[tuple[bytes, str], Suspicion] = {}
        self._open: dict[tuple[bytes, str], Incident] = {}
        self._last_number = 0

    def open_incidents(self) -> list[Incident]:
        """Return the incidents that are open, the oldest first."""
        return [one for one in self.incidents if one.is_open]

    def resume(self, incidents: Sequence[Incident], now_s: int) -> None:
        """Go on with what was known before a restart: what was broken is, until it is seen to be well."""
        for incident in incidents:
            self.incidents.append(incident)
            self._last_number = max(self._last_number, incident.number)
            if incident.is_open:
                key = (incident.zone, incident.kind)
                self._suspicions[key] = _resumed(incident, now_s)
                self._open[key] = incident

    def look(self, seen: Sequence[Observation], now_s: int, covered: Callable[[bytes], bool]) -> list[Incident]:
        """Take observations; returns the incidents that opened, opened again or closed.

        ``covered`` tells whether a negative trust anchor covers a zone: then silence is no news.
        """
        changed: list[Incident] = []
        for one in seen:
            for kind in KINDS:
                self._weigh(one, kind, now_s, changed)
        for key, incident in list(self._open.items()):
            suspicion = self._suspicions[key]
            if covered(incident.zone):
                suspicion.latest_s = now_s
            if suspicion.is_over(now_s):
                incident.closed_s = now_s
                del self._open[key]
                del self._suspicions[key]
                changed.append(incident)
        self._forget(now_s)
        return changed

    def _weigh(self, seen: Observation, kind: str, now_s: int, changed: list[Incident]) -> None:
        key = (seen.zone, kind)
        failures = seen.bogus if kind == BOGUS else seen.unreachable
        good = seen.validated if kind == BOGUS else seen.validated + seen.answered
        suspicion = self._suspicions.get(key)
        if suspicion is None:
            if not failures.total:
                return
            suspicion = self._suspicions[key] = Suspicion(seen.zone)
        incident = self._open.get(key)
        suspicion.add(good, failures, now_s, incident is not None)
        if incident is not None:
            incident.learn(suspicion)
        elif suspicion.is_proven:
            changed.append(self._open_incident(key, suspicion, now_s))

    def _open_incident(self, key: tuple[bytes, str], suspicion: Suspicion, now_s: int) -> Incident:
        zone, kind = key
        for incident in reversed(self.incidents):
            if (incident.zone, incident.kind) == key and now_s - incident.closed_s <= REOPEN_S:
                incident.closed_s = 0
                incident.reopened += 1
                break
        else:
            self._last_number += 1
            incident = Incident(self._last_number, zone, kind, suspicion.since_s, now_s)
            self.incidents.append(incident)
        incident.learn(suspicion)
        self._open[key] = incident
        self._compare(incident, now_s)
        return incident

    def _compare(self, incident: Incident, now_s: int) -> None:
        """Notice when several zones that have nothing to do with each other break at once."""
        together = [incident]
        for one in self.open_incidents():
            related = any(is_subdomain(one.zone, two.zone) or is_subdomain(two.zone, one.zone) for two in together)
            if not related and now_s - one.opened_s <= LOCAL_S:
                together.append(one)
        if len(together) >= LOCAL_ZONES:
            for one in together:
                one.beside = tuple(two.zone for two in together if two is not one)

    def _forget(self, now_s: int) -> None:
        """Keep tables within their bounds."""
        for key, suspicion in list(self._suspicions.items()):
            if key not in self._open and (not suspicion.score or now_s - suspicion.latest_s >= SILENT_S):
                del self._suspicions[key]
        if len(self._suspicions) > SUSPICIONS:
            idle = [key for key in self._suspicions if key not in self._open]
            idle.sort(key=lambda key: self._suspicions[key].score)
            for key in idle[: len(self._suspicions) - SUSPICIONS]:
                del self._suspicions[key]
        closed = [one for one in self.incidents if not one.is_open]
        for one in closed[: max(0, len(self.incidents) - INCIDENTS_REMEMBERED)]:
            self.incidents.remove(one)


def _resumed(incident: Incident, now_s: int) -> Suspicion:
    """Return the suspicion against a zone that was called broken before a restart: as much as it can be."""
    suspicion = Suspicion(
        incident.zone,
        score=THRESHOLD,
        evidence=incident.powers_of_ten * log(10),
        since_s=incident.since_s,
        latest_failure_s=incident.latest_failure_s,
        latest_s=now_s,
        failed=incident.failed,
        good=incident.good,
    )
    suspicion.children.update(dict.fromkeys(incident.examples, incident.latest_failure_s))
    suspicion.servers.update(dict.fromkeys(incident.servers))
    if incident.reason is not None:
        reason = incident.reason
        suspicion.reasons[reason.info_code, reason.subject, reason.key_tag] = reason
    return suspicion
