"""Ways to run a resolver through an outage, side by side."""

from dataclasses import dataclass

from holdfast.base.settings import EngineSettings


@dataclass(frozen=True)
class Policy:
    """Named engine settings (RFC 8767 for stale answers), and what the operator does meanwhile.

    ``anchor_after_s``: so many seconds into the break the operator puts a negative trust anchor (RFC 7646) in force
    for the broken zone; -1: never.
    """

    name: str
    title: str
    serve_stale: bool
    last_known_good: bool
    anchor_after_s: int = -1

    @property
    def hands_off(self) -> bool:
        """Tell whether the resolver is left alone during the outage."""
        return self.anchor_after_s < 0

    def apply(self, settings: EngineSettings) -> EngineSettings:
        """Set the settings of this policy; returns them."""
        settings.serve_stale = self.serve_stale
        settings.last_known_good = self.last_known_good
        return settings


# From the plainest to the best.
POLICIES = (
    Policy("no-stale", "no stale answers", False, False),
    Policy("stale", "stale answers", True, False),
    Policy("nta-1h", "stale, negative trust anchor after 1 h", True, False, 3600),
    Policy("nta", "stale, negative trust anchor after 2 h 47", True, False, 10020),  # as 1.1.1.1 on 5 May 2026
    Policy("last-known-good", "stale and last-known-good chain", True, True),
)
