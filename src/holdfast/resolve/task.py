"""Tasks: explicit states instead of coroutines, so that they can be listed, hashed and asserted on."""

from typing import Final

from holdfast.base.instant import FOREVER_US, Instant
from holdfast.base.limits import SERVER_NAME_LOOKUPS_PER_REQUEST, UPSTREAM_QUERIES_PER_REQUEST
from holdfast.dnssec.trust_view import PLAIN_VIEW, TrustView
from holdfast.dnssec.work_budget import WorkBudget

WAITS_EXAMINED: Final = 200  # tasks looked at when searching for a circle of waits; more means "assume a circle"


class RequestBudget:
    """What one request, with everything that it causes, may still cost: queries, look-ups of servers, cryptography.

    It also says what the request sees of the negative trust anchors (``view``), for that too holds for all it causes.

    What fails because a budget is spent says something about the request and nothing about the names, so it is not
    remembered: else one request could make names fail for others.
    """

    def __init__(self, view: TrustView = PLAIN_VIEW) -> None:
        self.view: Final = view
        self.queries = UPSTREAM_QUERIES_PER_REQUEST  # NXNSAttack, CVE-2020-12662
        self.server_names = SERVER_NAME_LOOKUPS_PER_REQUEST
        self.work: Final = WorkBudget()
        self.refused = False
        self.is_shadow = False  # judges what a negative trust anchor lets through: no client wants it or sees it
        self.is_probe = False  # looks for recovery, so what is known of a failure does not stop it

    def take(self) -> bool:
        """Take one upstream query; False: none are left."""
        if self.queries <= 0:
            self.refused = True
            return False
        self.queries -= 1
        return True

    def take_server_name(self) -> bool:
        """Take one look-up of a name server's address; False: none are left."""
        if self.server_names <= 0:
            self.refused = True
            return False
        self.server_names -= 1
        return True

    def spent(self) -> bool:
        """Tell whether something was refused already."""
        return self.refused or self.work.refused


class Task:
    """One piece of work that others can wait for. ``key`` is unique among the running tasks that can be joined.

    ``asked_us``: if it fails, when servers were asked in vain; the earliest time of all that its failure rests on, for
    what follows from a remembered failure is no newer than that is (RFC 9520 section 3.2). FOREVER_US: just now.
    """

    def __init__(self, key: bytes, budget: RequestBudget, depth: int) -> None:
        self.key: Final = key
        self.budget: Final = budget
        self.depth: Final = depth
        self.done = False
        self.queued = False
        self.waiters: list[Task] = []
        self.waiting_for: list[Task] = []
        self.asked_us = FOREVER_US

    def step(self, now: Instant) -> None:
        """Go as far as possible; called when something that was waited for has happened."""
        raise NotImplementedError

    def rest_on(self, asked_us: int) -> None:
        """Note that a failure of this task will rest on one of servers that were asked at ``asked_us``."""
        self.asked_us = min(self.asked_us, asked_us)

    def may_do_better(self, other: "Task") -> bool:
        """Tell whether ``other`` failed for want of a budget, and this task has another one that is not spent."""
        return other.budget is not self.budget and other.budget.spent() and not self.budget.spent()

    def wait_for(self, other: "Task") -> bool:
        """Be woken when ``other`` is done. False: ``other`` itself waits for this task, so waiting would never end."""
        if other is self or (self.waiters and other.reaches(self)):  # what nobody waits for closes no circle
            return False
        other.waiters.append(self)
        self.waiting_for = [task for task in self.waiting_for if not task.done]
        self.waiting_for.append(other)
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


class AddressSource:
    """Makes look-ups of name server addresses; fetches know no more of the look-ups that build on them."""

    def lookup_address(self, name: bytes, rtype: int, budget: RequestBudget, depth: int, now: Instant) -> Task:
        """Start or join the look-up of a server's address."""
        raise NotImplementedError

    def trust_in(self, name: bytes, budget: RequestBudget, depth: int, now: Instant) -> Task:
        """Start or join the search for the trust in the zone that encloses ``name``."""
        raise NotImplementedError
