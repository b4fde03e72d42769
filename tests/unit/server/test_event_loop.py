"""asyncio over the path of datagrams: everything that asyncio does still works while datagrams are served."""

import asyncio
import selectors
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from holdfast.driver.datagram_loop import DatagramLoop
from holdfast.driver.seams import Clocks
from holdfast.server.event_loop import DatagramEventLoop, DatagramSelector
from tests.unit.driver.test_pump import Path


def run(story: Callable[[DatagramEventLoop], Coroutine[Any, Any, None]]) -> None:
    """Run with a path of datagrams that waits on the loop's own poller, by real clocks."""
    with asyncio.Runner(loop_factory=DatagramEventLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, DatagramEventLoop)
        path = Path()
        loop.datagram_selector.datagrams = DatagramLoop(
            loop.datagram_selector.epoll,
            path.exchanges,
            path.pump,
            Clocks(time.monotonic_ns, time.time),
            path.failures.append,
        )
        runner.run(story(loop))
        loop.datagram_selector.datagrams = None


def test_timers_tasks_threads_and_streams_go_on() -> None:
    async def story(loop: DatagramEventLoop) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"here\n")
        assert await reader.readline() == b"here\n"
        writer.close()
        server.close()
        assert await loop.run_in_executor(None, lambda: 7) == 7
        await asyncio.sleep(0.01)
        assert await asyncio.gather(*(asyncio.sleep(0, number) for number in range(3))) == [0, 1, 2]

    run(story)


def test_work_from_inside_a_wait_ends_it() -> None:
    async def story(loop: DatagramEventLoop) -> None:
        datagrams = loop.datagram_selector.datagrams
        assert isinstance(datagrams, DatagramLoop)
        for give in (lambda: loop.call_soon(lambda: None), lambda: loop.call_later(60, lambda: None).cancel()):
            datagrams.interrupted = False
            give()
            assert datagrams.interrupted

    run(story)


def test_the_selector_keeps_what_is_watched() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        selector = DatagramSelector()
        key = selector.register(ours, selectors.EVENT_READ, "data")
        with pytest.raises(KeyError, match="watched already"):
            selector.register(ours, selectors.EVENT_READ)
        assert selector.select(0) == []
        theirs.send(b"x")
        assert selector.select(0) == [(key, selectors.EVENT_READ)]
        both = selector.modify(ours, selectors.EVENT_READ | selectors.EVENT_WRITE, "more")
        assert selector.select(None) == [(both, selectors.EVENT_READ | selectors.EVENT_WRITE)]
        assert dict(selector.get_map()) == {ours.fileno(): both}
        assert selector.unregister(ours) == both
        with pytest.raises(KeyError):
            selector.get_key(ours)
        assert selector.select(0) == []
        selector.close()


def test_a_descriptor_that_was_closed_first_can_be_unregistered() -> None:
    ours, theirs = socket.socketpair()
    selector = DatagramSelector()
    descriptor = ours.fileno()
    selector.register(descriptor, selectors.EVENT_READ)
    ours.close()
    theirs.close()
    assert selector.unregister(descriptor).fd == descriptor
    with pytest.raises(ValueError, match="is closed"):
        selector.register(ours, selectors.EVENT_READ)
    selector.close()
