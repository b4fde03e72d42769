"""The channel between the supervisor and one worker: commands down, results up, as lines over a socket pair."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping

import structlog

from holdfast.base.instant import Instant
from holdfast.engine.engine import ResolverEngine
from holdfast.sentinel.observation import observations, to_values
from holdfast.sentinel.suspicion import LOOK_S
from holdfast.server.commands import CommandError
from holdfast.server.lines import LINE_OCTETS, LineBuffer, LineError, Values, decode, encode
from holdfast.server.worker_actions import WORKER_ACTIONS

REPORTS_OCTETS = 1024 * 1024  # of reports that wait for the supervisor; more would only be older

Job = Callable[[Values], Awaitable[Values]]
Jobs = Mapping[str, Job]

log = structlog.get_logger()


class WorkerChannel:
    """The supervisor's end."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._buffer = LineBuffer()

    def send(self, number: int, request: Values) -> bool:
        """Send a command under a number; False: the worker does not take any more, or is gone."""
        try:
            line = encode({"number": number, "request": request})
            return self.sock.send(line) == len(line)
        except OSError:
            return False

    def receive(self) -> list[Values] | None:
        """Return the results that have arrived; None: the worker is gone, or talks nonsense."""
        try:
            octets = self.sock.recv(LINE_OCTETS)
            return [decode(line) for line in self._buffer.feed(octets)] if octets else None
        except BlockingIOError:
            return []
        except (OSError, LineError):
            return None

    def close(self) -> None:
        """Close this end."""
        self.sock.close()


async def serve_channel(
    sock: socket.socket,
    engine: ResolverEngine,
    read_clocks: Callable[[], Instant],
    pump: Callable[[], None],
    stop: asyncio.Event,
    jobs: Jobs,
) -> None:
    """The worker's end: carry out commands until the supervisor is gone, which stops the worker as well.

    ``pump`` sees to the effects and timers of a command: no packet may come for a long time. ``jobs`` are the commands
    that take time: others are carried out meanwhile.
    """
    running: set[asyncio.Task[None]] = set()
    reader, writer = await asyncio.open_unix_connection(sock=sock, limit=2 * LINE_OCTETS)
    reports = asyncio.get_running_loop().create_task(report_health(engine, writer))
    try:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                values = decode(line)
                job = jobs.get(values["request"].get("command"))
                if job is not None:
                    task = asyncio.create_task(_work(job, values, writer))
                    running.add(task)
                    task.add_done_callback(running.discard)
                    continue
                result = carry_out(values["request"], engine, read_clocks())
                writer.write(encode({"number": values["number"], **result}))
                await writer.drain()
                pump()
    finally:
        for task in list(running):
            task.cancel()
        reports.cancel()
        writer.close()
        stop.set()


async def _work(job: Job, values: Values, writer: asyncio.StreamWriter) -> None:
    """Carry out a command that takes time, and send its result."""
    try:
        result: Values = {"result": await job(values["request"])}
    except CommandError as error:
        result = {"error": str(error), "kind": error.kind}
    except Exception as error:
        log.exception("command failed", command=values["request"].get("command"))
        result = {"error": f"{type(error).__name__}: {error}"}
    with contextlib.suppress(OSError):
        writer.write(encode({"number": values["number"], **result}))
        await writer.drain()


async def report_health(engine: ResolverEngine, writer: asyncio.StreamWriter) -> None:
    """Send what the engine saw of zones that fail or failed lately, again and again."""
    while True:
        await asyncio.sleep(LOOK_S)
        for seen in observations(engine.take_health()):
            if writer.transport.get_write_buffer_size() < REPORTS_OCTETS:
                writer.write(encode({"health": to_values(seen)}))


def carry_out(request: Values, engine: ResolverEngine, now: Instant) -> Values:
    """Return the result of a command, or why there is none. A mistake in a command must not end a worker."""
    try:
        return {"result": WORKER_ACTIONS[request["command"]](engine, request, now)}
    except CommandError as error:
        return {"error": str(error), "kind": error.kind}
    except Exception as error:
        log.exception("command failed", command=request.get("command"))
        return {"error": f"{type(error).__name__}: {error}"}
