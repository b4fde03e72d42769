"""The supervisor's desk for negative trust anchors: commands, the check before one is put in force, the evidence."""

from collections.abc import Callable
from pathlib import Path

import structlog

from holdfast.base.settings import EngineSettings
from holdfast.evidence.verdict import REGISTRY_FAILURE
from holdfast.server.commands import (
    CHECK_S,
    CONFLICT,
    NOT_FOUND,
    UNAVAILABLE,
    Command,
    CommandError,
)
from holdfast.server.control_socket import Reply
from holdfast.server.evidence_store import FOLDER, prune
from holdfast.server.lines import Values
from holdfast.server.negative_trust_anchors import NegativeTrustAnchorList

CHECKS_AT_ONCE = 2  # a check asks some hundred questions; more of them wait for their users' second try
REASONS_GIVEN = 3  # in the refusal; `holdfast nta check` has all, and the table

Tell = Callable[[Command, Values, Reply], None]
PROBE = Command("nta.probe", merge=lambda results: results[0], answer_s=CHECK_S)

log = structlog.get_logger()


class AnchorControl:
    """Carries out commands about negative trust anchors. ``tell_all`` sends one to all workers, ``tell_one`` to one."""

    def __init__(self, directory: Path | None, tell_all: Tell, tell_one: Tell) -> None:
        self.anchors = NegativeTrustAnchorList(directory)
        self._directory = directory
        self._tell_all = tell_all
        self._tell_one = tell_one
        self._checks = 0

    def move(self, directory: Path | None) -> None:
        """Keep everything in another directory from now on (after a reload)."""
        self._directory = directory
        self.anchors.move(directory)

    def command(self, command: Command, values: Values, settings: EngineSettings, reply: Reply) -> None:
        """Carry out a checked command: first the list, then the workers that run."""
        try:
            if command.name in ("nta.list", "nta.show"):
                reply({"ok": True, "result": self.anchors.show(values)})
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

        def answer(result: Values) -> None:
            if not result["ok"]:
                result["error"] = f"{command.name}: noted, but not in all workers yet: {result['error']}"
            reply(result)

        self._tell_all(change.command, change.request, answer)

    # -- evidence -----------------------------------------------------------------------------------------------------

    def _check(self, values: Values, reply: Reply) -> None:
        """Have one worker look at the zone. Raises CommandError."""
        if self._checks >= CHECKS_AT_ONCE:
            text = f"{self._checks} checks are running already; try again in half a minute"
            raise CommandError(f"{values['command']}: {text}", UNAVAILABLE)
        self._checks += 1
        request = {"command": PROBE.name, "zone": values["zone"]}
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
            if report["verdict"] != REGISTRY_FAILURE:
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
