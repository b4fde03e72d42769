"""Ways to run a resolver through an outage, side by side."""

from dataclasses import dataclass

from holdfast.base.settings import EngineSettings
from holdfast.lab.timeline import NOTHING, ON_PROPOSAL, Timeline, anchor_after


@dataclass(frozen=True)
class Policy:
    """Named engine settings (RFC 8767 for stale answers), and what the operator does meanwhile.

    ``checking_disabled``: clients set CD. ``forwarder``: clients ask a plain forwarder in front of the resolver.
    ``loses_cause``: a failed validation reaches them as EDE 22.
    """

    name: str
    title: str
    serve_stale: bool
    last_known_good: bool
    timeline: Timeline = NOTHING
    validate: bool = True
    checking_disabled: bool = False
    forwarder: bool = False
    loses_cause: bool = False

    @property
    def hands_off(self) -> bool:
        """Tell whether the resolver is left alone during the outage."""
        return not self.timeline.steps

    def apply(self, settings: EngineSettings) -> EngineSettings:
        """Set the settings of this policy; returns them."""
        settings.serve_stale = self.serve_stale
        settings.last_known_good = self.last_known_good
        settings.validate = self.validate
        return settings


# From the plainest to the best.
POLICIES = (
    Policy("no-stale", "no stale answers", False, False),
    Policy("stale", "stale answers", True, False),
    Policy("nta", "stale, negative trust anchor after 2 h 47", True, False, anchor_after(10020)),  # 1.1.1.1, 5 May 2026
    Policy("nta-1h", "stale, negative trust anchor after 1 h", True, False, anchor_after(3600)),
    Policy("detector", "stale, the detector's proposal approved after 10 min", True, False, ON_PROPOSAL),
    Policy("last-known-good", "stale and last-known-good chain", True, True),
)

# Resolvers of other kinds, which a replay shows if they are named.
RESOLVER_MIX = (
    Policy("ede-22", "stale answers, the cause lost on the way (EDE 22)", True, False, loses_cause=True),
    Policy("non-validating", "no validation", True, False, validate=False),
    Policy("forwarder", "a forwarder in front of a validating resolver", False, False, forwarder=True),
    Policy("cd-clients", "validation, and clients that set CD", False, False, checking_disabled=True),
)
