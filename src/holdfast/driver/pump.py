"""Carries out what the engine wants, after every input; and the one timer that it needs."""

from collections.abc import Callable
from typing import Final

from holdfast.base.effects import TRANSPORT_UDP, AbandonExchange, Effect, SendAnswer, SendUpstreamQuery
from holdfast.base.instant import Instant
from holdfast.driver.datagram_exchanges import SENT, DatagramExchanges
from holdfast.driver.datagram_listener import DatagramPeer
from holdfast.driver.seams import Clocks
from holdfast.engine.engine import ResolverEngine
from holdfast.engine.inputs import Resolution

NEVER_US: Final = -1


class Pump:
    """Turns effects into datagrams. The rest goes to the callables of the server.

    ``carry_out``: effects that concern no datagram. ``finish``: results of questions from inside the process.
    ``wake_us`` is when ``tick`` is due (NEVER_US: not at all); ``wake_after`` is told, after how many seconds, if
    nobody looks there.
    """

    def __init__(
        self,
        engine: ResolverEngine,
        exchanges: DatagramExchanges,
        clocks: Clocks,
        carry_out: Callable[[Effect], None],
        finish: Callable[[Resolution], None],
        wake_after: Callable[[float], None] | None,
    ) -> None:
        self._engine: Final = engine
        self._exchanges: Final = exchanges
        self._clocks: Final = clocks
        self._carry_out: Final = carry_out
        self._finish: Final = finish
        self._wake_after: Final = wake_after
        self.wake_us = NEVER_US

    def run(self) -> None:
        """Carry out effects until there are none, then plan the next wake-up."""
        engine = self._engine
        effects = engine.take_effects()
        while effects:
            for effect in effects:
                if isinstance(effect, SendUpstreamQuery) and effect.transport == TRANSPORT_UDP:
                    failure = self._exchanges.send(effect)
                    if failure != SENT:
                        engine.fail_upstream_query(effect.exchange_id, failure, self._clocks.read())
                elif isinstance(effect, AbandonExchange) and self._exchanges.abandon(effect.exchange_id):
                    continue
                elif isinstance(effect, SendAnswer) and isinstance(effect.client.handle, DatagramPeer):
                    effect.client.handle.send(effect.wire)
                else:
                    self._carry_out(effect)
            effects = engine.take_effects()
        if engine.results:
            for result in engine.take_results():
                self._finish(result)
        self._plan(engine.next_deadline())

    def tick(self, now: Instant) -> None:
        """Let the engine's timers fire."""
        self.wake_us = NEVER_US
        self._engine.handle_timer(now)
        self.run()

    def _plan(self, deadline_us: int) -> None:
        """Keep one wake-up planned for the engine's next deadline; an earlier one than needed does no harm."""
        if deadline_us < 0 or (self.wake_us != NEVER_US and self.wake_us <= deadline_us):
            return
        self.wake_us = deadline_us
        if self._wake_after is not None:
            self._wake_after(max(deadline_us - self._clocks.monotonic_us(), 0) / 1e6)
