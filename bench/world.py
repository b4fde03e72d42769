"""The private Internet of the benchmark: NSD serving the zones, if possible in a network namespace of its own."""

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype

from bench.zones import TLD, ZoneSet

_NAMESPACE_VARIABLE = "BENCH_NAMESPACE"
_OWN_NETWORK = "10.53.0"  # not 127/8: Knot Resolver does not query servers there
_HOST_NETWORK = "127.53.0"
_NSD_CONFIG = """
server:
    server-count: 1
    ip-address: {address}
    port: 53
    username: ""
    chroot: ""
    zonesdir: "{zones}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    logfile: "{folder}/nsd.log"
    verbosity: 0
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"""


class BenchError(Exception):
    """Something that keeps the benchmark from giving a trustworthy figure; the text says what and what to do."""


def enter_namespace(arguments: list[str]) -> str:
    """Start this program again inside a network namespace of its own; inside, return the /24 (as "a.b.c") to serve in.

    If the system allows no namespace, the /24 is a part of the host's loopback network.
    """
    if _NAMESPACE_VARIABLE not in os.environ:
        unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
        prepare = f"ip link set lo up && ip address add {_OWN_NETWORK}.1/24 dev lo"
        if not all(map(shutil.which, ("unshare", "ip"))) or not _succeeds([*unshare, "sh", "-c", prepare]):
            return _HOST_NETWORK
        os.environ[_NAMESPACE_VARIABLE] = "own"
        program = shlex.join([sys.executable, "-m", "bench", *arguments])
        os.execvp("unshare", [*unshare, "sh", "-c", f"{prepare} && exec {program}"])
    return _OWN_NETWORK


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def serve(zones: ZoneSet, folder: Path, cpu: int | None) -> Iterator[None]:
    """Serve root, TLD and small zones, each group by an NSD at its own address, until the block ends.

    Separate servers, because one that held all zones would answer at once and never refer.
    """
    if shutil.which("nsd") is None:
        raise BenchError("nsd is not installed, and the benchmark's zones need it (Debian: apt-get install nsd)")
    groups = {zones.root_address: ["."], zones.tld_address: [TLD], zones.hoster_address: zones.children}
    with contextlib.ExitStack() as stack:
        for address, names in groups.items():
            _check_port_53(address)
            stack.enter_context(running(_nsd_command(zones, folder / address, address, names), folder / address, cpu))
            await_answer(f"NSD at {address}", names[-1], address, 53, authenticated=False)
        yield


def await_answer(who: str, name: str, address: str, port: int, authenticated: bool) -> None:
    """Ask `name` until the server answers NOERROR (with AD, if `authenticated`); give up after 30 seconds."""
    last = "no answer"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            last = check_answer(name, address, port, authenticated)
        except OSError as error:
            last = str(error)
        except dns.exception.DNSException as error:
            last = f"{type(error).__name__}: {error}"
        if not last:
            return
        time.sleep(0.1)
    raise BenchError(f"{who} did not get ready within 30 s: {name} A: {last}")


def check_answer(name: str, address: str, port: int, authenticated: bool) -> str:
    """Ask `name` once and say what is wrong with the answer: empty if it is NOERROR with the expected AD bit."""
    query = dns.message.make_query(name, dns.rdatatype.A, want_dnssec=True)
    answer = dns.query.udp(query, address, timeout=2, port=port)
    if answer.rcode() != 0:
        return f"RCODE {answer.rcode()}"
    if authenticated != bool(answer.flags & dns.flags.AD):
        return "AD is missing" if authenticated else "AD is set"
    return ""


def pinned(command: list[str], cpu: int | None) -> list[str]:
    """The command line that runs `command` on one CPU only; unchanged if `cpu` is None or taskset is missing."""
    return command if cpu is None or shutil.which("taskset") is None else ["taskset", "--cpu-list", str(cpu), *command]


@contextlib.contextmanager
def running(command: list[str], folder: Path, cpu: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the foreground inside `folder`, its output in `output.log`, until the block ends.

    `cpu` is the only one that it may use; None: any.
    """
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            pinned(command, cpu), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _nsd_command(zones: ZoneSet, folder: Path, address: str, names: list[str]) -> list[str]:
    folder.mkdir(parents=True)
    entries = (f'zone:\n    name: "{name}"\n    zonefile: "{zones.zone_file(name).name}"\n' for name in names)
    config = folder / "nsd.conf"
    config.write_text(
        _NSD_CONFIG.format(address=address, folder=folder, zones=zones.zone_file("").parent) + "".join(entries)
    )
    return ["nsd", "-d", "-c", str(config)]


def _check_port_53(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 53))
        except OSError as error:
            raise BenchError(
                f"cannot serve zones at {address} port 53: {error.strerror}; run as root, allow user namespaces, "
                "or set net.ipv4.ip_unprivileged_port_start to 53"
            ) from error
