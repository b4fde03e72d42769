"""Timers fire in order, once, unless cancelled."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.base.instant import Instant
from holdfast.base.settings import TrustAnchorSetting
from holdfast.dnssec.trust_anchor import TrustAnchor
from holdfast.resolve.anchor_watch import AnchorTimer, AnchorWatch
from holdfast.resolve.timers import Timer, Timers
from tests.support.engine_world import EngineWorld


class Notebook:
    """Makes timers with a number, and knows in which order they fired: each starts a task in its engine."""

    def __init__(self) -> None:
        self.engine = EngineWorld(lambda _address, _query: None).engine

    def timer(self, number: int, deadline_us: int) -> Timer:
        """A timer that watches the zone of that number."""
        anchor = TrustAnchor(TrustAnchorSetting(bytes([1, number, 0]), [], [], False, ""))
        return AnchorTimer(AnchorWatch(self.engine.state, self.engine.tasks, anchor), deadline_us)

    def fired(self) -> list[int]:
        """The numbers of those that fired."""
        return [key[2] for key in self.engine.state.running]


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60), st.integers(0, 20))
def test_what_is_due_fires_in_order_of_deadline_then_of_making(plan: list[tuple[int, bool]], now_us: int) -> None:
    timers = Timers()
    notebook = Notebook()
    made = [notebook.timer(number, deadline_us) for number, (deadline_us, _) in enumerate(plan)]
    for timer in made:
        timers.add(timer)
    for timer, (_, cancelled) in zip(made, plan, strict=True):
        if cancelled:
            timers.cancel(timer)
    alive = [(deadline_us, number) for number, (deadline_us, cancelled) in enumerate(plan) if not cancelled]
    assert timers.next_deadline() == min((deadline_us for deadline_us, _ in alive), default=-1)
    timers.fire(Instant(now_us, 0))
    assert notebook.fired() == [number for deadline_us, number in sorted(alive) if deadline_us <= now_us]
    assert timers.next_deadline() == min((deadline_us for deadline_us, _ in alive if deadline_us > now_us), default=-1)


def test_a_cancelled_timer_is_let_go_at_once() -> None:
    timers = Timers()
    timer = Notebook().timer(1, 10)
    timers.cancel(timer)
    timers.add(timer)
    assert list(timers.armed.values()) == [timer]
    timers.cancel(timer)
    timers.cancel(timer)
    assert timers.armed == {}
