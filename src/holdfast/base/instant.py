"""The only notion of time inside the engine: a pair of clocks that the caller reads once per wake-up."""

from typing import Final

from mypy_extensions import mypyc_attr

FOREVER_S: Final = 1 << 62  # a POSIX time that never comes: the end of what no signature limits
FOREVER_US: Final = 1 << 62  # a monotonic time that never comes


@mypyc_attr(acyclic=True)
class Instant:
    """One reading of both clocks.

    ``monotonic_us`` drives TTLs and timers and never goes back; ``wall_s`` is POSIX time and is used only for the
    validity windows of signatures (RFC 4034 section 3.1.5). They are separate so that a stepped wall clock cannot age a
    cache, and so that a laboratory can move one without the other.
    """

    def __init__(self, monotonic_us: int, wall_s: int) -> None:
        self.monotonic_us: Final = monotonic_us
        self.wall_s: Final = wall_s

    def __repr__(self) -> str:
        """Show both halves, for the journal."""
        return f"Instant(monotonic_us={self.monotonic_us}, wall_s={self.wall_s})"
