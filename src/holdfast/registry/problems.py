"""How the registry reports what it cannot work with: every problem at once, each a line that names place and fix."""

from collections.abc import Sequence


class RegistryError(ValueError):
    """Input, key store or policy cannot be used. ``problems`` has one line for each thing to fix."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
