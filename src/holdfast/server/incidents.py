"""The detector over all workers: what they see comes in, incidents go to the log and to who asks, people are called.

Workers send what they saw of zones every few seconds; this side adds it up in one detector, so that no worker needs to
see enough by itself. Nothing here acts: a page names a negative trust anchor to consider, and the command that adds it.

Each step of an incident is a line of a journal, which has all of it: after a restart the last line of each goes on.
"""

import shlex
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from holdfast.dns.name import to_text
from holdfast.sentinel.detector import INCIDENTS_REMEMBERED, Detector
from holdfast.sentinel.incident import Incident, read_kept
from holdfast.sentinel.observation import Observation, from_values
from holdfast.sentinel.paging import Page, Paging
from holdfast.sentinel.proposal import propose
from holdfast.server.change_journal import ChangeJournal
from holdfast.server.commands import NOT_FOUND, CommandError
from holdfast.server.lines import Values

FILE_NAME = "incidents.jsonl"
DETECTOR_AUTHOR = "detector"  # in the journal
SHOWN = 12  # incidents in one reply, the latest: with the longest names they still fit into a line

log = structlog.get_logger()


class IncidentDesk:
    """All incidents. ``covered_until`` tells until when a negative trust anchor covers a zone (POSIX; 0: none does).

    ``directory`` None: they are kept in memory only, and a restart forgets them.
    """

    def __init__(
        self,
        covered_until: Callable[[bytes], int],
        directory: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._covered_until = covered_until
        self._clock = clock
        self._detector = Detector()
        self._paging = Paging(self._page)
        self._kept: dict[int, Values] = {}  # what the journal has of the latest, by when their last lines were
        # A network that fails breaks thousands of zones at once: each line written through would hold up the server.
        self._journal = ChangeJournal(directory, FILE_NAME, "incidents", is_durable=False)
        self._journal.read(self._replay, self._lines, int(clock()))
        self._resume()

    def move(self, directory: Path | None) -> None:
        """Keep the journal in another directory from now on, beginning with what is known (after a reload)."""
        if self._journal.move(directory):
            for incident in self._detector.incidents:
                self._keep("keep", incident)

    def take(self, values: Values) -> None:
        """Take what a worker saw of one zone."""
        self._look([from_values(values)])

    def expire(self) -> None:
        """Let time pass: incidents may be over, and pages due."""
        self._look([])

    def summary(self) -> list[Values]:
        """Return the open incidents for the command `status`, the latest first."""
        return [self._values(one) for one in self._detector.open_incidents()[::-1][:SHOWN]]

    def answer(self, values: Values) -> Values:
        """Carry out a checked command. Raises CommandError if there is no such incident."""
        if values["command"] == "incident.list":
            return {"incidents": [self._values(one) for one in self._detector.incidents[::-1][:SHOWN]]}
        incident = self._find(values["number"])
        if values["command"] == "incident.acknowledge":
            if not incident.is_open:
                raise CommandError(f"incident.acknowledge: incident {incident.number} is over")
            self._paging.acknowledge(incident)
            self._keep("acknowledge", incident, values["author"].strip())
            log.info("incident acknowledged", number=incident.number, author=values["author"].strip())
        return {"incidents": [self._values(incident, True)]}

    def _find(self, number: int) -> Incident:
        for incident in self._detector.incidents:
            if incident.number == number:
                return incident
        raise CommandError(f"there is no incident {number}", NOT_FOUND, "number")

    def _look(self, seen: list[Observation]) -> None:
        now_s = int(self._clock())
        for incident in self._detector.look(seen, now_s, self._is_covered):
            if incident.is_open:
                log.error("incident", number=incident.number, text=incident.text(), caution=incident.caution())
            else:
                log.warning("incident over", number=incident.number, text=incident.text())
            self._keep("open" if incident.is_open else "close", incident)
        self._paging.call(self._detector.open_incidents(), self._covered_until, now_s)

    def _is_covered(self, zone: bytes) -> bool:
        return self._covered_until(zone) > self._clock()

    def _page(self, page: Page) -> None:
        """Call somebody: what collects the log decides who hears it."""
        log.error("page", number=page.incident.number, page=page.number, text=page.incident.text(), todo=_todo(page))
        self._keep("page", page.incident)

    def _values(self, incident: Incident, whole: bool = False) -> Values:
        """Return an incident for a user; ``whole``: with examples, and what is proposed."""
        values = incident.values()
        values["pages"], _ = self._paging.sent(incident)
        values["acknowledged"] = self._paging.is_acknowledged(incident)
        values["covered_until_s"] = self._covered_until(incident.zone)
        proposal = propose(incident)
        if whole:
            values["proposal"] = proposal.values() if proposal is not None else None
        else:
            del values["text"], values["examples"], values["reason"], values["caution"]
        return values

    # -- the journal --------------------------------------------------------------------------------------------------

    def _keep(self, action: str, incident: Incident, author: str = DETECTOR_AUTHOR) -> None:
        """Have what is known of an incident on the disk; what cannot be written is so all the same."""
        pages, latest_page_s = self._paging.sent(incident)
        entry: Values = {
            "incident": incident.kept(),
            "pages": pages,
            "latest_page_s": latest_page_s,
            "acknowledged": self._paging.is_acknowledged(incident),
        }
        self._remember(incident.number, entry)
        now_s = int(self._clock())
        self._journal.note(now_s, action, author, incident.text(), entry)
        self._journal.shorten(self._lines, now_s)

    def _remember(self, number: int, entry: Values) -> None:
        self._kept.pop(number, None)
        self._kept[number] = entry
        if len(self._kept) > INCIDENTS_REMEMBERED:
            del self._kept[next(iter(self._kept))]

    def _replay(self, line: Values) -> bool:
        """Take a line of the journal; False: it says nothing."""
        try:
            number = read_kept(line["incident"]).number
            entry = {key: line[key] for key in ("incident", "pages", "latest_page_s", "acknowledged")}
        except (AttributeError, KeyError, TypeError, ValueError):
            return False
        if [type(entry[key]) for key in ("pages", "latest_page_s", "acknowledged")] != [int, int, bool]:
            return False
        self._remember(number, entry)
        return True

    def _lines(self) -> list[Values]:
        """Return a line for each incident, for a new journal."""
        return [
            {"action": "keep", "by": DETECTOR_AUTHOR, "why": read_kept(entry["incident"]).text(), **entry}
            for entry in self._kept.values()
        ]

    def _resume(self) -> None:
        """Go on with what the journal has."""
        incidents = {number: read_kept(entry["incident"]) for number, entry in sorted(self._kept.items())}
        self._detector.resume(list(incidents.values()), int(self._clock()))
        for number, incident in incidents.items():
            entry = self._kept[number]
            self._paging.resume(incident, entry["pages"], entry["latest_page_s"], entry["acknowledged"])


def _todo(page: Page) -> str:
    """Return what a person can do."""
    if page.proposal is None:
        return "a negative trust anchor would not help"
    zone = shlex.quote(to_text(page.proposal.zone))
    return f"ask its servers with `holdfast nta check {zone}`, then consider `holdfast nta add {zone}`"
