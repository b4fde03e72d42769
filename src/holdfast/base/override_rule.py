"""Override rules: what an operator wants answered instead of, or otherwise than, what the DNS says.

A rule is a record: which questions it is for, what is done with them, why, by whom and until when. The table of them,
and which rule decides, is in `holdfast.service.override_rules`.
"""

from typing import Final

from holdfast.base.instant import FOREVER_S
from holdfast.base.settings import UpstreamServer
from holdfast.dns.rrset import RRset

# -- which names a rule is for -----------------------------------------------------------------------------------------
EXACT: Final = 0  # the name alone
SUBTREE: Final = 1  # the name and all below it
BELOW: Final = 2  # all below the name, as a wildcard at it would

# -- what is done, in three kinds; the first rule of each kind that matches counts -------------------------------------
# DECIDING: what the answer is.
RULE_PASS: Final = 0  # as if there were no rule
RULE_BOGUS: Final = 1  # as if validation had failed
RULE_REFUSE: Final = 2
RULE_NXDOMAIN: Final = 3
RULE_NODATA: Final = 4
RULE_RECORDS: Final = 5  # local records in place of all that the name has
RULE_CNAME: Final = 6  # an alias in place of all that the name has; its target is resolved
RULE_FORWARD: Final = 7  # other servers are asked
# STALENESS: whether data that has expired is used where an answer is looked for.
RULE_NO_STALE: Final = 8  # nothing expired
RULE_FORCE_STALE: Final = 9  # what is known, expired or not, and nothing new
# TRUST: whether what is found is validated.
RULE_INSECURE: Final = 10  # not validated: a negative trust anchor (RFC 7646)

DECIDING: Final = 0
STALENESS: Final = 1
TRUST: Final = 2
KINDS: Final = [DECIDING] * 8 + [STALENESS] * 2 + [TRUST]


class RuleMatch:
    """The questions that a rule is for.

    ``reach`` is EXACT, SUBTREE or BELOW of ``name`` (wire format, lower-cased). An empty list of ``types``,
    ``services`` or ``groups`` means any; a client in no group is in none that a list could name.
    """

    def __init__(self, name: bytes, reach: int, types: list[int], services: list[str], groups: list[str]) -> None:
        self.name: Final = name
        self.reach: Final = reach
        self.types: Final = types
        self.services: Final = services
        self.groups: Final = groups

    def is_for_all(self) -> bool:
        """Tell whether it is for every audience."""
        return not self.services and not self.groups

    def is_for(self, service: str, group: str) -> bool:
        """Tell whether it is for those who ask a service and belong to a client group."""
        if self.services and service not in self.services:
            return False
        return not self.groups or group in self.groups


class HitCounter:
    """Counts the answers that something had a part in."""

    def __init__(self) -> None:
        self.hits: int = 0


class OverrideRule(HitCounter):
    """One rule. What it does (see the constants above) is in ``action`` and in the fields below that belong to it.

    ``start_s`` and ``end_s`` are POSIX seconds (FOREVER_S: no end), ``configured`` tells that it is from the
    configuration. ``info_code`` is the EDE that goes with its answers, -1: none. ``ttl_s`` is that of what is made up.
    """

    def __init__(
        self, identity: str, match: RuleMatch, action: int, reason: str, author: str, start_s: int, end_s: int
    ) -> None:
        super().__init__()
        self.identity: Final = identity
        self.match: Final = match
        self.action: Final = action
        self.kind: Final = KINDS[action]
        self.reason: Final = reason
        self.author: Final = author
        self.start_s: Final = start_s
        self.end_s: Final = end_s
        self.configured: bool = False
        self.info_code: int = -1
        self.ttl_s: int = 0
        self.records: list[RRset] = []  # RULE_RECORDS; their owner is whatever was asked for
        self.target: bytes = b""  # RULE_CNAME
        self.servers: list[UpstreamServer] = []  # RULE_FORWARD

    def ends(self) -> bool:
        """Tell whether it ends by itself."""
        return self.end_s != FOREVER_S

    def text(self) -> str:
        """Say for clients which rule it is, and why."""
        return f"override rule {self.identity}: {self.reason}"
