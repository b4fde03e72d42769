"""The worker's event loop: asyncio's own, waiting through the path of datagrams.

Almost all that a resolver hears are datagrams, and what an event loop does for each of them costs more than a cached
answer. Here it does nothing: the wait itself serves them (`holdfast.driver.datagram_loop`), and comes back for streams,
signals and asyncio's own timers. On a loop of someone else the same code runs as the reader of a nested epoll.
"""

import asyncio
import contextlib
import select
import selectors
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any, TypeVarTuple, Unpack

from holdfast.driver.datagram_loop import NO_LIMIT_S, DatagramLoop

_READ = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_WRITE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
_Arguments = TypeVarTuple("_Arguments")
_EVENTS = 128  # of one wait, as long as there is no path of datagrams


class DatagramSelector(selectors.BaseSelector):
    """An epoll whose ``select`` serves datagrams meanwhile, once it has been given the ``datagrams``."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.datagrams: DatagramLoop | None = None
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file object, as `selectors.BaseSelector.register`."""
        descriptor = _descriptor(fileobj)
        if descriptor in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {descriptor}) is watched already")
        self.epoll.register(descriptor, _mask(events))
        key = selectors.SelectorKey(fileobj, descriptor, events, data)
        self._keys[descriptor] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch it no more."""
        key = self.get_key(fileobj)
        del self._keys[key.fd]
        with contextlib.suppress(OSError):  # closed before, and so forgotten already
            self.epoll.unregister(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch it for other events."""
        key = self.get_key(fileobj)
        if events != key.events:
            self.epoll.modify(key.fd, _mask(events))
        key = key._replace(events=events, data=data)
        self._keys[key.fd] = key
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for what is no datagram; seconds, None: without limit."""
        wait_s = NO_LIMIT_S if timeout is None else max(timeout, 0.0)
        ready = self.epoll.poll(wait_s, _EVENTS) if self.datagrams is None else self.datagrams.wait(wait_s)
        found = []
        for descriptor, happened in ready:
            key = self._keys.get(descriptor)
            if key is None:
                continue
            events = selectors.EVENT_READ if happened & _READ else 0
            events |= selectors.EVENT_WRITE if happened & _WRITE else 0
            found.append((key, events & key.events))
        return found

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """Return what is known of a watched file object. Raises KeyError if it is not watched."""
        return self._keys[_descriptor(fileobj)]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return all that is watched, by descriptor."""
        return self._keys

    def close(self) -> None:
        """Give the epoll back."""
        self.epoll.close()
        self._keys.clear()


class DatagramEventLoop(asyncio.SelectorEventLoop):
    """asyncio's loop over a `DatagramSelector`: work that comes from inside a wait ends the wait."""

    def __init__(self) -> None:
        self.datagram_selector = DatagramSelector()
        super().__init__(self.datagram_selector)

    def call_soon(
        self,
        callback: Callable[[Unpack[_Arguments]], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As `asyncio.loop.call_soon`."""
        self._interrupt()
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Arguments]], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As `asyncio.loop.call_at`."""
        self._interrupt()
        return super().call_at(when, callback, *args, context=context)

    def _interrupt(self) -> None:
        if self.datagram_selector.datagrams is not None:
            self.datagram_selector.datagrams.interrupted = True


def _descriptor(fileobj: Any) -> int:
    descriptor: int = fileobj if isinstance(fileobj, int) else fileobj.fileno()
    if descriptor < 0:
        raise ValueError(f"{fileobj!r} is closed")
    return descriptor


def _mask(events: int) -> int:
    return (select.EPOLLIN if events & selectors.EVENT_READ else 0) | (
        select.EPOLLOUT if events & selectors.EVENT_WRITE else 0
    )
