"""When a process that ended is started again."""

import itertools

from holdfast.server.restart_delay import RESTART_FIRST_S, RESTART_MAXIMUM_S, STABLE_S, RestartDelay


def test_it_doubles_while_the_process_ends_soon_up_to_a_limit() -> None:
    delay = RestartDelay()
    delays = [delay.next_s(0.0) for _ in range(12)]
    assert delays[0] == RESTART_FIRST_S and delays[-1] == RESTART_MAXIMUM_S
    assert all(later == min(2 * earlier, RESTART_MAXIMUM_S) for earlier, later in itertools.pairwise(delays))


def test_one_that_ran_for_long_is_started_at_once() -> None:
    delay = RestartDelay()
    for _ in range(5):
        delay.next_s(0.0)
    assert delay.next_s(STABLE_S) == RESTART_FIRST_S
