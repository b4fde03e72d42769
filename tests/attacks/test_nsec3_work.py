"""NSEC3 exhaustion (CVE-2023-50868, RFC 9276): many iterations, long names, many records."""

import pytest

from holdfast.base.limits import NSEC3_HASHES_PER_REQUEST, NSEC3_ITERATIONS
from holdfast.dns.iana import RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_SERVFAIL
from holdfast.registry.zone import Nsec3Parameters
from tests.support.attack_world import AttackWorld

EDE_ITERATIONS = 27
DEEP = ".".join("a" for _ in range(120))


def hashes_of(world: AttackWorld, name: str) -> int:
    """Ask, and return how many NSEC3 hashes the request has cost."""
    number = world.ask(name)
    request = next(iter(world.engine.waiting.values())).request
    assert request is not None
    budget = request.budget
    world.run(lambda: number in world.answers)
    return NSEC3_HASHES_PER_REQUEST - budget.work.nsec3_hashes


@pytest.mark.parametrize("iterations", [NSEC3_ITERATIONS + 1, 500, 65535])
def test_many_iterations_make_a_denial_insecure_without_hashing(iterations: int) -> None:
    world = AttackWorld()
    # The zone itself is hashed with few, as the laboratory could not afford more; the records claim many.
    world.add_zone("slow", "www 3600 IN A 192.0.2.1\n", nsec3=Nsec3Parameters(iterations=iterations))
    number_of_hashes = hashes_of(world, "missing.slow")
    answer = world.answers[1]
    assert (answer.rcode, answer.secure) == (RCODE_NXDOMAIN, False)
    assert EDE_ITERATIONS in answer.errors
    assert f"{iterations} iterations" in answer.errors[EDE_ITERATIONS]
    assert number_of_hashes == 0
    positive = world.query("www.slow")
    assert (positive.rcode, positive.secure) == (RCODE_NOERROR, True)  # only denials are affected
    world.check_innocent()


def test_as_many_iterations_as_allowed_validate() -> None:
    world = AttackWorld()
    world.add_zone("slow", "www 3600 IN A 192.0.2.1\n", nsec3=Nsec3Parameters(iterations=NSEC3_ITERATIONS))
    answer = world.query("missing.slow")
    assert (answer.rcode, answer.secure) == (RCODE_NXDOMAIN, True)


def test_a_name_of_120_labels_costs_a_bounded_number_of_hashes() -> None:
    world = AttackWorld()
    world.add_zone(
        "deep", "www 3600 IN A 192.0.2.1\n", nsec3=Nsec3Parameters(iterations=NSEC3_ITERATIONS, salt=b"\xaa")
    )
    world.check_innocent()
    cost = hashes_of(world, f"{DEEP}.deep")
    assert 0 < cost <= NSEC3_HASHES_PER_REQUEST
    assert world.answers[2].rcode in (RCODE_NXDOMAIN, RCODE_SERVFAIL)
    world.check_innocent()
    world.check_books()


def test_repeated_deep_names_cost_each_request_its_own_budget_only() -> None:
    world = AttackWorld()
    world.add_zone("deep", "www 3600 IN A 192.0.2.1\n", nsec3=Nsec3Parameters(iterations=NSEC3_ITERATIONS))
    costs = [hashes_of(world, f"{DEEP}.b{number}.deep") for number in range(1, 6)]
    assert max(costs) <= NSEC3_HASHES_PER_REQUEST
    assert {answer.rcode for answer in world.answers.values()} == {RCODE_NXDOMAIN}
    world.check_innocent()


def test_a_spent_hash_budget_says_so_and_is_not_remembered() -> None:
    world = AttackWorld()
    world.add_zone("deep", "www 3600 IN A 192.0.2.1\n", nsec3=Nsec3Parameters())
    number = world.ask(f"{DEEP}.deep")
    request = next(iter(world.engine.waiting.values())).request
    assert request is not None
    request.budget.work.nsec3_hashes = 5
    world.run(lambda: number in world.answers)
    answer = world.answers[number]
    assert answer.rcode == RCODE_SERVFAIL
    assert "validation work limit reached" in " ".join(answer.errors.values())
    again = world.query(f"{DEEP}.deep", client="127.0.0.2")
    assert (again.rcode, again.secure) == (RCODE_NXDOMAIN, True)
