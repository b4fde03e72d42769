"""The supervisor as its users see it: a process that serves, takes commands, survives crashes, reloads and stops."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest

from holdfast.server.commands import COMMANDS
from holdfast.server.lines import LINE_OCTETS
from tests.support.ports import reserve_port
from tests.support.server_process import COMMAND, WAIT_S, ServerProcess, is_alive, running_server, until

Require = Callable[[str, str], str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with two workers that no test here changes."""
    with running_server(tmp_path_factory.mktemp("server"), workers=2) as running:
        yield running


def answers(port: int, host: str = "127.0.0.1") -> bool:
    query = dns.message.make_query("localhost", "A")
    return bool(dns.query.udp(query, host, port=port, timeout=WAIT_S).answer)


def control(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "control", *arguments, "--socket", str(server.socket)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)


# -- commands ---------------------------------------------------------------------------------------------------------


def test_status_names_listeners_and_workers(server: ServerProcess) -> None:
    status = server.status()
    assert status["pid"] == server.process.pid
    assert status["listeners"] == [f"127.0.0.1:{server.port}"]
    assert [worker["number"] for worker in status["workers"]] == [0, 1]
    assert all(is_alive(worker["pid"]) for worker in status["workers"])


def test_counters_are_added_up_over_the_workers(server: ServerProcess) -> None:
    before = server.command({"command": "stats"})["result"]["client_queries"]
    for _ in range(20):  # from new ports each time, so that both workers get some
        assert answers(server.port)
    reply = server.command({"command": "stats"})
    assert reply["result"]["client_queries"] == before + 20


def test_flush_reaches_every_worker(server: ServerProcess) -> None:
    reply = server.command({"command": "flush", "name": "example.de", "subtree": True})
    assert (reply["ok"], reply["result"]) == (True, {"entries": 0, "workers": 2})


@pytest.mark.parametrize(
    ("request_line", "reason"),
    [
        (
            {"command": "frobnicate"},
            f"unknown command 'frobnicate'; there are {', '.join(sorted(COMMANDS))}",
        ),
        ({}, "unknown command None"),
        ({"command": ["status"]}, "unknown command"),
        ({"command": "status", "loud": True}, "status has no argument 'loud'"),
        ({"command": "flush"}, "flush needs the argument 'name'"),
        ({"command": "flush", "name": "a..b"}, "'a..b' is not a domain name"),
        ({"command": "flush", "name": "a", "subtree": "yes"}, "subtree must be of the type bool"),
        (b"status\n", "not a line of JSON"),
        (b"[1]\n", "not a JSON object"),
        (b"[" * 30_000 + b"\n", "not a line of JSON"),
        (b"x" * (LINE_OCTETS + 1) + b"\n", f"a line has more than {LINE_OCTETS} octets"),
    ],
)
def test_wrong_requests_are_refused_in_words(server: ServerProcess, request_line: Any, reason: str) -> None:
    reply = server.command(request_line)
    assert not reply["ok"]
    assert reason in reply["error"]
    assert server.status()["workers"]


def test_commands_sent_together_are_answered_in_order(server: ServerProcess) -> None:
    count = 60  # their answers fit into the buffers of the connection; who reads none of more is cut off
    requests: list[dict[str, Any]] = [{"command": "status"}, {"command": "stats"}, {"command": "nothing"}]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(WAIT_S)
        sock.connect(str(server.socket))
        sock.sendall(b"".join(json.dumps(requests[n % 3]).encode() + b"\n" for n in range(count)))
        with sock.makefile("rb") as lines:
            replies = [json.loads(lines.readline()) for _ in range(count)]
    for n, reply in enumerate(replies):
        assert reply["ok"] is (n % 3 != 2)
        assert ("client_queries" in reply.get("result", {})) is (n % 3 == 1)


def test_the_socket_is_for_its_owner_alone(server: ServerProcess) -> None:
    mode = server.socket.stat().st_mode
    assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)


def test_the_command_line_speaks_for_people_and_for_programs(server: ServerProcess) -> None:
    assert f"listening on 127.0.0.1:{server.port}" in control(server, "status").stdout
    assert re.search(r"^client_queries +\d+$", control(server, "stats").stdout, re.MULTILINE)
    assert control(server, "flush", "example.de").stdout == "0 entries forgotten in 2 workers\n"
    assert json.loads(control(server, "status", "--json").stdout)["result"]["pid"] == server.process.pid
    refused = control(server, "flush", "a..b")
    assert (refused.returncode, refused.stderr) == (2, "holdfast: flush: 'a..b' is not a domain name\n")


def test_a_second_server_on_the_same_address_is_refused(server: ServerProcess, tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--listen", f"127.0.0.1:{server.port}"]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert second.returncode == 2
    assert f"cannot listen on 127.0.0.1:{server.port}: the address is in use" in second.stderr
    other = tmp_path / "other.toml"
    other.write_text(server.config.read_text().replace(str(server.port), str(reserve_port())))
    command = [*COMMAND, "serve", "--config", str(other)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert second.returncode == 2
    assert "a holdfast server runs already, with the control socket" in second.stderr
    assert answers(server.port) and server.status()["workers"]


def test_dig_finds_its_cookie_good_at_every_worker(server: ServerProcess, require_program: Require) -> None:
    dig = [require_program("dig", "bind9-dnsutils"), "@127.0.0.1", "-p", str(server.port), "localhost"]
    first = subprocess.run([*dig, "+cookie"], capture_output=True, text=True, check=True, timeout=WAIT_S).stdout
    made = re.search(r"COOKIE: ([0-9a-f]{48}) \(good\)", first)
    assert made is not None, first
    for _ in range(8):  # from new ports, so that both workers see it
        again = subprocess.run(
            [*dig, f"+cookie={made.group(1)}"], capture_output=True, text=True, check=True, timeout=WAIT_S
        ).stdout
        assert f"COOKIE: {made.group(1)} (good)" in again


# -- life and death ---------------------------------------------------------------------------------------------------


def test_a_crashed_worker_is_replaced_later_each_time(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        for crashes in (1, 2, 3):
            (pid,) = server.worker_pids()
            os.kill(pid, signal.SIGKILL)
            until(lambda old=pid: server.worker_pids() not in ([], [old]))  # type: ignore[misc]
            assert server.status()["restarts"] == crashes
        assert answers(server.port)
        delays = [float(one) for one in re.findall(r"restart_in_s=\S*?([0-9.]+)", plain(server.log.read_text()))]
        assert delays == [0.2, 0.4, 0.8]


def plain(text: str) -> str:
    """Log text without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_reload_changes_listeners_and_the_number_of_workers(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        old = server.worker_pids()
        second = reserve_port()
        server.write_config([f"127.0.0.1:{server.port}", f"127.0.0.1:{second}"], workers=3)
        assert server.command({"command": "reload"}) == {"ok": True, "result": {"workers": 3}}
        assert len(server.worker_pids()) == 3
        assert answers(server.port) and answers(second)
        until(lambda: not any(is_alive(pid) for pid in old))
        server.write_config([f"127.0.0.1:{second}"], workers=1)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.status()["listeners"] == [f"127.0.0.1:{second}"])
        until(lambda: len(server.status()["workers"]) == 1)
        assert answers(second)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", server.port))  # nobody holds the old address any more


def test_a_reload_that_cannot_be_done_changes_nothing(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        busy = taken.getsockname()[1]
        before = server.status()["workers"]
        here = f"127.0.0.1:{server.port}"
        for listen, more, reason in (
            ([here, f"127.0.0.1:{busy}"], "", f"cannot listen on 127.0.0.1:{busy}: the address is in use"),
            ([here], 'user = "daemon"', "server.user cannot change without a restart"),
            ([here], "drain = 1", "server.drain: unknown key"),
        ):
            server.write_config(listen, 2, more)
            reply = server.command({"command": "reload"})
            assert not reply["ok"]
            assert "the old configuration stays in force" in reply["error"]
            assert reason in reply["error"]
        after = server.status()
        assert [worker["pid"] for worker in after["workers"]] == [worker["pid"] for worker in before]
        assert after["listeners"] == [here]
        assert answers(server.port)


def test_stop_ends_all_processes_and_tells_the_service_manager(tmp_path: Path) -> None:
    place = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(place))
        manager.settimeout(WAIT_S)
        with running_server(tmp_path, workers=2, notify=place) as server:
            assert manager.recv(100) == b"READY=1"
            pids = server.worker_pids()
            assert server.command({"command": "reload"})["ok"]
            assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=[0-9]+", manager.recv(100))
            assert manager.recv(100) == b"READY=1"
            pids += server.worker_pids()
            assert server.command({"command": "stop"})["ok"]
            assert server.process.wait(WAIT_S) == 0
            assert manager.recv(100) == b"STOPPING=1"
            assert not any(is_alive(pid) for pid in pids)
            assert not server.socket.exists()


def test_workers_do_not_outlive_a_killed_supervisor_and_the_next_one_can_start(tmp_path: Path) -> None:
    with running_server(tmp_path, workers=2) as server:
        pids = server.worker_pids()
        server.process.kill()
        server.process.wait(WAIT_S)
        until(lambda: not any(is_alive(pid) for pid in pids))
        assert server.socket.exists()
    with running_server(tmp_path) as server:
        assert answers(server.port)
