"""An outage on real sockets, at a multiple of its speed: the same world and clients, any resolver."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial

from holdfast.lab.measurements import Measurements
from holdfast.lab.simulation import SECOND_US, Answered, AskedResolver, Clock, Event
from holdfast.lab.traffic import Traffic, TrafficParameters
from holdfast.lab.world import Change, World

PATIENCE_S = 5.0  # how long a client waits for an answer, by the real clock
ANSWER_OCTETS = 65535
RECEIVE_BUFFER_OCTETS = 1 << 20
SERVFAIL_FLAGS = b"\x80\x02"
LOOK_EVERY_S = 0.2


class CompressedClock(Clock):
    """A clock that starts at a POSIX time and runs ``compression`` times as fast as the real one."""

    def __init__(self, start_s: int, compression: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._start_s = start_s
        self._compression = compression
        self._began_ns = time.monotonic_ns()

    @property
    def now_us(self) -> int:
        """Return the time since the start."""
        return (time.monotonic_ns() - self._began_ns) * self._compression // 1000

    def wall_s(self) -> float:
        """Return the POSIX time of the outage."""
        return self._start_s + self.now_us / SECOND_US

    def at(self, wall_s: float) -> int:
        """Return the monotonic microseconds of a POSIX time of the outage."""
        return round((wall_s - self._start_s) * SECOND_US)

    def plan(self, at_us: int, event: Event) -> None:
        """Let something happen at a time."""
        self._loop.call_later(max(0, at_us - self.now_us) / SECOND_US / self._compression, event)


class SocketResolver(AskedResolver):
    """A resolver at an address, asked over UDP as many clients would; use ``start`` and ``close``."""

    def __init__(self, host: str, port: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        self._socket.connect((host, port))
        self._waiting: dict[int, tuple[bytes, Answered, asyncio.TimerHandle]] = {}
        self._next_id = 0
        self.unanswered = 0
        self._loop.add_reader(self._socket.fileno(), self._read)

    def ask(self, address: bytes, wire: bytes, answered: Answered) -> None:
        """Send a query; one without an answer counts as SERVFAIL, as a stub resolver gives up."""
        for _ in range(1 << 16):
            self._next_id = (self._next_id + 1) & 0xFFFF
            if self._next_id not in self._waiting:
                break
        else:
            self._give_up(wire, answered)
            return
        message_id = self._next_id
        handle = self._loop.call_later(PATIENCE_S, self._time_out, message_id)
        self._waiting[message_id] = (wire, answered, handle)
        try:
            self._socket.send(message_id.to_bytes(2, "big") + wire[2:])
        except OSError:  # a full buffer, or nobody there yet: like a lost packet
            return

    def close(self) -> None:
        """Close the socket, and forget who waits."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        for _, _, handle in self._waiting.values():
            handle.cancel()
        self._waiting.clear()

    def _read(self) -> None:
        while True:
            try:
                answer = self._socket.recv(ANSWER_OCTETS)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # ICMP: the resolver is not there
                return
            waiting = self._waiting.pop(int.from_bytes(answer[:2], "big"), None) if len(answer) >= 12 else None
            if waiting is not None:
                waiting[2].cancel()
                waiting[1](answer)

    def _time_out(self, message_id: int) -> None:
        wire, answered, _ = self._waiting.pop(message_id)
        self._give_up(wire, answered)

    def _give_up(self, wire: bytes, answered: Answered) -> None:
        self.unanswered += 1
        answered(wire[:2] + SERVFAIL_FLAGS + b"\x00" * 8)


def _apply(world: World, change: Change, publish: Callable[[Sequence[bytes]], None] | None) -> None:
    addresses = world.apply(change)
    if publish is not None:
        publish(addresses)


async def play_in_real_time(
    world: World,
    resolvers: Sequence[AskedResolver],
    traffic: TrafficParameters,
    progress: Callable[[Measurements, float], None],
    stop: asyncio.Event,
    publish: Callable[[Sequence[bytes]], None] | None = None,
) -> list[Measurements]:
    """Play the world's outage against resolvers that already run, each with clients of its own that ask the same.

    ``progress`` is told about the first of them. Returns early when ``stop`` is set. ``publish`` gets the packed
    addresses of the servers that just changed: for servers that do not answer from the world itself.
    """
    outage = world.outage
    clock = CompressedClock(outage.start_s - outage.warm_up_s, world.pace.compression)
    measured = [Measurements(outage.start_s, outage.end_s) for _ in resolvers]
    for change in world.changes:
        if change.at_s > world.settled_s:
            clock.plan(clock.at(change.at_s), partial(_apply, world, change, publish))
    clients = [Traffic(world, clock, resolver, one, traffic) for resolver, one in zip(resolvers, measured, strict=True)]
    for one in clients:
        one.start()
    while (now_s := clock.wall_s()) < outage.end_s and not stop.is_set():
        progress(measured[0], now_s)
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
    progress(measured[0], min(clock.wall_s(), outage.end_s))
    for one in clients:
        one.stop()
    return measured
