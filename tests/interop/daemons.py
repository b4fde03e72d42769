"""Other people's name servers as child processes on free ports of 127.0.0.1, without root."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from bench.nsd import nsd_command
from tests.support.ports import reserve_port
from tests.support.programs import require_program

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
LOG_CHARACTERS = 4000
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Daemon:
    """A running name server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def log_tail(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-LOG_CHARACTERS:]


@contextmanager
def running(name: str, folder: Path, command: Callable[[Path, int], list[str]], ready_for: str) -> Iterator[Daemon]:
    """Start a daemon in ``folder``, wait until it answers SOA queries for ``ready_for``, and end it afterwards.

    ``command`` writes the configuration for a port and returns the command line. The kernel kills the daemon when the
    test run dies in whatever way (PR_SET_PDEATHSIG).
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = reserve_port()
    setpriv = require_program("setpriv", "util-linux")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [setpriv, "--pdeathsig", "TERM", *command(folder, port)], stdout=output, stderr=output, cwd=folder
        )
    daemon = Daemon(name, port, process, log)
    try:
        _wait_until_ready(daemon, ready_for)
        yield daemon
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(daemon: Daemon, zone: str) -> None:
    query = dns.message.make_query(zone, "SOA")
    deadline = time.monotonic() + START_TIMEOUT_S
    rcode = "no response"
    while time.monotonic() < deadline and daemon.process.poll() is None:
        with suppress(dns.exception.Timeout, OSError):
            rcode = dns.rcode.to_text(dns.query.udp(query, LOOPBACK, port=daemon.port, timeout=0.5).rcode())
        if rcode == "NOERROR":
            return
        time.sleep(0.05)
    raise AssertionError(f"{daemon.name} does not serve {zone} ({rcode}):\n{daemon.log_tail()}")


def nsd(zones: Mapping[str, Path]) -> Callable[[Path, int], list[str]]:
    """NSD with these zone files by zone name."""

    def command(folder: Path, port: int) -> list[str]:
        return nsd_command(require_program("nsd", "nsd"), folder, [(LOOPBACK, port)], zones)

    return command


def bind(zones: Mapping[str, Path]) -> Callable[[Path, int], list[str]]:
    """BIND with these zone files by zone name, authoritative only."""

    def command(folder: Path, port: int) -> list[str]:
        config = [
            f"""\
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {port} {{ {LOOPBACK}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    notify no;
    check-names primary ignore;
}};
controls {{ }};
"""
        ]
        config += [f'zone "{zone}" {{ type primary; file "{path}"; }};\n' for zone, path in zones.items()]
        (folder / "named.conf").write_text("".join(config))
        return [require_program("named", "bind9"), "-4", "-g", "-n", "1", "-c", str(folder / "named.conf")]

    return command


def knot(zones: Mapping[str, Path], signing: str, options: Mapping[str, str]) -> Callable[[Path, int], list[str]]:
    """Knot DNS with these zone files by zone name; ``signing`` has more sections, ``options`` is by zone."""

    def command(folder: Path, port: int) -> list[str]:
        config = [
            f"""\
server:
    rundir: "{folder}"
    listen: {LOOPBACK}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}"
{signing}
zone:
"""
        ]
        for zone, path in zones.items():
            config.append(f'  - domain: "{zone}"\n    file: "{path}"\n    zonefile-sync: -1\n{options.get(zone, "")}')
        (folder / "knot.conf").write_text("".join(config))
        return [require_program("knotd", "knot"), "-c", str(folder / "knot.conf")]

    return command


def unbound(servers: Mapping[str, int], trust_anchor: str = "") -> Callable[[Path, int], list[str]]:
    """Unbound, told every zone's server by its port; without a ``trust_anchor`` (DS line) it does not validate."""
    modules = "validator iterator" if trust_anchor else "iterator"
    anchor = f"trust-anchor: '{trust_anchor}'" if trust_anchor else ""

    def command(folder: Path, port: int) -> list[str]:
        config = [
            f"""\
server:
    interface: {LOOPBACK}@{port}
    num-threads: 1
    do-ip6: no
    do-not-query-localhost: no
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    module-config: "{modules}"
    {anchor}
    minimal-responses: no
    qname-minimisation: no
    rrset-roundrobin: no
remote-control:
    control-enable: no
"""
        ]
        config += [
            f'stub-zone:\n    name: "{zone}"\n    stub-addr: {LOOPBACK}@{server}\n' for zone, server in servers.items()
        ]
        (folder / "unbound.conf").write_text("".join(config))
        return [require_program("unbound", "unbound"), "-d", "-c", str(folder / "unbound.conf")]

    return command
