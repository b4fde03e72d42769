"""The parent of all workers: binds, drops privileges, restarts what crashes, takes commands, reloads and stops."""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog

from holdfast.base.settings import EngineSettings
from holdfast.server.anchor_control import AnchorControl
from holdfast.server.channel import WorkerChannel
from holdfast.server.commands import CONFLICT, Command, CommandError
from holdfast.server.companion import Companion, Serve
from holdfast.server.control_socket import ControlSocket, Reply
from holdfast.server.fan_out import FanOuts
from holdfast.server.incidents import IncidentDesk
from holdfast.server.lines import Values
from holdfast.server.process import drop_privileges, notify_service_manager
from holdfast.server.restart_delay import RestartDelay, how_it_ended
from holdfast.server.rule_control import RuleControl
from holdfast.server.settings import Listener, ServerError, ServerSettings
from holdfast.server.sockets import ListeningSockets
from holdfast.server.token_file import make_token, read_token
from holdfast.server.trust_anchor_desk import TrustAnchorDesk
from holdfast.server.worker import SEED_OCTETS, Worker
from holdfast.store.lmdb_cache import StoreError, mark_of, prepare

IDLE_WAKE_UP_S = 5.0  # for what has no deadline of its own
STOP_STEP_S = 0.02
KILL_AFTER_S = 2.0  # beyond the time for draining

Reload = Callable[[], tuple[ServerSettings, EngineSettings]]
log = structlog.get_logger()


class WorkerProcess:
    """One forked worker."""

    def __init__(self, pid: int, number: int, channel: WorkerChannel) -> None:
        self.pid = pid
        self.number = number
        self.channel = channel
        self.started_s = time.monotonic()


class Supervisor:
    """Runs ``settings.workers`` workers until SIGTERM, SIGINT or the command ``stop``; SIGHUP and ``reload`` reload.

    ``reload`` returns new settings; it raises an error when they are wrong, and then the old ones stay in force.
    ``serve_api`` is what the process of the HTTP API does, if the settings have one.
    """

    def __init__(
        self,
        settings: ServerSettings,
        engine_settings: EngineSettings,
        reload: Reload | None = None,
        serve_api: Serve | None = None,
    ) -> None:
        self._settings = settings
        self._cookie_seed = os.urandom(SEED_OCTETS)
        self._engine_settings = self._with_seed(engine_settings)
        self._reload = reload
        self._sockets = ListeningSockets()
        self._selector = selectors.DefaultSelector()
        self._control: ControlSocket | None = None
        self._api = Companion("http api", serve_api)
        self._fan_outs = FanOuts()
        self._anchors = AnchorControl(replace(settings, state_directory=None), self._tell_workers, self._tell_one)
        self._incidents = IncidentDesk(self._anchors.anchors.covered_until)
        self._rules = RuleControl(None, engine_settings.override_rules, self._tell_workers)
        self._trust_anchors = TrustAnchorDesk(ServerSettings(), [], self._tell_workers, self._tell_one)
        self._store_marks: dict[bytes, bytes] = {}  # of the configuration, to what the store was prepared for
        self._workers: dict[int, WorkerProcess] = {}
        self._retired: set[int] = set()
        self._restart_at: dict[int, float] = {}
        self._delays: dict[int, RestartDelay] = {}
        self._restarts = 0
        self._started_s = time.monotonic()
        self._stopping = False
        self._reload_wanted = False

    def run(self, ready: Callable[[], None] | None = None) -> int:
        """Serve; returns the exit code. Raises ServerError when an address, the user or the socket cannot be had."""
        settings = self._settings
        self._sockets = ListeningSockets().prepare(settings.listeners, settings.workers)
        self._api.use(self._api.prepare(api_listeners(settings)))
        if settings.control_socket is not None:
            self._control = ControlSocket(
                settings.control_socket, settings.user, settings.control_group, self._selector, self._command
            )
        try:
            drop_privileges(settings.user)
            prepare_token(settings)
            self._trust_anchors = TrustAnchorDesk(
                settings, self._engine_settings.trust_anchors, self._tell_workers, self._tell_one
            )
            self._prepare_store()
            self._anchors = AnchorControl(settings, self._tell_workers, self._tell_one)
            self._anchors.anchors.warn_of_missing_names(self._engine_settings)
            self._incidents = IncidentDesk(self._anchors.anchors.covered_until, settings.state_directory)
            configured = self._engine_settings.override_rules
            self._rules = RuleControl(settings.state_directory, configured, self._tell_workers)
            self._catch_signals()
            for number in range(settings.workers):
                self._start(number)
            self._api.plan()
            log.info("serving", listeners=[str(one) for one in settings.listeners], workers=settings.workers)
            notify_service_manager("READY=1")
            if ready is not None:
                ready()
            while not self._stopping:
                self._watch()
            return self._stop()
        finally:
            if self._control is not None:
                self._control.close()

    def _prepare_store(self) -> None:
        """Have the second-level cache ready for the workers; without it they go on with memory alone."""
        settings = self._settings
        configured = mark_of(self._engine_settings)
        self._engine_settings.trust_anchors = self._trust_anchors.settings_for_workers()
        self._store_marks = {configured: self._trust_anchors.list.store_mark(self._engine_settings)}
        self._engine_settings.store_mark = self._store_marks[configured]
        if settings.state_directory is None or settings.persistent_cache_octets <= 0:
            return
        try:
            message = prepare(settings.state_directory, settings.persistent_cache_octets, self._engine_settings)
        except StoreError as error:
            log.error("the cache is not kept", error=str(error))
            return
        if message:
            log.warning("the kept cache could not be used", reason=message)

    def _catch_signals(self) -> None:
        """Let signals interrupt the wait for commands: each one also writes to a pipe that is waited for."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, lambda: os.read(reader, 1024))
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _watch(self) -> None:
        """Wait for something to happen, and deal with it."""
        for key, _ in self._selector.select(self._wait_s()):
            key.data()
        if self._reload_wanted:
            self._reload_wanted = False
            with contextlib.suppress(ServerError):
                self._do_reload()
        self._reap()
        now_s = time.monotonic()
        for number in [number for number, at_s in self._restart_at.items() if at_s <= now_s]:
            del self._restart_at[number]
            self._restarts += 1
            self._start(number)
        if self._api.start_at_s is not None and self._api.start_at_s <= now_s:
            self._flush_output()
            self._api.start(self._settings, self._leave_to_api)
        self._fan_outs.expire()
        self._anchors.run_due(self._engine_settings)
        self._incidents.expire()
        self._rules.rules.expire()
        self._trust_anchors.tick()
        if self._control is not None:
            self._control.close_idle()

    def _wait_s(self) -> float:
        """Return how long nothing needs to be done unless something happens."""
        if self._stopping or self._reload_wanted:
            return 0
        deadlines = [*self._restart_at.values(), *self._fan_outs.deadlines_s(), *self._anchors.deadlines_s()]
        if self._api.start_at_s is not None:
            deadlines.append(self._api.start_at_s)
        return max(min([IDLE_WAKE_UP_S, *(one - time.monotonic() for one in deadlines)]), 0)

    # -- workers ------------------------------------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        """Fork one worker."""
        self._flush_output()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become_worker(number, theirs)
        theirs.close()
        worker = WorkerProcess(pid, number, WorkerChannel(ours))
        self._workers[pid] = worker
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(worker))

    def _become_worker(self, number: int, channel: socket.socket) -> None:
        """In the child: serve, then leave without returning to the parent's code."""
        code = 1
        try:
            self._forget_parent()
            self._api.release()
            sockets = self._sockets.leave_to(number)
            self._engine_settings.trust_anchors = self._trust_anchors.settings_for_workers()
            anchors = self._anchors.anchors.in_force()
            self._engine_settings.override_rules = self._rules.rules.in_force()
            changed = self._trust_anchors.changed_lately()
            Worker(self._settings, self._engine_settings, sockets, channel, anchors, changed).run()
            code = 0
        except Exception:
            log.exception("worker failed", worker=number)
        finally:
            self._flush_output()
            os._exit(code)

    def _forget_parent(self) -> None:
        """In any child: handle signals as usual, and close what only the parent uses."""
        signal.set_wakeup_fd(-1)
        for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(signal_number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._selector.close()
        if self._control is not None:
            self._control.release()
        for worker in self._workers.values():
            worker.channel.close()

    def _leave_to_api(self) -> None:
        """In the process of the HTTP API: close the workers' sockets as well."""
        self._forget_parent()
        self._sockets.close_except(ListeningSockets())

    def _flush_output(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()

    def _reap(self) -> None:
        """Notice processes that ended, and plan their successors, later each time they crash soon."""
        while self._workers or self._api.is_running():
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            if worker is None:
                self._api.ended(pid, status)
                continue
            self._silence(worker)
            if pid in self._retired or self._stopping:
                self._retired.discard(pid)
                continue
            delay = self._delays.setdefault(worker.number, RestartDelay())
            delay_s = delay.next_s(time.monotonic() - worker.started_s)
            self._restart_at[worker.number] = time.monotonic() + delay_s
            log.error("worker ended", worker=worker.number, how=how_it_ended(status), restart_in_s=delay_s)

    def _hear(self, worker: WorkerProcess) -> None:
        """Take results from a worker."""
        messages = worker.channel.receive()
        if messages is None:
            self._silence(worker)
            return
        for message in messages:
            if "health" in message:
                self._incidents.take(message["health"])
            else:
                self._fan_outs.take(worker.pid, message)

    def _silence(self, worker: WorkerProcess) -> None:
        """Expect nothing more from a worker."""
        if worker.channel.sock.fileno() >= 0:
            self._selector.unregister(worker.channel.sock)
            worker.channel.close()
        self._fan_outs.lose(worker.pid)

    def _retire(self, workers: list[WorkerProcess]) -> None:
        """Let workers drain and end, without successors."""
        for worker in workers:
            self._retired.add(worker.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)

    # -- commands -----------------------------------------------------------------------------------------------------

    def _command(self, command: Command, values: Values, reply: Reply) -> None:
        """Carry out a checked command."""
        topic = command.topic()
        if command.merge is not None:
            self._tell_workers(command, values, reply)
        elif topic == "nta":
            self._anchors.command(command, values, self._engine_settings, reply)
        elif topic == "incident":
            self._command_incidents(values, reply)
        elif topic == "rule":
            self._rules.command(command, values, self._engine_settings, reply)
        elif topic == "anchor":
            self._trust_anchors.command(command, values, self._engine_settings, partial(self._reply_to_anchor, reply))
        elif command.name == "status":
            reply({"ok": True, "result": self._status()})
        elif command.name == "reload":
            try:
                self._do_reload()
            except ServerError as error:
                reply(CommandError(str(error), CONFLICT).reply())
            else:
                reply({"ok": True, "result": {"workers": self._settings.workers}})
        else:
            self._stopping = True
            reply({"ok": True, "result": {}})

    def _reply_to_anchor(self, reply: Reply, result: Values) -> None:
        """Reply to a command about trust anchors, which may have changed them."""
        self._engine_settings.trust_anchors = self._trust_anchors.settings_for_workers()
        reply(result)

    def _tell_workers(self, command: Command, values: Values, reply: Reply) -> None:
        channels = {pid: worker.channel for pid, worker in self._workers.items() if pid not in self._retired}
        self._fan_outs.start(command, values, channels, reply)

    def _tell_one(self, command: Command, values: Values, reply: Reply) -> None:
        """Tell the first worker that serves: for what need be done only once."""
        serving = [one for one in self._workers.values() if one.pid not in self._retired]
        first = sorted(serving, key=lambda one: one.number)[:1]
        self._fan_outs.start(command, values, {one.pid: one.channel for one in first}, reply)

    def _command_incidents(self, values: Values, reply: Reply) -> None:
        try:
            reply({"ok": True, "result": self._incidents.answer(values)})
        except CommandError as error:
            reply(error.reply())

    def _status(self) -> Values:
        """Describe the server."""
        now_s = time.monotonic()
        return {
            "pid": os.getpid(),
            "uptime_s": int(now_s - self._started_s),
            "listeners": [str(listener) for listener in self._settings.listeners],
            "restarts": self._restarts,
            "api": self._api.status(),
            "incidents": self._incidents.summary(),
            "trust_anchor_warnings": self._trust_anchors.warnings,
            "workers": [
                {
                    "number": worker.number,
                    "pid": worker.pid,
                    "uptime_s": int(now_s - worker.started_s),
                    "state": "draining" if worker.pid in self._retired else "serving",
                }
                for worker in sorted(self._workers.values(), key=lambda one: (one.number, one.started_s))
            ],
        }

    def _do_reload(self) -> None:
        """Replace all workers by ones with new settings, listeners and number of workers included.

        Raises ServerError, and changes nothing, if the new settings cannot be put in force.
        """
        if self._reload is None:
            raise ServerError("this server has no configuration to reload")
        try:
            settings, engine_settings = self._reload()
            for name in ("user", "control_socket", "control_group"):
                if getattr(settings, name) != getattr(self._settings, name):
                    raise ServerError(f"server.{name} cannot change without a restart")
            prepare_token(settings)
            sockets = self._sockets.prepare(settings.listeners, settings.workers)
            api_sockets = self._api.prepare(api_listeners(settings))
        except (ServerError, ValueError, OSError) as error:
            log.error("the new configuration cannot be used, the old one stays in force", error=str(error))
            raise ServerError(f"the old configuration stays in force: {error}") from None
        notify_service_manager("RELOADING=1")
        # Before new workers inherit them: a socket that nobody reads would still get its share of the queries. Those of
        # retired workers do while they drain; clients ask again, from another port.
        self._sockets.close_except(sockets)
        self._sockets = sockets
        self._api.use(api_sockets)
        self._settings = settings
        self._engine_settings = self._with_seed(engine_settings)
        self._anchors.reload(settings)
        self._anchors.anchors.warn_of_missing_names(engine_settings)
        self._incidents.move(settings.state_directory)
        self._rules.rules.move(settings.state_directory)
        self._rules.rules.configure(engine_settings.override_rules)
        self._engine_settings.store_mark = self._store_marks.get(mark_of(engine_settings), b"")
        self._trust_anchors.reload(settings, engine_settings.trust_anchors)
        self._engine_settings.trust_anchors = self._trust_anchors.settings_for_workers()
        self._restart_at.clear()
        old = [worker for worker in self._workers.values() if worker.pid not in self._retired]
        for number in range(settings.workers):
            self._start(number)
        self._retire(old)
        self._api.plan()
        notify_service_manager("READY=1")
        log.info("reloaded", listeners=[str(one) for one in settings.listeners], workers=settings.workers)

    def _stop(self) -> int:
        """Let all workers drain, then end those that do not."""
        notify_service_manager("STOPPING=1")
        self._retire(list(self._workers.values()))
        self._api.stop()
        deadline_s = time.monotonic() + self._settings.drain_s + KILL_AFTER_S
        while (self._workers or self._api.is_running()) and time.monotonic() < deadline_s:
            self._reap()
            time.sleep(STOP_STEP_S)
        self._api.stop(signal.SIGKILL)
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


def api_listeners(settings: ServerSettings) -> tuple[Listener, ...]:
    """Return where the HTTP API listens."""
    return settings.api.listeners if settings.api is not None else ()


def prepare_token(settings: ServerSettings) -> None:
    """Have the secret of the HTTP API ready, if there is an API. Raises ServerError if it cannot be used."""
    if settings.api is not None:
        make_token(settings.api.token_file)
        read_token(settings.api.token_file)
