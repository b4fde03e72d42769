"""Unit tests of holdfast.dnssec.work_budget."""

from holdfast.base.limits import NSEC3_HASHES_PER_REQUEST, SIGNATURE_CHECKS_PER_REQUEST
from holdfast.dnssec.work_budget import WorkBudget


def test_a_budget_is_spent_once() -> None:
    budget = WorkBudget(2, 1)
    assert [budget.take_signature_check() for _ in range(4)] == [True, True, False, False]
    assert [budget.take_nsec3_hash() for _ in range(3)] == [True, False, False]


def test_the_default_is_one_request() -> None:
    budget = WorkBudget()
    assert (budget.signature_checks, budget.nsec3_hashes) == (SIGNATURE_CHECKS_PER_REQUEST, NSEC3_HASHES_PER_REQUEST)
