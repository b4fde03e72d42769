"""The wait of a worker: what is served inside it, what ends it, and for how long it sleeps."""

import pytest

from holdfast.driver.datagram_loop import NO_LIMIT_S
from tests.unit.driver.test_pump import CLIENT, Path

OTHER = 99


def test_what_is_no_datagram_is_handed_back_beside_the_datagrams_that_are_served() -> None:
    path = Path()
    path.ask()
    path.respond()
    path.arrive()
    path.poller.ready += [OTHER, path.listening.descriptor]
    assert path.loop.wait(NO_LIMIT_S) == [(OTHER, 1)]
    assert [address for _, address in path.listening.sent_to] == [CLIENT, CLIENT]


def test_datagrams_alone_do_not_end_a_wait() -> None:
    path = Path()
    served = []

    def happen() -> None:
        served.append(len(path.listening.sent_to))
        if len(served) == 4:
            path.poller.ready.append(OTHER)
        else:
            path.arrive()
            path.poller.ready.append(path.listening.descriptor)

    path.ask()
    path.respond()
    path.poller.on_poll = happen
    assert path.loop.wait(NO_LIMIT_S) == [(OTHER, 1)]
    assert served == [1, 2, 3, 4]


def test_a_wait_ends_when_its_time_is_over() -> None:
    path = Path()
    path.poller.on_poll = lambda: setattr(path.time, "now_us", path.time.now_us + 400_000)
    assert path.loop.wait(1.0) == []
    assert path.poller.timeouts_s == pytest.approx([1.0, 0.6, 0.2])


def test_a_wait_ends_when_the_event_loop_is_given_work_inside() -> None:
    path = Path()
    path.poller.on_poll = lambda: setattr(path.loop, "interrupted", True)
    assert path.loop.wait(NO_LIMIT_S) == []
    assert len(path.poller.timeouts_s) == 1


def test_it_sleeps_until_the_engine_is_due_and_lets_its_timers_fire() -> None:
    path = Path()
    path.ask()
    (first_s,) = path.wakes_s
    path.poller.timeouts_s.clear()

    def sleep() -> None:
        path.time.now_us += int(path.poller.timeouts_s[-1] * 1e6) + 1
        path.loop.interrupted = True

    path.poller.on_poll = sleep
    assert path.loop.wait(60.0) == []
    assert path.poller.timeouts_s == pytest.approx([first_s])
    assert len(path.upstream) == 2, "the query timed out and was sent again"


def test_nothing_to_wait_for_is_waited_for_without_limit() -> None:
    path = Path()
    path.poller.on_poll = lambda: path.poller.ready.append(OTHER)
    path.loop.wait(NO_LIMIT_S)
    assert path.poller.timeouts_s == [NO_LIMIT_S]


def test_a_bug_in_serving_one_is_reported_and_the_others_are_served() -> None:
    path = Path()
    path.ask()
    path.respond()
    path.listening.arrived.append((b"a datagram without an address", None))
    path.poller.ready.append(path.listening.descriptor)
    assert path.loop.wait(0.0) == []
    assert [type(error) for error in path.failures] == [TypeError]
    path.failures.clear()
    path.ask()
    assert len(path.listening.sent_to) == 2


def test_what_is_watched_no_more_is_left_alone() -> None:
    path = Path()
    path.loop.unwatch(path.listening.descriptor)
    assert path.poller.watched == []
    path.arrive()
    path.poller.ready.append(path.listening.descriptor)
    assert path.loop.wait(0.0) == [(path.listening.descriptor, 1)]
    assert path.listening.receive_calls == 0
