"""Override rules for tests, written as users write them."""

from holdfast.base.audience import Audience
from holdfast.base.override_rule import OverrideRule
from holdfast.server.rule_values import Audiences, read_rule

SERVICES = ["default", "quick"]
GROUPS = ["mail", "school"]


def rule(action: str, name: str, identity: str = "one", **values: object) -> OverrideRule:
    """A rule with everything that it needs."""
    given = {"id": identity, "action": action, "name": name, "reason": "test", "author": "ops", **values}
    return read_rule(given, Audiences(SERVICES, GROUPS))


def audience(service: str = "default", group: str = "") -> Audience:
    """Who asks."""
    return Audience(0, service, group, False)
