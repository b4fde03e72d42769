"""The supervisor's desk for negative trust anchors: commands, the check before one is put in force, the evidence."""

from collections.abc import Callable

import structlog

from holdfast.base.settings import EngineSettings
from holdfast.dns.name import from_text, to_text
from holdfast.evidence.verdict import REGISTRY_FAILURE, UNDECIDABLE
from holdfast.server.commands import (
    CHECK_S,
    CONFLICT,
    NOT_FOUND,
    UNAVAILABLE,
    Command,
    CommandError,
    sums,
)
from holdfast.server.control_socket import Reply, noted
from holdfast.server.evidence_store import FOLDER, prune
from holdfast.server.lines import Values
from holdfast.server.negative_trust_anchors import RECHECK_AUTHOR, NegativeTrustAnchorList
from holdfast.server.recheck import Recheck, outcome
from holdfast.server.settings import VANTAGE_POINTS, ServerSettings

CHECKS_AT_ONCE = 2  # a check asks some hundred questions; more of them wait for their users' second try
REASONS_GIVEN = 3  # in the refusal; `holdfast nta check` has all, and the table

Tell = Callable[[Command, Values, Reply], None]
SHADOW = Command("nta.shadow", merge=sums)
PROBE = Command("nta.probe", merge=lambda results: results[0], answer_s=CHECK_S)

log = structlog.get_logger()


class AnchorControl:
    """Carries out commands about negative trust anchors. ``tell_all`` sends one to all workers, ``tell_one`` to one."""

    def __init__(self, settings: ServerSettings, tell_all: Tell, tell_one: Tell) -> None:
        self.anchors = NegativeTrustAnchorList(settings.state_directory)
        self.recheck = Recheck(settings.recheck)
        self._directory = settings.state_directory
        self._tell_all = tell_all
        self._tell_one = tell_one
        self._checks = 0

    def reload(self, settings: ServerSettings) -> None:
        """Obey new settings from now on: the directory in which everything is kept, and the recheck."""
        self._directory = settings.state_directory
        self.anchors.move(settings.state_directory)
        if settings.recheck != self.recheck.policy:
            self.recheck = Recheck(settings.recheck)

    def command(self, command: Command, values: Values, settings: EngineSettings, reply: Reply) -> None:
        """Carry out a checked command: first the list, then the workers that run."""
        try:
            if command.name == "nta.list":
                reply({"ok": True, "result": self._show(values)})
            elif command.name == "nta.show":
                self._show_one(values, reply)
            elif command.name == "nta.evidence":
                reply({"ok": True, "result": self._evidence(values)})
            elif command.name == "nta.check":
                self._check(values, reply)
            elif command.name == "nta.add" and not values.get("force"):
                self.anchors.refuse_early(values, settings)
                self._check(values, lambda checked: self._add_checked(command, values, settings, checked, reply))
            else:
                self._change(command, values, settings, reply)
        except CommandError as error:
            reply(error.reply())

    def _change(self, command: Command, values: Values, settings: EngineSettings, reply: Reply) -> None:
        """Change the list, and tell the workers. Raises CommandError."""
        change = self.anchors.change(values, settings)
        log.info(command.name, zone=values["zone"], author=values["author"], reason=values.get("reason"))
        self._tell_all(change.command, change.request, noted(command, reply))

    def _show(self, values: Values) -> Values:
        """Return the list, or one record, with the progress of the recheck. Raises CommandError."""
        self.recheck.follow(self.anchors.rechecked(), self.anchors.rounds_needed)
        result = self.anchors.show(values)
        for shown in result["anchors"]:
            progress = self.recheck.shown(from_text(shown["zone"]) or b"", values["command"] == "nta.show")
            if progress:
                shown["recheck"] = progress
        return result

    def _show_one(self, values: Values, reply: Reply) -> None:
        """Show one record, with what validation in its shadow has found in all workers. Raises CommandError."""
        result = self._show(values)

        def answer(counted: Values) -> None:
            if counted["ok"]:
                result["anchors"][0]["shadow"] = counted["result"]
            reply({"ok": True, "result": result})

        self._tell_all(SHADOW, {"command": SHADOW.name, "zone": values["zone"]}, answer)

    # -- time ---------------------------------------------------------------------------------------------------------

    def run_due(self, settings: EngineSettings) -> None:
        """Note ends that have come, and begin the round of a recheck that is due."""
        self.anchors.expire()
        self.recheck.follow(self.anchors.rechecked(), self.anchors.rounds_needed)
        zone = self.recheck.take_due()
        if zone:
            request = {"command": PROBE.name, "zone": to_text(zone), "recheck": True}
            self._tell_one(PROBE, request, lambda result: self._take_round(result, settings))

    def deadlines_s(self) -> list[float]:
        """Return when `run_due` has something to do, in monotonic seconds."""
        return self.recheck.deadlines_s()

    def _take_round(self, result: Values, settings: EngineSettings) -> None:
        """Take the result of a round, and end the anchor if its zone is well."""
        report = result["result"] if result["ok"] else None
        zone, is_well = self.recheck.take(report)
        progress = self.recheck.shown(zone, False)
        if report is None:
            log.warning("recheck failed", zone=to_text(zone), error=result["error"])
            return
        log.info("rechecked", zone=to_text(zone), verdict=report["verdict"], **progress)
        usual = max(self.recheck.policy.clean_rounds, self.anchors.rounds_needed(zone))
        if progress and progress["rounds_needed"] > usual:
            self.anchors.relapse(zone, progress["rounds_needed"])
        if not is_well:
            return
        values = {
            "command": "nta.remove",
            "zone": to_text(zone),
            "author": RECHECK_AUTHOR,
            "reason": outcome(report, progress),
            "evidence": report["evidence"],
        }
        try:
            self._change(Command("nta.remove"), values, settings, lambda _reply: None)
        except CommandError as error:
            log.error("an anchor whose zone is well could not be ended", zone=to_text(zone), error=str(error))

    # -- evidence -----------------------------------------------------------------------------------------------------

    def _check(self, values: Values, reply: Reply) -> None:
        """Have one worker look at the zone. Raises CommandError."""
        if self._checks >= CHECKS_AT_ONCE:
            text = f"{self._checks} checks are running already; try again in half a minute"
            raise CommandError(f"{values['command']}: {text}", UNAVAILABLE)
        points = values.get("vantage_points", [])
        if len(points) > VANTAGE_POINTS:
            text = f"vantage_points: {len(points)} are too many; {VANTAGE_POINTS} at most"
            raise CommandError(f"{values['command']}: {text}", argument="vantage_points")
        self._checks += 1
        request = {"command": PROBE.name, "zone": values["zone"], "vantage_points": points}
        if "names" in values:
            request["names"] = values["names"]

        def answer(result: Values) -> None:
            self._checks -= 1
            self._prune()
            if not result["ok"]:
                result["error"] = f"{values['command']}: {result['error']}"
            reply(result)

        self._tell_one(PROBE, request, answer)

    def _add_checked(
        self, command: Command, values: Values, settings: EngineSettings, checked: Values, reply: Reply
    ) -> None:
        """Put an anchor in force if the check found that it is for this."""
        if not checked["ok"]:
            checked["error"] += "; with --force it is put in force unchecked"
            reply(checked)
            return
        report = checked["result"]
        try:
            is_confirmed = report["verdict"] == UNDECIDABLE and "confirmed" in values
            if report["verdict"] != REGISTRY_FAILURE and not is_confirmed:
                raise CommandError(refusal(report), CONFLICT, "zone")
            self._change(command, {**values, "evidence": report["evidence"]}, settings, reply)
        except CommandError as error:
            reply(error.reply())

    def _evidence(self, values: Values) -> Values:
        """Return where the evidence of an anchor is. Raises CommandError if there is none."""
        zone, name = self.anchors.evidence(values)
        if not name or self._directory is None:
            text = f"no evidence is kept for {zone}: it was forced, or there is no state directory"
            raise CommandError(f"nta.evidence: {text}", NOT_FOUND)
        return {"zone": zone, "evidence": name, "file": str(self._directory / FOLDER / name)}

    def _prune(self) -> None:
        if self._directory is None:
            return
        try:
            prune(self._directory, self.anchors.referred())
        except OSError as error:
            log.error("cannot remove old evidence", error=str(error))


def refusal(report: Values) -> str:
    """Return why an anchor is not put in force, and what to do."""
    zone, verdict = report["zone"], report["verdict"]
    reasons = "; ".join(report["reasons"][:REASONS_GIVEN])
    return f"nta.add: {zone}: the check says {verdict}: {reasons}. {report['advice']}"
