"""Telling the operator of a zone that it is broken (RFC 9567).

Servers name an agent domain in the Report-Channel option of their responses. When a name of their zone cannot be
resolved or validated, a TXT query below that domain says which name, type and error: asking is the report. The query is
resolved like any other, so its cached answer holds the next one back; what the agent answers is of no interest.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.dns.iana import EDE_OTHER, EDNS_OPTION_REPORT_CHANNEL
from holdfast.dns.message import Message
from holdfast.dns.name import NAME_MAXIMUM, ROOT
from holdfast.dns.reader import name_end

MARK: Final = b"\x03_er"  # the label around the name in question (RFC 9567 section 6.1.1)
AGENTS_REMEMBERED: Final = 5000  # zones whose agent is known; the oldest is forgotten
REPORTS_REMEMBERED: Final = 5000
REPORT_AGAIN_US: Final = 600_000_000  # for the same name, type and error, whatever TTL the agent's answers have
REPORTS_PER_PERIOD: Final = 60  # of all reports together: an agent is told, not flooded
PERIOD_US: Final = 60_000_000


class ErrorReports:
    """Who wants to hear of failures, and what was said lately."""

    def __init__(self) -> None:
        self.agents: Final[dict[bytes, bytes]] = {}  # by zone
        self.reported: Final[dict[bytes, int]] = {}  # name of the report, to when it may be sent again
        self.period_ends_us = 0
        self.left = REPORTS_PER_PERIOD

    def learn(self, zone: bytes, message: Message) -> None:
        """Remember the agent that a server of ``zone`` names; an unusable agent domain is none (RFC 9567 section 5)."""
        edns = message.edns
        agent = edns.option(EDNS_OPTION_REPORT_CHANNEL) if edns is not None else None
        if agent is None:
            return
        if agent == ROOT or name_end(agent, 0, len(agent)) != len(agent):
            self.agents.pop(zone, None)
            return
        if zone not in self.agents and len(self.agents) >= AGENTS_REMEMBERED:
            del self.agents[next(iter(self.agents))]
        self.agents[zone] = agent.lower()

    def due(self, zone: bytes, name: bytes, rtype: int, cause: Cause, now: Instant) -> bytes:
        """Return the name to ask for to report a failure in ``zone``, and count it as reported; b"": nothing to report.

        Failures of reports are not reported (RFC 9567 section 6.1.3), nor those that no error code describes.
        """
        agent = self.agents.get(zone)
        if agent is None or cause.info_code == EDE_OTHER or name.startswith(MARK):
            return b""
        report = report_name(name, rtype, cause.info_code, agent)
        now_us = now.monotonic_us
        if not report or self.reported.get(report, 0) > now_us:
            return b""
        if now_us >= self.period_ends_us:
            self.period_ends_us = now_us + PERIOD_US
            self.left = REPORTS_PER_PERIOD
        if self.left == 0:
            return b""
        self.left -= 1
        self.reported.pop(report, None)
        if len(self.reported) >= REPORTS_REMEMBERED:
            del self.reported[next(iter(self.reported))]
        self.reported[report] = now_us + REPORT_AGAIN_US
        return report


def report_name(name: bytes, rtype: int, info_code: int, agent: bytes) -> bytes:
    """Return the name of a report query (RFC 9567 section 6.1.1), b"" if it would be too long to ask for."""
    made = MARK + number_label(rtype) + name[:-1] + number_label(info_code) + MARK + agent
    return made if len(made) <= NAME_MAXIMUM else b""


def number_label(number: int) -> bytes:
    """Return a label that holds a decimal number."""
    text = str(number).encode()
    return bytes([len(text)]) + text
