"""The parent of all workers: binds, drops privileges, restarts what crashes, stops and reloads in order."""

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import sys
import time
from collections.abc import Callable

import structlog

from holdfast.base.settings import EngineSettings
from holdfast.server.settings import ServerError, ServerSettings
from holdfast.server.sockets import bind_listener
from holdfast.server.worker import SEED_OCTETS, Worker

PR_SET_NO_NEW_PRIVS = 38  # prctl(2)
RESTART_FIRST_S = 0.2
RESTART_MAXIMUM_S = 30.0
STABLE_S = 60.0  # a worker that lived this long restarts at once
POLL_S = 0.1

Reload = Callable[[], tuple[ServerSettings, EngineSettings]]
log = structlog.get_logger()


class WorkerProcess:
    """One forked worker."""

    def __init__(self, pid: int, number: int, started_s: float) -> None:
        self.pid = pid
        self.number = number
        self.started_s = started_s


class Supervisor:
    """Runs ``settings.workers`` workers until SIGTERM or SIGINT; SIGHUP reloads.

    ``reload`` returns new settings; it raises ``ServerError`` (or ``ValueError``) when they are wrong, and then the old
    ones stay in force.
    """

    def __init__(self, settings: ServerSettings, engine_settings: EngineSettings, reload: Reload | None = None) -> None:
        self._settings = settings
        self._cookie_seed = os.urandom(SEED_OCTETS)
        self._engine_settings = self._with_seed(engine_settings)
        self._reload = reload
        self._sockets: list[tuple[list[socket.socket], list[socket.socket]]] = []
        self._workers: dict[int, WorkerProcess] = {}
        self._retired: set[int] = set()
        self._restart_at: dict[int, float] = {}
        self._delay_s: dict[int, float] = {}
        self._stopping = False
        self._reload_wanted = False

    def run(self, ready: Callable[[], None] | None = None) -> int:
        """Serve; returns the exit code. Raises ServerError when an address or the user cannot be had."""
        for _ in range(self._settings.workers):
            udp = [bind_listener(listener, socket.SOCK_DGRAM) for listener in self._settings.listeners]
            tcp = [bind_listener(listener, socket.SOCK_STREAM) for listener in self._settings.listeners]
            self._sockets.append((udp, tcp))
        drop_privileges(self._settings.user)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        for number in range(self._settings.workers):
            self._start(number)
        log.info("serving", listeners=[str(one) for one in self._settings.listeners], workers=self._settings.workers)
        notify_service_manager("READY=1")
        if ready is not None:
            ready()
        while not self._stopping:
            self._watch()
        return self._stop()

    def _watch(self) -> None:
        """Look after the workers once."""
        if self._reload_wanted:
            self._reload_wanted = False
            self._do_reload()
        self._reap()
        now_s = time.monotonic()
        for number in [number for number, at_s in self._restart_at.items() if at_s <= now_s]:
            del self._restart_at[number]
            self._start(number)
        time.sleep(POLL_S)

    def _start(self, number: int) -> None:
        """Fork one worker."""
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become_worker(number)
        self._workers[pid] = WorkerProcess(pid, number, time.monotonic())

    def _become_worker(self, number: int) -> None:
        """In the child: serve, then leave without returning to the parent's code."""
        code = 1
        try:
            for signal_number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(signal_number, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            for other, (udp, tcp) in enumerate(self._sockets):
                if other != number:
                    for sock in [*udp, *tcp]:
                        sock.close()
            udp, tcp = self._sockets[number]
            Worker(self._settings, self._engine_settings, udp, tcp).run()
            code = 0
        except Exception:
            log.exception("worker failed", worker=number)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        """Notice workers that ended, and plan their successors, later each time they crash soon."""
        while self._workers:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            if worker is None or pid in self._retired or self._stopping:
                self._retired.discard(pid)
                continue
            lived_s = time.monotonic() - worker.started_s
            delay_s = RESTART_FIRST_S
            if lived_s < STABLE_S:
                delay_s = min(self._delay_s.get(worker.number, RESTART_FIRST_S / 2) * 2, RESTART_MAXIMUM_S)
            self._delay_s[worker.number] = delay_s
            self._restart_at[worker.number] = time.monotonic() + delay_s
            how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
            log.error("worker ended", worker=worker.number, how=how, restart_in_s=delay_s)

    def _do_reload(self) -> None:
        """Replace all workers by ones with new settings; listeners and their number stay."""
        if self._reload is None:
            return
        try:
            settings, engine_settings = self._reload()
        except (ServerError, ValueError, OSError) as error:
            log.error("the new configuration is wrong, the old one stays in force", error=str(error))
            return
        if (settings.listeners, settings.workers) != (self._settings.listeners, self._settings.workers):
            log.error("listeners and the number of workers cannot change without a restart; the rest is in force now")
        self._settings = settings
        self._engine_settings = self._with_seed(engine_settings)
        old = list(self._workers.values())
        for worker in old:
            self._start(worker.number)
        for worker in old:
            self._retired.add(worker.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)
        log.info("reloaded")

    def _stop(self) -> int:
        """Let all workers drain, then end those that do not."""
        notify_service_manager("STOPPING=1")
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline_s = time.monotonic() + self._settings.drain_s + 2
        while self._workers and time.monotonic() < deadline_s:
            self._reap()
            time.sleep(POLL_S / 5)
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        log.info("stopped")
        return 0

    def _with_seed(self, engine_settings: EngineSettings) -> EngineSettings:
        """Let all workers, and those after a reload, make the same cookies (RFC 7873)."""
        engine_settings.cookie_seed = self._cookie_seed
        return engine_settings

    def _on_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _on_reload(self, _number: int, _frame: object) -> None:
        self._reload_wanted = True


def drop_privileges(user: str) -> None:
    """Become ``user`` for good, and give up gaining privileges by exec. Raises ServerError if that is not possible."""
    if user:
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            raise ServerError(f"there is no user {user!r} on this machine") from None
        if os.geteuid() != account.pw_uid:
            try:
                os.setgroups([account.pw_gid])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
            except PermissionError:
                raise ServerError(
                    f"cannot become user {user!r}: only root can; start as root or leave user empty"
                ) from None
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def notify_service_manager(state: str) -> None:
    """Tell systemd, if it asked to be told (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)
