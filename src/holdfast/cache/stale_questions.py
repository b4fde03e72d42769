"""Questions that were answered stale, and how often: what to refresh first when a zone is well again."""

from typing import Final

from holdfast.cache.rrset_cache import rrset_key
from holdfast.dns.name import is_subdomain

QUESTIONS: Final = 4_000  # remembered; the one asked least recently goes first


class StaleQuestion:
    """A question, and how many look-ups of it ended stale."""

    def __init__(self, name: bytes, rtype: int) -> None:
        self.name: Final = name
        self.rtype: Final = rtype
        self.uses: int = 0


class StaleQuestions:
    """The questions by name and type, in the order in which they were last asked."""

    def __init__(self) -> None:
        self.questions: Final[dict[bytes, StaleQuestion]] = {}

    def note(self, name: bytes, rtype: int) -> None:
        """Count one stale answer."""
        key = rrset_key(name, rtype)
        known = self.questions.pop(key, None)
        if known is None:
            if len(self.questions) >= QUESTIONS:
                del self.questions[next(iter(self.questions))]
            known = StaleQuestion(name, rtype)
        known.uses += 1
        self.questions[key] = known

    def take_below(self, zone: bytes) -> list[StaleQuestion]:
        """Return the questions for names at and below ``zone``, and forget them."""
        found = [question for question in self.questions.values() if is_subdomain(question.name, zone)]
        for question in found:
            del self.questions[rrset_key(question.name, question.rtype)]
        return found
