"""The private Internet of the benchmark: NSD serving the zones, if possible in a network namespace of its own."""

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.nsd import find_nsd, nsd_command
from bench.processes import BenchError, await_answer, running
from bench.zones import TLD, ZoneSet

_NAMESPACE_VARIABLE = "BENCH_NAMESPACE"
_OWN_NETWORK = "10.53.0"  # not 127/8: Knot Resolver does not query servers there
_HOST_NETWORK = "127.53.0"


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
    program = find_nsd("; it serves the benchmark's zones")
    groups = {zones.root_address: ["."], zones.tld_address: [TLD], zones.hoster_address: zones.children}
    with contextlib.ExitStack() as stack:
        for address, names in groups.items():
            _check_port_53(address)
            files = {name: zones.zone_file(name) for name in names}
            command = nsd_command(program, folder / address, [(address, 53)], files)
            stack.enter_context(running(command, folder / address, cpu))
            await_answer(f"NSD at {address}", names[-1], address, 53, authenticated=False)
        yield


def _check_port_53(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 53))
        except OSError as error:
            raise BenchError(
                f"cannot serve zones at {address} port 53: {error.strerror}; run as root, allow user namespaces, "
                "or set net.ipv4.ip_unprivileged_port_start to 53"
            ) from error
