"""Deadlines: a heap of numbers, and beside it what shall happen. Cancelling takes the latter away at once.

So nothing that is done stays in memory until its time would have come, and the heap compares plain integers.
"""

from heapq import heappop, heappush
from typing import Final

from holdfast.base.instant import Instant

SEQUENCE_BITS: Final = 16  # below the deadline in a key: timers of one deadline fire in the order of their making
NOT_ARMED: Final = -1


class Timer:
    """Something that happens at a deadline, in monotonic microseconds."""

    def __init__(self, deadline_us: int) -> None:
        self.deadline_us: Final = deadline_us
        self.key = NOT_ARMED

    def fire(self, now: Instant) -> None:
        """Act; called once, at or after the deadline, unless cancelled."""
        raise NotImplementedError


class Timers:
    """All timers; ``armed`` by key. Keys of cancelled ones stay in the heap until they come up."""

    def __init__(self) -> None:
        self._keys: Final[list[int]] = []
        self.armed: Final[dict[int, Timer]] = {}
        self._sequence = 0

    def add(self, timer: Timer) -> None:
        """Arm a timer."""
        self._sequence = (self._sequence + 1) & ((1 << SEQUENCE_BITS) - 1)
        key = timer.deadline_us << SEQUENCE_BITS | self._sequence
        while key in self.armed:
            key += 1
        timer.key = key
        self.armed[key] = timer
        heappush(self._keys, key)

    def cancel(self, timer: Timer) -> None:
        """Forget a timer, whether it is armed or not."""
        self.armed.pop(timer.key, None)

    def fire(self, now: Instant) -> None:
        """Fire what is due."""
        while 0 <= self.next_deadline() <= now.monotonic_us:
            self.armed.pop(heappop(self._keys)).fire(now)

    def next_deadline(self) -> int:
        """Return the next deadline in monotonic microseconds, -1 if nothing is armed."""
        while self._keys:
            key = self._keys[0]
            if key in self.armed:
                return key >> SEQUENCE_BITS
            heappop(self._keys)
        return -1
