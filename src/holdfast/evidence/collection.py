"""Putting a bundle together while replies come in: each message once, its ID cleared, within the limits."""

from holdfast.evidence.bundle import (
    MESSAGES,
    NO_MESSAGE,
    REPLIES,
    Bundle,
    Known,
    Parent,
    Place,
    Question,
    Reply,
)

TOO_MANY = "too many different messages"


class Collection:
    """What is being collected about one zone; ``started_s`` is POSIX time."""

    def __init__(self, zone: bytes, started_s: int, questions: tuple[Question, ...]) -> None:
        self.zone = zone
        self.started_s = started_s
        self.questions = questions
        self.places: list[Place] = []
        self.known: list[Known] = []
        self.notes: list[str] = []
        self._messages: dict[bytes, int] = {}
        self._replies: list[Reply] = []

    def add_place(self, place: Place) -> int:
        """Add where is asked; returns its number."""
        self.places.append(place)
        return len(self.places) - 1

    def add(self, place: int, transport: str, question: int, at_ms: int, wire: bytes | None, failure: str = "") -> None:
        """Add what became of a question: a message, or ``failure``."""
        if len(self._replies) >= REPLIES:
            return
        message = NO_MESSAGE
        if wire is not None:
            wire = b"\x00\x00" + wire[2:]
            if wire not in self._messages and len(self._messages) >= MESSAGES:
                failure = TOO_MANY
            else:
                message = self._messages.setdefault(wire, len(self._messages))
        self._replies.append(Reply(place, transport, question, at_ms, message, failure))

    def bundle(
        self,
        ended_s: int,
        validation_time_s: int,
        algorithms: list[int],
        digest_types: list[int],
        iterations_limit: int,
        parent: Parent,
    ) -> Bundle:
        """Return the bundle, replies in the order of place, transport and question, whenever they came."""
        replies = sorted(self._replies, key=lambda one: (one.place, one.transport, one.question, one.at_ms))
        return Bundle(
            zone=self.zone,
            started_s=self.started_s,
            ended_s=ended_s,
            validation_time_s=validation_time_s,
            algorithms=tuple(algorithms),
            digest_types=tuple(digest_types),
            iterations_limit=iterations_limit,
            parent=parent,
            places=tuple(self.places),
            questions=self.questions,
            replies=tuple(replies),
            messages=tuple(self._messages),
            known=tuple(self.known),
            notes=tuple(self.notes),
        )
