"""Ways to run a resolver through an outage, side by side."""

from dataclasses import dataclass

from holdfast.base.settings import EngineSettings


@dataclass(frozen=True)
class Policy:
    """Named engine settings (RFC 8767 for stale answers)."""

    name: str
    title: str
    serve_stale: bool
    last_known_good: bool

    def apply(self, settings: EngineSettings) -> EngineSettings:
        """Set the settings of this policy; returns them."""
        settings.serve_stale = self.serve_stale
        settings.last_known_good = self.last_known_good
        return settings


# From the plainest to the best.
POLICIES = (
    Policy("no-stale", "no stale answers", False, False),
    Policy("stale", "stale answers", True, False),
    Policy("last-known-good", "stale and last-known-good chain", True, True),
)
