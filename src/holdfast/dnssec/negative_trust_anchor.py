"""Negative trust anchors (RFC 7646): zones that are treated as unsigned, by whom, why, and until when.

A negative trust anchor holds for its zone and everything below, but for what a positive trust anchor further down
vouches for; where both are at one name, the negative one counts (RFC 7646 section 3). The DS records of its own zone
belong to the parent, which is validated as ever.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S
from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR, TYPE_DS
from holdfast.dns.name import ROOT, parent, to_text
from holdfast.dnssec.signature_time import utc_text
from holdfast.dnssec.trust_anchor import TrustAnchor

CONFIGURED: Final = "configured"  # reason and author of the zones that the configuration calls insecure


class NegativeTrustAnchor:
    """One record: ``zone`` in wire format, why and by whom, from when to when (POSIX seconds; FOREVER_S: no end)."""

    def __init__(self, zone: bytes, reason: str, author: str, start_s: int, end_s: int) -> None:
        self.zone: Final = zone
        self.reason: Final = reason
        self.author: Final = author
        self.start_s: Final = start_s
        self.end_s: Final = end_s

    def is_temporary(self) -> bool:
        """Tell whether it ends by itself: then nothing that it lets through may outlive it as judged."""
        return self.end_s != FOREVER_S

    def text(self) -> str:
        """Say for clients what is in force: name, expected end, reason."""
        until = f" until {utc_text(self.end_s)}" if self.is_temporary() else ""
        return f"{to_text(self.zone)}{until}: {self.reason}"

    def cause(self) -> Cause:
        """Return what goes with every answer that it touches (EDE 33)."""
        return Cause(EDE_NEGATIVE_TRUST_ANCHOR, "negative trust anchor " + self.text(), "anchor.negative")


NOTHING: Final[list[NegativeTrustAnchor]] = []  # the usual case costs no allocation


class NegativeTrustAnchors:
    """All that are in force, by zone; ``positive`` are the trust anchors, whose zones are validated again."""

    def __init__(self, configured: list[bytes], positive: dict[bytes, TrustAnchor]) -> None:
        self.anchors: Final[dict[bytes, NegativeTrustAnchor]] = {}
        self.positive: Final = positive
        for zone in configured:
            self.anchors[zone] = NegativeTrustAnchor(zone, CONFIGURED, CONFIGURED, 0, FOREVER_S)

    def get(self, zone: bytes) -> NegativeTrustAnchor | None:
        """Return the one of exactly this zone."""
        return self.anchors.get(zone)

    def put(self, anchor: NegativeTrustAnchor) -> None:
        """Put one in force, in place of an earlier one of its zone."""
        self.anchors[anchor.zone] = anchor

    def remove(self, zone: bytes) -> bool:
        """Take one away; False: there is none."""
        return self.anchors.pop(zone, None) is not None

    def covering(self, name: bytes, rtype: int) -> list[NegativeTrustAnchor]:
        """Return those that a question is subject to, the closest first."""
        if not self.anchors:
            return NOTHING
        if rtype == TYPE_DS and name != ROOT:
            name = parent(name)
        found: list[NegativeTrustAnchor] = []
        while True:
            anchor = self.anchors.get(name)
            if anchor is not None:
                found.append(anchor)
            positive = self.positive.get(name)
            if name == ROOT or (positive is not None and not positive.deleted()):
                return found
            name = parent(name)
