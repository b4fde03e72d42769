"""The UNIX socket on which a running server takes commands: who may connect, one command at a time, bounded in all.

Only the users of the server and root may use it, and the members of a group if one is configured. The file's mode says
so, and the credentials of the peer (SO_PEERCRED, unix(7)) are checked again: a mode can be changed by mistake.
"""

import contextlib
import grp
import os
import pwd
import selectors
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from holdfast.server.commands import Command, CommandError, check_request
from holdfast.server.lines import LINE_OCTETS, LineBuffer, LineError, Values, decode, encode
from holdfast.server.process import account_of
from holdfast.server.settings import ServerError

CONNECTIONS = 16  # at a time; people and a monitoring system, not clients of the resolver
IDLE_S = 60.0  # a connection that asks nothing is closed
PATH_OCTETS = 107  # sun_path in unix(7), less the final zero
PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid

Reply = Callable[[Values], None]
Handler = Callable[[Command, Values, Reply], None]


def noted(command: Command, reply: Reply) -> Reply:
    """Return how to reply to a decision that is in its journal already, whatever the workers say."""

    def answer(result: Values) -> None:
        if not result["ok"]:
            result["error"] = f"{command.name}: noted, but not in all workers yet: {result['error']}"
        reply(result)

    return answer


class Connection:
    """One connected client. While a command is carried out, nothing more is read from it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = LineBuffer()
        self.lines: list[bytes] = []
        self.busy = False
        self.in_turn = False  # commands that were sent together are carried out one after the other, not nested
        self.last_s = time.monotonic()


class ControlSocket:
    """The listening socket and its connections; ``handle`` gets each checked command and replies once, now or later."""

    def __init__(self, path: Path, user: str, group: str, selector: selectors.BaseSelector, handle: Handler) -> None:
        self.path = path
        self._selector = selector
        self._handle = handle
        self._connections: dict[int, Connection] = {}
        self._group_id = _group_id(group)
        owner = account_of(user).pw_uid if user else os.geteuid()
        self._users = {0, owner}
        self._listener = _bind(path, owner, self._group_id)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Take no more commands, and remove the file."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.release()

    def release(self) -> None:
        """Close the descriptors alone: for a worker, which must not hold its parent's."""
        for connection in self._connections.values():
            connection.sock.close()
        self._connections = {}
        self._listener.close()

    def close_idle(self) -> None:
        """Close connections that have asked nothing for too long."""
        now_s = time.monotonic()
        for connection in [one for one in self._connections.values() if not one.busy and now_s - one.last_s > IDLE_S]:
            self._drop(connection)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        if len(self._connections) >= CONNECTIONS or not self._may_command(sock):
            sock.close()
            return
        connection = Connection(sock)
        self._connections[sock.fileno()] = connection
        self._selector.register(sock, selectors.EVENT_READ, lambda: self._read(connection))

    def _may_command(self, sock: socket.socket) -> bool:
        """Check the credentials of the peer."""
        _, uid, gid = PEER_CREDENTIALS.unpack(
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
        )
        if uid in self._users:
            return True
        if self._group_id < 0:
            return False
        try:
            account = pwd.getpwuid(uid)
        except KeyError:
            return bool(gid == self._group_id)
        return self._group_id in os.getgrouplist(account.pw_name, gid)

    def _read(self, connection: Connection) -> None:
        try:
            octets = connection.sock.recv(LINE_OCTETS)
            connection.lines += connection.buffer.feed(octets)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        except LineError as error:
            self._answer(connection, CommandError(str(error)).reply())
            octets = b""
        if not octets:
            self._drop(connection)
            return
        connection.last_s = time.monotonic()
        self._next(connection)

    def _next(self, connection: Connection) -> None:
        """Carry out the commands that a connection has sent."""
        if connection.in_turn:
            return
        connection.in_turn = True
        while connection.lines and not connection.busy and connection.sock.fileno() >= 0:
            line = connection.lines.pop(0)
            connection.busy = True
            self._selector.unregister(connection.sock)
            try:
                values = decode(line)
                command = check_request(values)
            except LineError as error:
                self._finish(connection, CommandError(str(error)).reply())
            except CommandError as error:
                self._finish(connection, error.reply())
            else:
                self._handle(command, values, lambda reply: self._finish(connection, reply))
        connection.in_turn = False

    def _finish(self, connection: Connection, reply: Values) -> None:
        """Answer the command in progress and read on."""
        if connection.sock.fileno() < 0:
            return
        connection.busy = False
        self._selector.register(connection.sock, selectors.EVENT_READ, lambda: self._read(connection))
        self._answer(connection, reply)
        self._next(connection)

    def _answer(self, connection: Connection, reply: Values) -> None:
        """Send one line; a client that does not read its answers is cut off."""
        line = encode(reply)
        try:
            complete = connection.sock.send(line) == len(line)
        except OSError:
            complete = False
        if not complete:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        if connection.sock.fileno() >= 0:
            self._connections.pop(connection.sock.fileno(), None)
            with contextlib.suppress(KeyError):
                self._selector.unregister(connection.sock)
            connection.sock.close()


def _group_id(group: str) -> int:
    """Return the number of a group, -1 for none. Raises ServerError if there is no such group."""
    if not group:
        return -1
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ServerError(f"there is no group {group!r} on this machine (server.control_group)") from None


def _bind(path: Path, user_id: int, group_id: int) -> socket.socket:
    """Make the socket file, owned by the server's user. Raises ServerError if that is not possible."""
    if len(os.fsencode(path)) > PATH_OCTETS:
        raise ServerError(f"the path of the control socket has more than {PATH_OCTETS} octets: {path}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _remove_stale(path)
        # The mode comes from the mask, and links are not followed: the folder may belong to the user that root becomes.
        old_mask = os.umask(0o117 if group_id >= 0 else 0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(old_mask)
        if os.geteuid() == 0 or group_id >= 0:
            os.chown(path, user_id if os.geteuid() == 0 else -1, group_id, follow_symlinks=False)
        sock.listen(CONNECTIONS)
    except OSError as error:
        sock.close()
        raise ServerError(f"cannot make the control socket {path}: {error.strerror or error}") from None
    except ServerError:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    """Remove what a server that crashed left behind. Raises ServerError if one still listens, or it is no socket."""
    if not path.exists():
        return
    if not path.is_socket():
        raise ServerError(f"{path} exists and is not a socket; remove it or set server.control_socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise ServerError(f"a holdfast server runs already, with the control socket {path}; stop it first")
