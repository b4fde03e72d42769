"""The server's list of negative trust anchors (RFC 7646): checked, journalled, and handed to all workers.

The supervisor owns it. The journal is the list's only form on disk; ends are by the wall clock.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from holdfast.base.limits import (
    NEGATIVE_TRUST_ANCHOR_LIFETIME_S,
    NEGATIVE_TRUST_ANCHORS,
)
from holdfast.base.settings import EngineSettings
from holdfast.dns.name import ROOT, from_text, is_subdomain, to_text
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.dnssec.signature_time import utc_text
from holdfast.server.anchor_scopes import missing_names, requested_scope, scope_problem
from holdfast.server.change_journal import ChangeJournal
from holdfast.server.commands import (
    CONFLICT,
    NOT_FOUND,
    UNAVAILABLE,
    Change,
    CommandError,
    not_a_name,
)
from holdfast.server.lines import Values
from holdfast.server.worker_actions import anchor_values, read_anchor

FILE_NAME = "negative-trust-anchors.jsonl"
RECHECK_AUTHOR = "recheck"  # in the journal, for what the recheck of a zone finds

log = structlog.get_logger()


@dataclass(frozen=True)
class _Grounds:
    """What belongs to a record: the file of evidence, how an operator confirmed it, and whether it is rechecked.

    ``rounds_needed``: so many clean rounds in a row end it, after relapses; 0: as many as usual.
    """

    evidence: str = ""
    confirmed: str = ""
    is_rechecked: bool = True
    rounds_needed: int = 0


class NegativeTrustAnchorList:
    """All records in force. ``directory`` None: they are kept in memory only, and a restart forgets them."""

    def __init__(self, directory: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._anchors: dict[bytes, NegativeTrustAnchor] = {}
        self._grounds: dict[bytes, _Grounds] = {}
        self._journal = ChangeJournal(directory, FILE_NAME, "negative trust anchors")
        self._journal.read(self._replay, self._in_force_values, self._now_s())
        self.expire()

    def in_force(self) -> list[NegativeTrustAnchor]:
        """Return the records that have not ended, by zone."""
        now_s = self._now_s()
        return [self._anchors[zone] for zone in sorted(self._anchors) if self._anchors[zone].end_s > now_s]

    def covered_until(self, zone: bytes) -> int:
        """Return until when one in force covers a zone (POSIX seconds); 0: none does."""
        return max((one.end_s for one in self.in_force() if is_subdomain(zone, one.zone)), default=0)

    def move(self, directory: Path | None) -> None:
        """Keep the journal in another directory from now on, beginning with what is in force (after a reload)."""
        if self._journal.move(directory):
            for anchor in self.in_force():
                self._journal.note(self._now_s(), "add", anchor.author, anchor.reason, self._entry(anchor, 0))

    def expire(self) -> None:
        """Take note of ends that have come; the workers see them by themselves."""
        now_s = self._now_s()
        for anchor in [one for one in self._anchors.values() if one.end_s <= now_s]:
            del self._anchors[anchor.zone]
            log.info("negative trust anchor ended", zone=to_text(anchor.zone))
            # It has ended, written or not: its end is in the journal already.
            self._journal.note(now_s, "end", anchor.author, anchor.reason, self._entry(anchor, anchor.end_s))
            self._grounds.pop(anchor.zone, None)

    def show(self, values: Values) -> Values:
        """Return the records for a user: all, or the one of a zone. Raises CommandError if that has none."""
        now_s = self._now_s()
        anchors = self.in_force() if values["command"] == "nta.list" else [self._existing(values)]
        return {
            "kept": self._journal.path is not None,
            "anchors": [self._shown(one, now_s) for one in anchors],
        }

    def evidence(self, values: Values) -> tuple[str, str]:
        """Return a zone's name and the file with its evidence, "": none. Raises CommandError if it has no anchor."""
        zone = self._existing(values).zone
        return to_text(zone), self._grounds[zone].evidence

    def referred(self) -> list[str]:
        """Return the files of evidence that records in force refer to."""
        return [one.evidence for one in self._grounds.values() if one.evidence]

    def change(self, values: Values, settings: EngineSettings) -> Change:
        """Take a checked command to add, extend or remove. Raises CommandError, and changes nothing, if it cannot be.

        ``settings`` say which zones are insecure already, and which have trust anchors.
        """
        self.expire()
        command = values["command"]
        try:
            if command == "nta.add":
                return self._add(values, settings)
            return self._extend(values) if command == "nta.extend" else self._remove(values)
        except OSError as error:
            raise CommandError(
                f"{command}: cannot write {self._journal.path}: {error.strerror or error}", UNAVAILABLE
            ) from None

    def rechecked(self) -> list[NegativeTrustAnchor]:
        """Return the records in force that end when their zones are well."""
        return [one for one in self.in_force() if self._grounds[one.zone].is_rechecked]

    def rounds_needed(self, zone: bytes) -> int:
        """Return how many clean rounds relapses have made necessary; 0: there were none."""
        return self._grounds.get(zone, _Grounds()).rounds_needed

    def relapse(self, zone: bytes, rounds_needed: int) -> None:
        """Take note that a zone was bad again after clean rounds, so that a restart does not make it easier."""
        anchor = self._anchors.get(zone)
        if anchor is not None:
            self._grounds[zone] = replace(self._grounds[zone], rounds_needed=rounds_needed)
            why = f"bad again after it was clean: it takes {rounds_needed} clean rounds now"
            self._journal.note(self._now_s(), "relapse", RECHECK_AUTHOR, why, self._entry(anchor, 0))

    def refuse_early(self, values: Values, settings: EngineSettings) -> None:
        """Raise CommandError for an anchor that cannot be added whatever a check finds."""
        self.expire()
        zone = _zone(values)
        text = to_text(zone)
        if zone == ROOT:
            raise CommandError(
                "nta.add: the root: that would turn all validation off, which is validation.enabled", argument="zone"
            )
        if zone in settings.insecure_zones:
            raise CommandError(f"nta.add: {text} is insecure by configuration (validation.insecure_zones)", CONFLICT)
        if zone in self._anchors:
            raise CommandError(f"nta.add: {text} has a negative trust anchor already; extend or remove it", CONFLICT)
        if len(self._anchors) >= NEGATIVE_TRUST_ANCHORS:
            raise CommandError(
                f"nta.add: there are {NEGATIVE_TRUST_ANCHORS} negative trust anchors, as many as may be", CONFLICT
            )

        argument, wrong = scope_problem(requested_scope(values, zone), settings)
        if wrong:
            raise CommandError(f"nta.add: {wrong}", argument=argument)

    def warn_of_missing_names(self, settings: EngineSettings) -> None:
        """Log which scopes name services or client groups that the configuration does not have any more."""
        for anchor in self.in_force():
            missing = missing_names(anchor.scope, settings)
            if missing:
                log.error(
                    "a negative trust anchor names what is not configured", zone=to_text(anchor.zone), names=missing
                )

    def _add(self, values: Values, settings: EngineSettings) -> Change:
        self.refuse_early(values, settings)
        zone = _zone(values)
        now_s = self._now_s()
        end_s = now_s + values.get("lifetime_s", NEGATIVE_TRUST_ANCHOR_LIFETIME_S)
        scope = requested_scope(values, zone)
        anchor = NegativeTrustAnchor(zone, values["reason"].strip(), values["author"].strip(), now_s, end_s, scope)
        self._grounds[zone] = _Grounds(
            values.get("evidence", ""), values.get("confirmed", "").strip(), values.get("recheck", True)
        )
        self._write("add", anchor, anchor.author, anchor.reason, 0)
        self._anchors[zone] = anchor
        warning = ""
        if zone in [one.zone for one in settings.trust_anchors]:  # RFC 7646 section 3: users should not be surprised
            warning = f"{to_text(zone)} has a trust anchor of its own, which does not count meanwhile"
        return self._taken("nta.put", anchor, warning)

    def _extend(self, values: Values) -> Change:
        old = self._existing(values)
        end_s = self._now_s() + values["lifetime_s"]
        anchor = old.until(end_s)
        self._write("extend", anchor, values["author"].strip(), (values.get("reason") or old.reason).strip(), old.end_s)
        self._anchors[old.zone] = anchor
        return self._taken("nta.put", anchor)

    def _remove(self, values: Values) -> Change:
        old = self._existing(values)
        now_s = self._now_s()
        anchor = old.until(now_s)
        evidence = values.get("evidence", "")
        self._write("remove", anchor, values["author"].strip(), values["reason"].strip(), old.end_s, evidence)
        del self._anchors[old.zone]
        self._grounds.pop(old.zone, None)
        return self._taken("nta.drop", anchor)

    def _taken(self, action: str, anchor: NegativeTrustAnchor, warning: str = "") -> Change:
        shown = self._shown(anchor, self._now_s())
        result: Values = {"kept": self._journal.path is not None, "anchors": [shown]}
        if warning:
            result["warning"] = warning
        return Change(action, anchor_values(anchor), result)

    def _shown(self, anchor: NegativeTrustAnchor, now_s: int) -> Values:
        shown = {**anchor_values(anchor), "left_s": anchor.end_s - now_s}
        grounds = self._grounds.get(anchor.zone, _Grounds())
        if grounds.evidence:
            shown["evidence"] = grounds.evidence
        return {**shown, "confirmed": grounds.confirmed} if grounds.confirmed else shown

    def _existing(self, values: Values) -> NegativeTrustAnchor:
        self.expire()
        zone = _zone(values)
        found = self._anchors.get(zone)
        if found is None:
            have = ", ".join(to_text(one) for one in sorted(self._anchors)) or "none"
            raise CommandError(
                f"{values['command']}: {to_text(zone)} has no negative trust anchor; there are: {have}",
                NOT_FOUND,
                "zone",
            )
        return found

    def _now_s(self) -> int:
        return int(self._clock())

    # -- the journal --------------------------------------------------------------------------------------------------

    def _write(
        self,
        action: str,
        anchor: NegativeTrustAnchor,
        author: str,
        reason: str,
        old_end_s: int,
        evidence: str = "",
    ) -> None:
        """Journal a change. Raises OSError."""
        self._journal.write(self._now_s(), action, author, reason, self._entry(anchor, old_end_s, evidence))

    def _entry(self, anchor: NegativeTrustAnchor, old_end_s: int, evidence: str = "") -> Values:
        """Return what a line says beside who, when and why; without ``evidence``, that on which the record rests."""
        old_end = {"old_end": utc_text(old_end_s)} if old_end_s else {}
        grounds = self._grounds.get(anchor.zone, _Grounds())
        file = evidence or grounds.evidence
        found: Values = {"evidence": file} if file else {}
        if grounds.confirmed:
            found["confirmed"] = grounds.confirmed
        if not grounds.is_rechecked:
            found["recheck"] = False
        if grounds.rounds_needed:
            found["rounds_needed"] = grounds.rounds_needed
        return {"end": utc_text(anchor.end_s), **old_end, **found, "anchor": anchor_values(anchor)}

    def _in_force_values(self) -> list[Values]:
        anchors = self._anchors.values()
        return [{"action": "add", "by": one.author, "why": one.reason, **self._entry(one, 0)} for one in anchors]

    def _replay(self, values: Values) -> bool:
        """Do once more what a line says; False: it says nothing."""
        try:
            action = values["action"]
            anchor = read_anchor(values["anchor"])
        except (CommandError, KeyError, TypeError, AttributeError):
            return False
        if action in ("add", "extend", "relapse"):
            self._anchors[anchor.zone] = anchor
            evidence, confirmed = [
                text if isinstance(text := values.get(key), str) else "" for key in ("evidence", "confirmed")
            ]
            rounds = needed if type(needed := values.get("rounds_needed")) is int else 0
            self._grounds[anchor.zone] = _Grounds(evidence, confirmed, values.get("recheck") is not False, rounds)
        elif action in ("remove", "end"):
            self._anchors.pop(anchor.zone, None)
            self._grounds.pop(anchor.zone, None)
        return True


def _zone(values: Values) -> bytes:
    zone = from_text(values["zone"])
    if zone is None:
        raise CommandError(f"{values['command']}: {not_a_name(values['zone'])}")
    return zone
