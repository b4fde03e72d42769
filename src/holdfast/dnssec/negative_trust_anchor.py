"""Negative trust anchors (RFC 7646): zones that are treated as unsigned, by whom, why, for whom, and until when.

A negative trust anchor holds for its zone and everything below, but for what a positive trust anchor further down
vouches for; where both are at one name, the negative one counts (RFC 7646 section 3). The DS records of its own zone
belong to the parent, which is validated as ever. Its scope may say that it holds for less.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S
from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR
from holdfast.dns.name import to_text
from holdfast.dnssec.anchor_scope import WIDE, AnchorScope
from holdfast.dnssec.signature_time import utc_text

CONFIGURED: Final = "configured"  # reason and author of the zones that the configuration calls insecure


class NegativeTrustAnchor:
    """One record: ``zone`` in wire format, why and by whom, from when to when (POSIX seconds; FOREVER_S: no end)."""

    def __init__(
        self, zone: bytes, reason: str, author: str, start_s: int, end_s: int, scope: AnchorScope = WIDE
    ) -> None:
        self.zone: Final = zone
        self.reason: Final = reason
        self.author: Final = author
        self.start_s: Final = start_s
        self.end_s: Final = end_s
        self.scope: Final = scope
        self.configured = False  # a zone that the configuration calls insecure, for as long as the process runs

    def until(self, end_s: int) -> "NegativeTrustAnchor":
        """Return the same record with another end."""
        return NegativeTrustAnchor(self.zone, self.reason, self.author, self.start_s, end_s, self.scope)

    def is_temporary(self) -> bool:
        """Tell whether it may end in the life of a cache: then what it lets through must not outlive it as judged."""
        return not self.configured

    def text(self) -> str:
        """Say for clients what is in force: name, expected end, reason."""
        until = f" until {utc_text(self.end_s)}" if self.end_s != FOREVER_S else ""
        return f"{to_text(self.zone)}{until}: {self.reason}"

    def cause(self) -> Cause:
        """Return what goes with every answer that it touches (EDE 33)."""
        return Cause(EDE_NEGATIVE_TRUST_ANCHOR, "negative trust anchor " + self.text(), "anchor.negative")
