"""Who may use the control socket, and that neither many connections nor silent ones block it."""

import grp
import json
import os
import selectors
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.server.control_socket import CONNECTIONS, PATH_OCTETS, ControlSocket
from holdfast.server.settings import ServerError

Turn = Callable[[], None]


class Served:
    """A control socket whose commands are all answered with their name."""

    def __init__(self, path: Path, group: str = "") -> None:
        self.selector = selectors.DefaultSelector()
        self.socket = ControlSocket(
            path, "", group, self.selector, lambda command, _values, reply: reply({"ok": True, "did": command.name})
        )

    def turn(self) -> None:
        """Deal with everything that has arrived."""
        while events := self.selector.select(0):
            for key, _ in events:
                key.data()

    def connect(self) -> socket.socket:
        """A client's end."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(10)
        sock.connect(str(self.socket.path))
        self.turn()
        return sock


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    one = Served(tmp_path / "control")
    yield one
    one.socket.close()
    one.selector.close()


def exchange(served: Served, sock: socket.socket, line: bytes) -> bytes:
    sock.sendall(line)
    served.turn()
    return sock.recv(10_000)


def test_its_own_user_may_command(served: Served) -> None:
    with served.connect() as sock:
        assert json.loads(exchange(served, sock, b'{"command":"status"}\n')) == {"ok": True, "did": "status"}


def test_others_are_turned_away_by_their_credentials(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.socket, "_users", {os.geteuid() + 1})
    with served.connect() as sock:
        assert sock.recv(10) == b""


def test_members_of_the_group_may_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = grp.getgrgid(os.getegid()).gr_name
    served = Served(tmp_path / "control", group)
    assert served.socket.path.stat().st_mode & 0o777 == 0o660
    assert served.socket.path.stat().st_gid == os.getegid()
    monkeypatch.setattr(served.socket, "_users", {os.geteuid() + 1})
    with served.connect() as sock:
        assert json.loads(exchange(served, sock, b'{"command":"stats"}\n'))["ok"]
    served.socket.close()


def test_connections_are_limited_and_a_closed_one_makes_room(served: Served) -> None:
    kept = [served.connect() for _ in range(CONNECTIONS)]
    with served.connect() as refused:
        assert refused.recv(10) == b""
    kept.pop().close()
    served.turn()
    kept.append(served.connect())
    for sock in kept:
        assert json.loads(exchange(served, sock, b'{"command":"status"}\n'))["ok"]
        sock.close()


def test_silent_connections_are_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with served.connect() as silent:
        served.socket.close_idle()
        assert json.loads(exchange(served, silent, b'{"command":"status"}\n'))["ok"]
        monkeypatch.setattr("holdfast.server.control_socket.IDLE_S", -1.0)
        served.socket.close_idle()
        assert silent.recv(10) == b""


def test_what_stands_in_the_way_is_an_error_in_words(served: Served, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("precious")
    for path, reason in (
        (occupied, "exists and is not a socket"),
        (served.socket.path, "runs already"),
        (tmp_path / "no" / "control", "No such file or directory"),
        (tmp_path / ("x" * PATH_OCTETS), f"more than {PATH_OCTETS} octets"),
    ):
        with pytest.raises(ServerError, match=reason):
            Served(path)
    with pytest.raises(ServerError, match="no group 'no such group'"):
        Served(tmp_path / "other", "no such group")
    assert occupied.read_text() == "precious"
