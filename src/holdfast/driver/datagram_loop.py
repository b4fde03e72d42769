"""Waits for all descriptors of a worker at once: datagrams and the engine's timers are seen to here.

What else is ready is handed back to the event loop that waits through this one. A datagram thus costs one return from
the system's wait and no callback of the event loop.
"""

from collections.abc import Callable
from typing import Final

from holdfast.base.instant import Instant
from holdfast.driver.datagram_exchanges import READABLE, DatagramExchanges
from holdfast.driver.datagram_listener import DatagramListener
from holdfast.driver.pump import NEVER_US, Pump
from holdfast.driver.seams import Clocks, Poller

NO_LIMIT_S: Final = -1.0
AT_ONCE_US: Final = 4  # a wait this short did not sleep: what it found had come before, and more may have
EVENTS_AT_ONCE: Final = 128  # of one wait: the rest is as ready at the next, and the system's buffer stays small


class DatagramLoop:
    """One poller with all that is watched. ``failed`` is told of an exception: a bug must not end the worker.

    ``interrupted`` is set by whoever gives the event loop something to do from inside: the wait then ends.
    """

    def __init__(
        self,
        poller: Poller,
        exchanges: DatagramExchanges,
        pump: Pump,
        clocks: Clocks,
        failed: Callable[[Exception], None],
    ) -> None:
        self.interrupted = False
        self._poller: Final = poller
        self._exchanges: Final = exchanges
        self._pump: Final = pump
        self._clocks: Final = clocks
        self._failed: Final = failed
        self._listeners: Final[dict[int, DatagramListener]] = {}
        self._has_received = False

    def watch(self, descriptor: int, listener: DatagramListener) -> None:
        """Drain a listener whenever its socket can be read."""
        self._listeners[descriptor] = listener
        self._poller.register(descriptor, READABLE)

    def unwatch(self, descriptor: int) -> None:
        """Drain it no more."""
        del self._listeners[descriptor]
        self._poller.unregister(descriptor)

    def wait(self, timeout_s: float) -> list[tuple[int, int]]:
        """Serve until other descriptors are ready, which are returned with their events, or it is time.

        ``timeout_s`` may be NO_LIMIT_S; 0: take what is there already.
        """
        self.interrupted = False
        asked_us = self._clocks.monotonic_us()
        end_us = NEVER_US if timeout_s < 0 else asked_us + int(timeout_s * 1_000_000)
        while True:
            ready = self._poller.poll(self._wait_s(asked_us, end_us), EVENTS_AT_ONCE)
            now = self._clocks.read()
            more = now.monotonic_us - asked_us < AT_ONCE_US
            others: list[tuple[int, int]] | None = None
            for event in ready:
                try:
                    if not self._serve(event[0], now, more):
                        if others is None:
                            others = []
                        others.append(event)
                except Exception as error:
                    self._failed(error)
            self._see_to_the_rest(now)
            if others is not None:
                return others
            if self.interrupted or (end_us != NEVER_US and now.monotonic_us >= end_us):
                return []
            asked_us = self._clocks.monotonic_us()

    def _wait_s(self, now_us: int, end_us: int) -> float:
        """Return how long nothing needs to be done unless something arrives."""
        first_us = self._pump.wake_us
        if first_us == NEVER_US or (end_us != NEVER_US and end_us < first_us):
            first_us = end_us
        if first_us == NEVER_US:
            return NO_LIMIT_S
        return (first_us - now_us) / 1e6 if first_us > now_us else 0.0

    def _serve(self, descriptor: int, now: Instant, more: bool) -> bool:
        """Take the datagram of a descriptor, of a listener all with ``more``; False: it is none of ours."""
        listener = self._listeners.get(descriptor)
        if listener is not None:
            listener.drain(now, more)
            return True
        if not self._exchanges.receive(descriptor, now):
            return False
        self._has_received = True
        return True

    def _see_to_the_rest(self, now: Instant) -> None:
        """Do what responses have led to, and what is due."""
        wake_us = self._pump.wake_us
        due = wake_us != NEVER_US and wake_us <= now.monotonic_us
        if not due and not self._has_received:
            return
        self._has_received = False
        try:
            if due:
                self._pump.tick(now)
            else:
                self._pump.run()
        except Exception as error:
            self._failed(error)
