"""What is counted and limited while validation goes on in the shadow of negative trust anchors (RFC 7646)."""

from typing import Final

from holdfast.base.security_status import BOGUS, NAMES
from holdfast.cache.stale_questions import StaleQuestions
from holdfast.resolve.task import Task

CHECKS_PER_SECOND: Final = 200  # signature checks in the shadow: one or two percent of a processor
SEARCHES_PER_SECOND: Final = 50  # for the trust in a zone; one that is known to be broken is known for half a minute
SEARCHES_AT_ONCE: Final = 8  # that wait for servers: nobody waits for them


class ShadowBook:
    """Counts by zone of the anchor and would-be status, questions that were let through, and what may still be spent.

    ``ended``: zones whose anchors have ended and whose questions wait to be validated again.
    """

    def __init__(self) -> None:
        self.counts: Final[dict[bytes, list[int]]] = {}
        self.questions: Final = StaleQuestions()
        self.ended: list[bytes] = []
        self.searches: list[Task] = []
        self.second = -1
        self.checks_left = 0
        self.searches_left = 0

    def begin(self, zone: bytes) -> None:
        """Count for an anchor from zero."""
        self.counts[zone] = [0] * (BOGUS + 1)

    def note(self, zone: bytes, name: bytes, rtype: int, status: int) -> None:
        """Count one link of an answer that an anchor covers."""
        counts = self.counts.get(zone)
        if counts is not None:
            counts[status] += 1
            self.questions.note(name, rtype)

    def end(self, zone: bytes) -> None:
        """An anchor is gone."""
        self.counts.pop(zone, None)
        self.ended.append(zone)

    def numbers(self, zone: bytes) -> dict[str, int]:
        """Return the counts of an anchor by name of the would-be status."""
        counts = self.counts.get(zone)
        return {NAMES[status]: counts[status] for status in range(len(counts))} if counts is not None else {}

    def renew(self, now_us: int) -> None:
        """Give the allowance of a new second, once in it."""
        second = now_us // 1_000_000
        if second != self.second:
            self.second = second
            self.checks_left = CHECKS_PER_SECOND
            self.searches_left = SEARCHES_PER_SECOND

    def take_search(self) -> bool:
        """Take one search; False: not now."""
        self.searches = [one for one in self.searches if not one.done]
        if self.searches_left <= 0 or len(self.searches) >= SEARCHES_AT_ONCE:
            return False
        self.searches_left -= 1
        return True
