"""Privileges are given up for good, by root; others are told that they cannot."""

import os
import pwd
import subprocess
import sys

import pytest

from holdfast.server.process import notify_service_manager

SCRIPT = """
import os
from holdfast.server.process import drop_privileges
from holdfast.server.settings import ServerError
try:
    drop_privileges("nobody")
except ServerError as error:
    print(error)
else:
    print(os.getresuid(), os.getresgid(), os.getgroups())
    try:
        os.setuid(0)
    except PermissionError:
        print("cannot go back")
    print([line.split()[1] for line in open("/proc/self/status") if line.startswith("NoNewPrivs")])
"""


def test_root_becomes_the_user_and_cannot_go_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    lines = done.stdout.splitlines()
    if os.geteuid() != 0:
        assert lines == ["cannot become user 'nobody': only root can; start as root or leave user empty"]
        return
    account = pwd.getpwnam("nobody")
    uid, gid = account.pw_uid, account.pw_gid
    assert lines == [f"{(uid,) * 3} {(gid,) * 3} {[gid]}", "cannot go back", "['1']"]


def test_an_unknown_user_is_an_error_in_words() -> None:
    script = SCRIPT.replace('"nobody"', '"no such user"')
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "there is no user 'no such user' on this machine\n"


def test_without_a_service_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify_service_manager("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    notify_service_manager("READY=1")
