"""`holdfast serve` as a child process with a control socket, for tests of the supervisor."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.ports import reserve_port

COMMAND = [sys.executable, "-m", "holdfast"]
WAIT_S = 60.0  # nothing takes this long; a test that would hang fails instead
# A network in which nothing can be reached: every resolution fails at once.
UNREACHABLE = '[upstream.address_map]\n"192.0.2.1" = "127.0.0.1:9"\n'


@dataclass
class ServerProcess:
    """A running server: its process, configuration file, port, control socket, and the file with its log."""

    process: subprocess.Popen[str]
    config: Path
    port: int
    socket: Path
    log: Path

    def command(self, request: dict[str, Any] | bytes) -> dict[str, Any]:
        """Send one command and return the reply."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(WAIT_S)
            sock.connect(str(self.socket))
            sock.sendall(request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n")
            with sock.makefile("rb") as lines:
                reply = json.loads(lines.readline())
                assert isinstance(reply, dict)
                return reply

    def status(self) -> dict[str, Any]:
        """What the command `status` says."""
        result = self.command({"command": "status"})["result"]
        assert isinstance(result, dict)
        return result

    def worker_pids(self) -> list[int]:
        """Process numbers of the workers that serve."""
        return [worker["pid"] for worker in self.status()["workers"] if worker["state"] == "serving"]

    def write_config(self, listen: list[str], workers: int = 1, more: str = "") -> None:
        """Replace the configuration file; ``more`` goes into the section ``[server]``."""
        self.config.write_text(configuration(listen, workers, self.socket, more))


def configuration(
    listen: list[str], workers: int, control_socket: Path, more: str = "", network: str = UNREACHABLE
) -> str:
    """Text of a configuration file; ``network`` are the sections that say what is asked."""
    places = f"listen = {json.dumps(listen)}\ncontrol_socket = {json.dumps(str(control_socket))}"
    return f"[server]\n{places}\nworkers = {workers}\n{more}\n{network}"


@contextmanager
def running_server(
    folder: Path,
    workers: int = 1,
    notify: Path | None = None,
    more: str = "",
    network: str = UNREACHABLE,
    log_to: int | None = None,
) -> Iterator[ServerProcess]:
    """Start a server in a folder, wait until it takes commands, and end it afterwards.

    ``more``: see `write_config`; ``network``: see `configuration`; ``log_to``: a descriptor in place of the file.
    """
    port = reserve_port()
    config, control, log = folder / "holdfast.toml", folder / "control", folder / "log"
    config.write_text(configuration([f"127.0.0.1:{port}"], workers, control, more, network))
    environment = {**os.environ, "NOTIFY_SOCKET": str(notify) if notify else ""}
    with (
        log.open("a") as stderr,
        subprocess.Popen(
            [*COMMAND, "serve", "--config", str(config)], stderr=log_to or stderr, text=True, env=environment
        ) as process,
    ):
        server = ServerProcess(process, config, port, control, log)
        try:
            until(lambda: takes_commands(server))
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(WAIT_S)


def takes_commands(server: ServerProcess) -> bool:
    """Whether the control socket is served; fails if the process has ended."""
    assert server.process.poll() is None, server.log.read_text()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(str(server.socket))
        except OSError:
            return False
    return True


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to happen."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process exists; one that nobody waits for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False
