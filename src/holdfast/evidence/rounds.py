"""When a negative trust anchor may end by itself: a zone must have been clean for several rounds in a row.

A probe that asks one question is fooled by a zone in which one signature in three is good. Here a round asks every
server for keys, SOA, denials and a sample of delegations; one bad RRset at one server makes it dirty.
"""

from dataclasses import dataclass

INTERVAL_S = 120  # between rounds: a few hundred questions to a zone's servers, who get thousands a second
CLEAN_ROUNDS = 3  # in a row: each has another sample, and zones that flap rarely hold still for six minutes
RELAPSE_ROUNDS = 2  # more are needed after each relapse (clean, then dirty again): hysteresis against flapping
CLEAN_ROUNDS_MAXIMUM = 12  # needed at most, so that a zone that is well at last is validated within half an hour
SILENT_SHARE = 0.34  # of the servers, a third, may be silent in a clean round; with more it says nothing


@dataclass(frozen=True)
class RecheckPolicy:
    """How a recheck goes about it; see the module's constants."""

    interval_s: float = INTERVAL_S
    clean_rounds: int = CLEAN_ROUNDS
    relapse_rounds: int = RELAPSE_ROUNDS
    silent_share: float = SILENT_SHARE


class Progress:
    """How far the recheck of one zone is. ``clean`` rounds in a row of the ``needed``, after ``rounds`` in all."""

    def __init__(self, policy: RecheckPolicy) -> None:
        self.policy = policy
        self.rounds = 0
        self.clean = 0
        self.needed = policy.clean_rounds

    def take(self, is_clean: bool | None) -> bool:
        """Take the result of a round, None if it says nothing; returns whether the anchor may end now."""
        self.rounds += 1
        if is_clean is None:
            return False
        if is_clean:
            self.clean += 1
            return self.clean >= self.needed
        if self.clean:
            self.needed = max(min(self.needed + self.policy.relapse_rounds, CLEAN_ROUNDS_MAXIMUM), self.needed)
        self.clean = 0
        return False
