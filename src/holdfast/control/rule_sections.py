"""Override rules in the configuration: `[[rule]]` sections of the configuration file, or of a file of rules alone."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from holdfast.base.limits import OVERRIDE_RULE_TTL_S, OVERRIDE_RULES
from holdfast.base.override_rule import OverrideRule
from holdfast.control.config_sections import Section
from holdfast.control.toml_lines import Path
from holdfast.server.commands import not_a_reason, not_an_author
from holdfast.server.rule_values import ACTIONS, EDE_CODES, REACHES, Audiences, RuleError, read_rule


class RuleSection(Section):
    """An override rule: questions that are answered in another way than the DNS says (docs/override-rules.md).

    The order of the sections is the order of the rules; rules that are added at run time come before them.
    """

    id: str = Field(description="What it is called: letters a-z, digits and hyphens.")
    action: str = Field(description="What is done: " + ", ".join(f"`{one}`" for one in ACTIONS) + ".")
    name: str = Field(description='Domain name that it is for; `"*.NAME"` is all below it.')
    match: str = Field(
        default="subtree", description="How far it reaches: " + ", ".join(f"`{one}`" for one in REACHES) + "."
    )
    types: list[str] = Field(default=[], description="Types of questions that it is for; all without any.")
    services: list[str] = Field(default=[], description="Services that it is for; all without any.")
    client_groups: list[str] = Field(default=[], description="Client groups that it is for; everybody without any.")
    records: list[str] = Field(
        default=[],
        description='With the action `records`: local records without owner, such as `"A 192.0.2.1"` or '
        '`"300 TXT hello"`.',
    )
    target: str = Field(default="", description="With the action `cname`: where the alias leads.")
    servers: list[str] = Field(
        default=[], description="With the action `forward`: addresses of the resolvers to ask, with port if not 53."
    )
    ede: str = Field(
        default="",
        description="With the actions `refuse`, `nxdomain` and `nodata`: the Extended DNS Error of the answers, "
        + ", ".join(f"`{one}`" for one in EDE_CODES)
        + '; "": `blocked`, or `prohibited` for a refusal to some clients only.',
    )
    ttl_s: int = Field(default=OVERRIDE_RULE_TTL_S, description="TTL of what the rule makes up.")
    reason: str = Field(description="Why; clients read it (RFC 8914).")
    author: str = Field(default="configuration", description="Who decided it.")
    until: str = Field(default="", description='When it ends, such as `"2026-05-06T00:00:00Z"`; "": it does not.')

    def rule(self, audiences: Audiences) -> OverrideRule:
        """Return the rule. Raises RuleError with everything that is wrong."""
        values: dict[str, Any] = self.model_dump(exclude_defaults=True, exclude={"until"})
        values["author"] = self.author
        problems: list[tuple[str, str]] = []
        for key, wrong in (("reason", not_a_reason(self.reason)), ("author", not_an_author(self.author))):
            if wrong:
                problems.append((key, wrong))
        if self.until:
            try:
                values["end_s"] = _seconds(self.until)
            except ValueError as error:
                problems.append(("until", str(error)))
        try:
            rule = read_rule(values, audiences)
        except RuleError as error:
            raise RuleError([*problems, *error.problems]) from None
        if problems:
            raise RuleError(problems)
        rule.configured = True
        return rule


class RulesFile(Section):
    """A file of rules."""

    rule: list[RuleSection] = Field(default_factory=list, max_length=OVERRIDE_RULES)


def rule_problems(
    sections: Sequence[RuleSection], audiences: Audiences, taken: dict[str, str]
) -> list[tuple[Path, str]]:
    """Return what is wrong with rules, each with its place. ``taken`` are identities and where they are used."""
    found: list[tuple[Path, str]] = []
    for position, section in enumerate(sections):
        try:
            section.rule(audiences)
        except RuleError as error:
            found += [(("rule", position, key), reason) for key, reason in error.problems]
        place = f"rule[{position + 1}]"
        first = taken.setdefault(section.id, place)
        if first != place:
            found.append((("rule", position, "id"), f"{section.id!r} is {first} already"))
    return found


def _seconds(text: str) -> int:
    """Return the POSIX seconds of ``2026-05-06T00:00:00Z``. Raises ValueError."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ValueError(f"{text!r} is not a time such as 2026-05-06T00:00:00Z") from None
