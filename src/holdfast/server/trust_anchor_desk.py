"""The supervisor's desk for trust anchors: commands, records whose time comes or ends, and warnings in time."""

import time
from collections.abc import Callable
from functools import partial

import structlog

from holdfast.base.settings import EngineSettings, TrustAnchorSetting
from holdfast.dns.name import ROOT, from_text, to_text
from holdfast.dnssec.anchor_report import ERROR, LEVEL_NAMES, NOTICE
from holdfast.server.commands import NOT_FOUND, UNAVAILABLE, Command, CommandError
from holdfast.server.control_socket import Reply
from holdfast.server.lines import Values
from holdfast.server.settings import ServerSettings
from holdfast.server.trust_anchor_values import merge_reports, setting_values
from holdfast.server.trust_anchors import IMPORTED, TrustAnchorList

CHECK_FIRST_S = 10.0  # by then a healthy network has given the keys to every worker
CHECK_S = 60.0  # states change over days
VERIFY_S = 30.0  # for a worker to run openssl, which has 20 s
FORGET_S = 60.0  # a worker that is killed may not have dropped from the second-level cache what a change concerns
Tell = Callable[[Command, Values, Reply], None]

log = structlog.get_logger()


class TrustAnchorDesk:
    """Owns the list. ``tell`` sends a command to all workers, ``tell_one`` to one; ``configured`` are the anchors of
    the configuration.

    ``warnings`` is what workers said last of problems, by zone, for the status of the server.
    """

    def __init__(
        self, settings: ServerSettings, configured: list[TrustAnchorSetting], tell: Tell, tell_one: Tell
    ) -> None:
        self.list = TrustAnchorList(settings.state_directory, settings.follow_rollovers)
        self.warnings: list[Values] = []
        self._configured = configured
        self._tell = tell
        self._tell_one = tell_one
        self._check_at_s = time.monotonic() + CHECK_FIRST_S
        self._in_force = self._keys_in_force()
        self._changed_s: dict[bytes, float] = {}  # zones, and when their keys were changed (monotonic)

    def reload(self, settings: ServerSettings, configured: list[TrustAnchorSetting]) -> None:
        """Go on with other settings; all workers start anew with `settings_for_workers`."""
        self._configured = configured
        self.list.move(settings.state_directory, settings.follow_rollovers)
        self._in_force = self._keys_in_force()

    def settings_for_workers(self) -> list[TrustAnchorSetting]:
        """Return what a worker that starts now shall trust, with the latest states of RFC 5011."""
        return self.list.merged(self._configured)

    def changed_lately(self) -> list[bytes]:
        """Return the zones that a worker that starts now must drop from the second-level cache, to be sure."""
        now_s = time.monotonic()
        return [zone for zone, at_s in self._changed_s.items() if at_s + FORGET_S > now_s]

    def command(self, command: Command, values: Values, settings: EngineSettings, reply: Reply) -> None:
        """Carry out a checked command."""
        try:
            if command.name in ("anchor.list", "anchor.show"):
                self._show(values, reply)
            elif command.name == "anchor.import" and not _is_taken_unsigned(values):
                self._verify(values, lambda: self._change(command, values, settings, reply), reply)
            else:
                self._change(command, values, settings, reply)
        except CommandError as error:
            reply(error.reply())

    def _verify(self, values: Values, done: Callable[[], None], reply: Reply) -> None:
        """Go on with ``done`` if a worker finds that the signature is good; otherwise ``reply`` gets why not."""
        request: Values = {"command": _VERIFY.name}
        request |= {key: values[key] for key in ("xml", "signature", "authority", "signer") if key in values}
        self._tell_one(_VERIFY, request, lambda told: done() if told["ok"] else reply(told))

    def _change(self, command: Command, values: Values, settings: EngineSettings, reply: Reply) -> None:
        """Change the list, and tell the workers."""
        try:
            notes = self.list.change(values, settings, self._configured)
        except CommandError as error:
            reply(error.reply())
            return
        zone = from_text(values.get("zone", ".")) or ROOT
        log.info(command.name, zone=to_text(zone), author=values["author"], reason=values["reason"])
        self._put_in_force(lambda problem: self._answer(command, zone, notes, problem, reply))

    def tick(self) -> None:
        """Do what it is time for."""
        self.list.expire()
        if self._keys_in_force() != self._in_force:
            self._put_in_force(lambda _problem: None)
        if self._check_at_s <= time.monotonic():
            self._check_at_s = time.monotonic() + CHECK_S
            self._tell(_STATES, {"command": _STATES.name}, self._take_warnings)

    # -- looking ------------------------------------------------------------------------------------------------------

    def _show(self, values: Values, reply: Reply) -> None:
        zone = from_text(values["zone"]) if "zone" in values else None

        def answer(reports: list[Values]) -> None:
            if zone is not None and not reports:
                have = ", ".join(to_text(one.zone) for one in self.settings_for_workers()) or "none"
                text = f"anchor.show: {to_text(zone)} has no trust anchor; there are: {have}"
                reply(CommandError(text, NOT_FOUND, "zone").reply())
            else:
                reply({"ok": True, "result": {"kept": self.list.kept, "anchors": reports}})

        self._ask_workers(zone, answer, reply)

    def _ask_workers(self, zone: bytes | None, done: Callable[[list[Values]], None], reply: Reply) -> None:
        """Hand to ``done`` how the anchors fare, or that of a zone; ``reply`` gets what goes wrong."""
        request: Values = {"command": _STATES.name, **({"zone": to_text(zone)} if zone is not None else {})}

        def take(result: Values) -> None:
            if not result["ok"]:
                reply(result)
                return
            reports = result["result"]["anchors"]
            for report in reports:
                report["records"] = self._records(report["zone"])
            done(reports)

        self._tell(_STATES, request, take)

    def _records(self, zone: str) -> list[Values]:
        """Return where the anchor of a zone comes from: the configuration, and the records of the list."""
        found = [one for one in self.list.records if to_text(one.zone) == zone]
        sources: list[Values] = []
        for one in self._configured:
            if to_text(one.zone) == zone and not (one.built_in and any(record.source == IMPORTED for record in found)):
                sources.append({"source": "built in" if one.built_in else "configured"})
        return [*sources, *(record.values() for record in found)]

    def _take_warnings(self, result: Values) -> None:
        """Log what is new, and remember what there is."""
        if not result["ok"]:
            return  # whatever is wrong with the workers is logged elsewhere
        found = [
            {"zone": report["zone"], **finding}
            for report in result["result"]["anchors"]
            for finding in report["findings"]
            if finding["level"] != LEVEL_NAMES[NOTICE]
        ]
        for one in found:
            if one not in self.warnings:
                write = log.error if one["level"] == LEVEL_NAMES[ERROR] else log.warning
                write("trust anchor", zone=one["zone"], problem=one["text"])
        for one in self.warnings:
            if one not in found:
                log.info("trust anchor: over", zone=one["zone"], problem=one["text"])
        self.warnings = found

    # -- putting in force ---------------------------------------------------------------------------------------------

    def _keys_in_force(self) -> dict[bytes, list[bytes]]:
        return self.list.in_force(self._configured)

    def _put_in_force(self, done: Callable[[str], None]) -> None:
        """Tell the workers what has changed; ``done`` gets what went wrong, "": nothing."""
        before, now = self._in_force, self._keys_in_force()
        self._in_force = now
        zones = [zone for zone in dict.fromkeys([*before, *now]) if before.get(zone) != now.get(zone)]
        self._changed_s.update((zone, time.monotonic()) for zone in zones)
        problems: list[str] = []
        waiting = len(zones)
        if not zones:
            done("")

        def take(zone: bytes, result: Values) -> None:
            nonlocal waiting
            waiting -= 1
            if not result["ok"]:
                problems.append(result["error"])
            elif zone not in now:
                self.list.forget_state(zone)
            if not waiting:
                done("; ".join(problems))

        for zone in zones:
            setting = self.list.setting(zone, self._configured)
            request: Values = {"command": _DROP.name, "zone": to_text(zone)}
            if setting is not None:
                request = {"command": _PUT.name, **setting_values(setting)}
            self._tell(_PUT if setting is not None else _DROP, request, partial(take, zone))

    def _answer(self, command: Command, zone: bytes, notes: list[str], problem: str, reply: Reply) -> None:
        """Answer a change with what is trusted in the zone now."""
        if problem:
            text = f"{command.name}: noted, but not in all workers yet: {problem}"
            reply(CommandError(text, UNAVAILABLE).reply())
            return
        more = {"warning": "; ".join(notes)} if notes else {}
        self._ask_workers(
            zone,
            lambda reports: reply({"ok": True, "result": {"kept": self.list.kept, "anchors": reports, **more}}),
            reply,
        )


def _is_taken_unsigned(values: Values) -> bool:
    """Tell whether a file is taken without a signature. Raises CommandError if that is not said clearly."""
    if values.get("unsigned"):
        if any(key in values for key in ("signature", "authority", "signer")):
            text = "unsigned: the signature would not be looked at; leave one of them out"
            raise CommandError(f"anchor.import: {text}", argument="unsigned")
        return True
    if "signature" not in values:
        text = "give the signature, or unsigned if you know by other means whose file it is"
        raise CommandError(f"anchor.import: {text}", argument="signature")
    return False


_VERIFY = Command("anchor.verify", merge=lambda _results: {}, answer_s=VERIFY_S)
_PUT = Command("anchor.put", merge=lambda _results: {})
_DROP = Command("anchor.drop", merge=lambda _results: {})
_STATES = Command("anchor.states", merge=lambda results: {"anchors": merge_reports(results)})
