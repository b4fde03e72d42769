"""The C library's own resolver, as every program uses it: getaddrinfo() with holdfast in /etc/resolv.conf.

The stub asks port 53 only, so this needs a network namespace, and a mount namespace for the two configuration files.
Both are private to the child process: unshare(1) makes them without root where user namespaces are allowed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import require_program
from tests.support.sources import ROOT

pytestmark = pytest.mark.xdist_group("clients")

UNSHARE = ("--user", "--map-root-user", "--net", "--mount")

# Runs in the namespaces: the demonstration on port 53, and for every question a process that reads /etc/resolv.conf.
INSIDE = """
import json, subprocess, sys
from tests.support.demo import running_demo

LOOK_UP = '''
import json, socket, sys
name, family = sys.argv[1], int(sys.argv[2])
try:
    found = socket.getaddrinfo(name, 80, socket.AddressFamily(family), socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    print(json.dumps({"addresses": sorted(one[4][0] for one in found), "name": found[0][3]}))
except socket.gaierror as error:
    print(json.dumps({"error": error.errno}))
'''
questions = json.loads(sys.argv[1])
answers = []
with running_demo(53):
    for name, family in questions:
        done = subprocess.run([sys.executable, "-c", LOOK_UP, name, str(family)], capture_output=True, text=True)
        answers.append(json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stderr})
print(json.dumps(answers))
"""

SCRIPT = """
set -e
ip link set lo up
mount --bind "$1" /etc/resolv.conf
mount --bind "$2" /etc/nsswitch.conf
shift 2
exec "$@"
"""


def getaddrinfo(folder: Path, options: str, questions: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """Answers of the C library to (name, address family) with these options in resolv.conf."""
    unshare = require_program("unshare", "util-linux")
    require_program("ip", "iproute2")
    probe = subprocess.run([unshare, *UNSHARE, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(
            f"no private network namespace ({probe.stderr.strip()}): needs root, or user namespaces for everybody"
        )
    resolv, nsswitch = folder / "resolv.conf", folder / "nsswitch.conf"
    resolv.write_text(f"nameserver 127.0.0.1\noptions {options}\n")
    nsswitch.write_text("hosts: dns\n")
    done = subprocess.run(
        [
            unshare, *UNSHARE, "sh", "-c", SCRIPT, "sh", str(resolv), str(nsswitch),
            sys.executable, "-c", INSIDE, json.dumps(questions),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


ANY, IPV4, IPV6 = 0, 2, 10
NO_NAME, TRY_AGAIN = -2, -3  # EAI_NONAME, EAI_AGAIN of glibc

QUESTIONS: list[tuple[str, int, dict[str, Any]]] = [
    ("www.example.de", ANY, {"addresses": ["2001:db8::2", "203.0.113.2"], "name": "www.example.de"}),
    ("www.example.de", IPV6, {"addresses": ["2001:db8::2"], "name": "www.example.de"}),
    ("mail.example.de", ANY, {"addresses": ["203.0.113.2"], "name": "mail.example.de"}),
    ("alias.example.de", IPV4, {"addresses": ["203.0.113.2"], "name": "www.example.de"}),
    ("far.example.de", IPV4, {"addresses": ["203.0.113.2"], "name": "www.plain1.com"}),
    ("www.plain0.de", IPV4, {"addresses": ["203.0.113.1"], "name": "www.plain0.de"}),
    ("localhost", IPV4, {"addresses": ["127.0.0.1"], "name": "localhost"}),
    ("missing.example.de", ANY, {"error": NO_NAME}),
    ("www.bad-signature.de", IPV4, {"error": TRY_AGAIN}),
    ("www.bad-signature.de", ANY, {"addresses": ["2001:db8::3"], "name": "www.bad-signature.de"}),  # A is broken only
]


@pytest.mark.parametrize("options", ["timeout:5", "edns0 trust-ad timeout:5", "use-vc single-request timeout:5"])
def test_getaddrinfo(tmp_path: Path, options: str) -> None:
    answers = getaddrinfo(tmp_path, options, [(name, family) for name, family, _ in QUESTIONS])
    assert answers == [expected for _, _, expected in QUESTIONS]
