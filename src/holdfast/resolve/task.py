"""Tasks: explicit states instead of coroutines, so that they can be listed, hashed and asserted on."""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.limits import UPSTREAM_QUERIES_PER_REQUEST

WAITS_EXAMINED: Final = 200  # tasks looked at when searching for a circle of waits; more means "assume a circle"


class QueryBudget:
    """Upstream queries that one request, with everything it causes, may still send (NXNSAttack, CVE-2020-12662)."""

    def __init__(self) -> None:
        self.queries = UPSTREAM_QUERIES_PER_REQUEST
        self.is_probe = False  # looks for recovery, so what is known of a failure does not stop it

    def take(self) -> bool:
        """Take one; False: none are left."""
        if self.queries <= 0:
            return False
        self.queries -= 1
        return True


class Task:
    """One piece of work that others can wait for. ``key`` is unique among the running tasks that can be joined."""

    def __init__(self, key: bytes, budget: QueryBudget, depth: int) -> None:
        self.key: Final = key
        self.budget: Final = budget
        self.depth: Final = depth
        self.done = False
        self.queued = False
        self.waiters: list[Task] = []
        self.waiting_for: list[Task] = []
        self.blockers = 0

    def step(self, now: Instant) -> None:
        """Go as far as possible; called when something that was waited for has happened."""
        raise NotImplementedError

    def wait_for(self, other: "Task") -> bool:
        """Be woken when ``other`` is done. False: ``other`` itself waits for this task, so waiting would never end."""
        if other is self or other.reaches(self):
            return False
        other.waiters.append(self)
        self.waiting_for = [task for task in self.waiting_for if not task.done]
        self.waiting_for.append(other)
        self.blockers += 1
        return True

    def reaches(self, goal: "Task") -> bool:
        """Tell whether this task waits, directly or not, for ``goal``."""
        seen: list[Task] = [self]
        at = 0
        while at < len(seen):
            if len(seen) > WAITS_EXAMINED:
                return True
            for task in seen[at].waiting_for:
                if task is goal:
                    return True
                if not task.done and task not in seen:
                    seen.append(task)
            at += 1
        return False
