"""The paging plane: whom an incident reaches, apart from who noticed it.

On 5 May 2026 the registry's own checkers saw the bad signatures; their alarms were not passed on. So a page that was
sent is not a page that arrived: it is sent again until somebody has acted (a negative trust anchor covers the zone, or
the incident was acknowledged), or the incident is over. An anchor that is about to end while its incident is open is a
reason to call as well: nothing was learnt meanwhile, since nothing was validated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.sentinel.incident import Incident
from holdfast.sentinel.proposal import Proposal, propose

AGAIN_S = 900  # a person needs minutes to get to a keyboard; more often would train people to ignore it
AGAIN_LATER_S = 3600  # after the first hour
PAGES_SOON = 4
BEFORE_END_S = 900  # an anchor that ends sooner does not count: time to look whether it is still needed


@dataclass(frozen=True)
class Page:
    """A call for a person: the incident, what is proposed, and the how manieth call it is."""

    incident: Incident
    proposal: Proposal | None
    number: int

    def values(self) -> dict[str, Any]:
        """Return the page as JSON values."""
        return {
            "incident": self.incident.values(),
            "proposal": self.proposal.values() if self.proposal is not None else None,
            "page": self.number,
        }


class Paging:
    """Decides when somebody is called; ``send`` delivers a page, and its failure is its own affair."""

    def __init__(self, send: Callable[[Page], None]) -> None:
        self._send = send
        self._sent: dict[int, tuple[int, int]] = {}  # incident number: pages so far, time of the latest
        self._acknowledged: set[int] = set()

    def resume(self, incident: Incident, pages: int, latest_s: int, is_acknowledged: bool) -> None:
        """Go on with an incident that people were called for before a restart."""
        if pages:
            self._sent[incident.number] = (pages, latest_s)
        if is_acknowledged:
            self._acknowledged.add(incident.number)

    def acknowledge(self, incident: Incident) -> None:
        """Somebody has taken it on: call nobody again because of it."""
        self._acknowledged.add(incident.number)

    def is_acknowledged(self, incident: Incident) -> bool:
        """Tell whether somebody has taken it on."""
        return incident.number in self._acknowledged

    def sent(self, incident: Incident) -> tuple[int, int]:
        """Return how many pages were sent because of an incident, and when the latest was (POSIX seconds)."""
        return self._sent.get(incident.number, (0, 0))

    def call(self, open_incidents: Sequence[Incident], covered_until: Callable[[bytes], int], now_s: int) -> None:
        """Send what is due; ``covered_until`` tells until when a negative trust anchor covers a zone (0: none does)."""
        numbers = {one.number for one in open_incidents}
        self._sent = {number: sent for number, sent in self._sent.items() if number in numbers}
        self._acknowledged &= numbers
        for incident in open_incidents:
            count, latest_s = self._sent.get(incident.number, (0, 0))
            again_s = AGAIN_S if count < PAGES_SOON else AGAIN_LATER_S
            if incident.number in self._acknowledged or (count and now_s - latest_s < again_s):
                continue
            if covered_until(incident.zone) > now_s + BEFORE_END_S:
                continue
            self._sent[incident.number] = (count + 1, now_s)
            self._send(Page(incident, propose(incident), count + 1))
