"""What a server process does with the operating system: give up privileges, tell the service manager."""

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import time

from holdfast.server.settings import ServerError

PR_SET_PDEATHSIG = 1  # prctl(2)
PR_SET_NO_NEW_PRIVS = 38


def account_of(user: str) -> pwd.struct_passwd:
    """Return an account. Raises ServerError if there is none of that name."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise ServerError(f"there is no user {user!r} on this machine") from None


def drop_privileges(user: str) -> None:
    """Become ``user`` for good, and give up gaining privileges by exec. Raises ServerError if that is not possible."""
    if user:
        account = account_of(user)
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


def die_with(parent: int) -> None:
    """In a child: get SIGTERM when the process that forked it ends, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it has ended already
        os.kill(os.getpid(), signal.SIGTERM)


def notify_service_manager(state: str) -> None:
    """Tell systemd, if it asked to be told (sd_notify(3)); RELOADING=1 needs the time to go with it."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    if state == "RELOADING=1":
        state += f"\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)
