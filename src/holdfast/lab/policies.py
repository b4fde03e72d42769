"""Ways to run a resolver through an outage, side by side."""

from dataclasses import dataclass

from holdfast.base.settings import EngineSettings


@dataclass(frozen=True)
class Policy:
    """Named engine settings."""

    name: str
    title: str
    settings: tuple[tuple[str, bool], ...]

    def apply(self, settings: EngineSettings) -> EngineSettings:
        """Set the settings of this policy; returns them."""
        for key, value in self.settings:
            if hasattr(settings, key):
                setattr(settings, key, value)
        return settings

    def is_possible(self) -> bool:
        """Tell whether this engine has what the policy switches on."""
        plain = EngineSettings()
        return all(hasattr(plain, key) for key, value in self.settings if value)


ALL = (
    Policy("no-stale", "no stale answers", (("serve_stale", False), ("last_known_good", False))),
    Policy("stale", "stale answers", (("serve_stale", True), ("last_known_good", False))),
    Policy("last-known-good", "stale and last-known-good chain", (("serve_stale", True), ("last_known_good", True))),
)


def possible_policies() -> list[Policy]:
    """Return the policies that this engine can follow."""
    return [policy for policy in ALL if policy.is_possible()]
