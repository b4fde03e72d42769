"""Tasks that wait for each other, and the budget that a request shares with all that it causes."""

import itertools

from holdfast.base.instant import Instant
from holdfast.base.limits import SERVER_NAME_LOOKUPS_PER_REQUEST, UPSTREAM_QUERIES_PER_REQUEST
from holdfast.resolve.pending import PendingLookup
from holdfast.resolve.task import WAITS_EXAMINED, RequestBudget

NOW = Instant(0, 0)


def task(budget: RequestBudget | None = None) -> PendingLookup:
    return PendingLookup(b"", budget or RequestBudget(), 0)


def test_a_task_waits_for_another() -> None:
    one, other = task(), task()
    assert one.wait_for(other)
    assert other.waiters == [one]
    assert one.reaches(other)
    assert not other.reaches(one)


def test_a_circle_is_refused_whatever_its_length() -> None:
    tasks = [task() for _ in range(10)]
    for one, following in itertools.pairwise(tasks):
        assert one.wait_for(following)
    assert not tasks[-1].wait_for(tasks[0])
    assert not tasks[3].wait_for(tasks[3])
    assert tasks[0].wait_for(tasks[9])  # a second way to the end is no circle


def test_what_is_done_is_waited_for_by_nobody() -> None:
    one, between, other = task(), task(), task()
    assert one.wait_for(between)
    assert between.wait_for(other)
    between.done = True
    assert other.wait_for(one)  # would be a circle if ``between`` still waited


def test_the_search_for_circles_is_bounded() -> None:
    goal, hub = task(), task()
    for _ in range(WAITS_EXAMINED + 10):
        hub.wait_for(task())
    assert goal.wait_for(hub)  # nobody waits for it, so there is nothing to look at
    goal, waiting = task(), task()
    assert waiting.wait_for(goal)
    assert not goal.wait_for(hub)  # too much to look at counts as a circle


def test_queries_run_out() -> None:
    budget = RequestBudget()
    taken = 0
    while budget.take():
        taken += 1
    assert taken == UPSTREAM_QUERIES_PER_REQUEST
    assert budget.spent()


def test_server_names_run_out() -> None:
    budget = RequestBudget()
    assert [budget.take_server_name() for _ in range(SERVER_NAME_LOOKUPS_PER_REQUEST)].count(True) == 48
    assert not budget.spent()
    assert not budget.take_server_name()
    assert budget.spent()


def test_the_last_of_a_budget_is_not_too_much() -> None:
    budget = RequestBudget()
    budget.queries = 1
    budget.work.signature_checks = 1
    budget.work.nsec3_hashes = 1
    assert budget.take() and budget.work.take_signature_check() and budget.work.take_nsec3_hash()
    assert not budget.spent()  # only what was refused could have changed an outcome
    assert not budget.work.take_nsec3_hash()
    assert budget.spent()


def test_who_may_do_better_than_a_task_that_failed() -> None:
    poor = RequestBudget()
    poor.queries = 0
    failed = task(poor)
    assert not task().may_do_better(failed)  # not for want of a budget: nothing was refused yet
    poor.take()
    assert task().may_do_better(failed)
    assert not task(poor).may_do_better(failed)  # the same budget
    other = RequestBudget()
    other.queries = 0
    other.take()
    assert not task(other).may_do_better(failed)  # as poor as the other
