"""A process beside the workers that serves people rather than DNS clients: the HTTP API.

It has sockets of its own, which the supervisor opens before it drops privileges, and no way to the engines but the
control socket. If it crashes it is started again; the resolver does not notice.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

import structlog

from holdfast.server.lines import Values
from holdfast.server.process import die_with
from holdfast.server.restart_delay import RestartDelay, how_it_ended
from holdfast.server.settings import Listener, ServerSettings
from holdfast.server.sockets import bind_listener

Serve = Callable[[Sequence[socket.socket], ServerSettings], None]

log = structlog.get_logger()


class Companion:
    """The process and its sockets. ``serve`` is its whole life; without listeners there is no process."""

    def __init__(self, name: str, serve: Serve | None) -> None:
        self.name = name
        self.sockets: dict[Listener, socket.socket] = {}
        self.pid = 0
        self.start_at_s: float | None = None  # monotonic; None: nothing is planned
        self.restarts = 0
        self._serve = serve
        self._replaced: set[int] = set()
        self._delay = RestartDelay()
        self._started_s = 0.0

    def prepare(self, listeners: Sequence[Listener]) -> dict[Listener, socket.socket]:
        """Return the sockets for these listeners, old ones and new. Raises ServerError if one cannot be had."""
        made: dict[Listener, socket.socket] = {}
        try:
            for listener in listeners:
                made[listener] = self.sockets.get(listener) or bind_listener(listener, socket.SOCK_STREAM, shared=False)
        except Exception:
            for listener, sock in made.items():
                if listener not in self.sockets:
                    sock.close()
            raise
        return made

    def use(self, sockets: dict[Listener, socket.socket]) -> None:
        """Serve on these sockets from the next start on, and close the others."""
        for listener, sock in self.sockets.items():
            if sockets.get(listener) is not sock:
                sock.close()
        self.sockets = sockets

    def plan(self) -> None:
        """Start the process soon, in place of the one that runs: its settings may be others now."""
        self.stop()
        self.start_at_s = time.monotonic() if self.sockets and self._serve is not None else None

    def start(self, settings: ServerSettings, forget_parent: Callable[[], None]) -> None:
        """Fork the process. ``forget_parent`` runs in it first: it closes what belongs to the supervisor alone."""
        self.start_at_s = None
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self.pid = pid
            self._started_s = time.monotonic()
            return
        code = 1
        try:
            forget_parent()
            die_with(parent)  # it would keep the address, and have nobody to ask
            if self._serve is not None:
                self._serve(list(self.sockets.values()), settings)
            code = 0
        except BaseException:  # also SystemExit: the parent's code must not go on here
            log.exception("process failed", process=self.name)
        finally:
            os._exit(code)

    def ended(self, pid: int, status: int) -> bool:
        """Note that a process ended, and plan its successor; False: it was none of this."""
        if pid in self._replaced:
            self._replaced.discard(pid)
            return True
        if pid != self.pid or not pid:
            return False
        self.pid = 0
        self.restarts += 1
        delay_s = self._delay.next_s(time.monotonic() - self._started_s)
        self.start_at_s = time.monotonic() + delay_s
        log.error("process ended", process=self.name, how=how_it_ended(status), restart_in_s=delay_s)
        return True

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the process; its end is noticed later."""
        self.start_at_s = None
        if self.pid:
            self._replaced.add(self.pid)
            self.pid = 0
        for pid in self._replaced:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def is_running(self) -> bool:
        """Tell whether a process of this runs, or has not been seen to end."""
        return bool(self.pid or self._replaced)

    def release(self) -> None:
        """In another child: close the sockets."""
        for sock in self.sockets.values():
            sock.close()

    def status(self) -> Values:
        """Describe it."""
        ports = {listener: sock.getsockname()[1] for listener, sock in self.sockets.items()}  # of port 0: the real one
        listeners = [str(Listener(listener.host, port)) for listener, port in ports.items()]
        return {"pid": self.pid, "listeners": listeners, "restarts": self.restarts}
