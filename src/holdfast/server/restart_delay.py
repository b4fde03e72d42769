"""How long to wait before a process that ended by itself is started again: longer each time it ends soon."""

import os

RESTART_FIRST_S = 0.2
RESTART_MAXIMUM_S = 30.0
STABLE_S = 60.0  # one that lived this long is started again at once


class RestartDelay:
    """The delays of one process."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def next_s(self, lived_s: float) -> float:
        """Return the delay after a process that lived this long."""
        soon = lived_s < STABLE_S and self._last_s
        self._last_s = min(self._last_s * 2, RESTART_MAXIMUM_S) if soon else RESTART_FIRST_S
        return self._last_s


def how_it_ended(status: int) -> str:
    """Say how a process ended, from the status that wait(2) gives."""
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
