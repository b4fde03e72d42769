"""The supervisor's desk for override rules: first the list, then the workers that run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from holdfast.base.override_rule import OverrideRule
from holdfast.base.settings import EngineSettings
from holdfast.server.commands import Command, CommandError
from holdfast.server.control_socket import Reply, noted
from holdfast.server.lines import Values
from holdfast.server.override_rules import DECISIONS, OverrideRuleList

Tell = Callable[[Command, Values, Reply], None]

log = structlog.get_logger()


class RuleControl:
    """Carries out commands about override rules. ``tell_all`` sends one to all workers."""

    def __init__(self, directory: Path | None, configured: Sequence[OverrideRule], tell_all: Tell) -> None:
        self.rules = OverrideRuleList(directory, configured)
        self._tell_all = tell_all

    def command(self, command: Command, values: Values, settings: EngineSettings, reply: Reply) -> None:
        """Look at the rules, rehearse a change of them, or make it."""
        try:
            change = self.rules.carry_out(values, settings)
        except CommandError as error:
            reply(error.reply())
            return
        if command.name in DECISIONS:
            [rule] = change.result["rules"]
            log.info(command.name, rule=rule["id"], author=values["author"], reason=values.get("reason"))
            reply = noted(command, reply)
        self._tell_all(change.command, change.request, reply)
