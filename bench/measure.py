"""Rounds of load, and what they cost: CPU time of the server's processes, from the operating system."""

import contextlib
import ctypes
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.peers import LISTEN_ADDRESS, LISTEN_PORT, Peer
from bench.processes import BenchError, await_answer, check_answer, pinned, running
from bench.zones import ZoneSet, query_name

CACHED_NAMES = 300
WARM_NAMES = 20  # asked first in every round, so that priming and the keys of root and TLD are not measured
CHECKED_NAMES = 50  # answers that are looked at one by one after the load
MAXIMUM_LOST_SHARE = 0.001
MAXIMUM_RATE_ERROR = 0.02

_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Workload:
    """A kind of load: which names are asked, and how fast unless the user says otherwise."""

    name: str
    signed: bool
    cached: bool
    rate_qps: int


# Each at a light load, where every query finds an idle server with cold processor caches, and at a busy one, which says
# more about how much a core can carry; the slowest resolver still keeps up with it here.
WORKLOADS = (
    Workload("cached", signed=True, cached=True, rate_qps=10_000),
    Workload("uncached-signed", signed=True, cached=False, rate_qps=500),
    Workload("uncached-unsigned", signed=False, cached=False, rate_qps=500),
    Workload("cached-busy", signed=True, cached=True, rate_qps=20_000),
    Workload("uncached-signed-busy", signed=True, cached=False, rate_qps=1_000),
    Workload("uncached-unsigned-busy", signed=False, cached=False, rate_qps=1_000),
)


@dataclass(frozen=True)
class Sample:
    """One resolver's figures of one round."""

    workload: str
    resolver: str
    round: int
    queries: int
    cpu_us_per_query: float
    mean_latency_ms: float


@dataclass(frozen=True)
class LoadResult:
    """What dnsperf saw."""

    sent: int
    lost: int
    no_error: int
    rate_qps: float
    mean_latency_ms: float


class Bench:
    """One run of the benchmark: the zones that are being served, where files go, and which CPUs to use."""

    def __init__(self, zones: ZoneSet, folder: Path, server_cpu: int | None, load_cpu: int | None) -> None:
        self.zones = zones
        self.folder = folder
        self.server_cpu = server_cpu
        self.load_cpu = load_cpu

    def measure(self, workload: Workload, peer: Peer, round_number: int, seconds: int, rate_qps: int) -> Sample:
        """Start the resolver with empty caches, warm it, put the load on it, and return what a query cost.

        Raises `BenchError` if answers are wrong or missing: a figure for those would mean nothing.
        """
        who = f"{peer.name}, {workload.name}, round {round_number}"
        folder = self.folder / f"{workload.name}-{round_number}-{peer.name}"
        shutil.rmtree(folder, ignore_errors=True)  # of a try before
        folder.mkdir(parents=True)
        warm, asked = round_names(workload, self.zones, round_number, seconds * rate_qps)
        with running(peer.command(self.zones, folder), folder, self.server_cpu) as process:
            await_answer(f"{who} (see {folder}/output.log)", warm[0], LISTEN_ADDRESS, LISTEN_PORT, workload.signed)
            self._load(folder / "warm.names", warm, rate_qps=200, repeat_s=0)
            if workload.cached:
                self._load(folder / "warm.names", warm, rate_qps, repeat_s=1)
            before = cpu_seconds(process.pid)
            load = self._load(folder / "asked.names", asked, rate_qps, repeat_s=seconds if workload.cached else 0)
            spent = cpu_seconds(process.pid) - before
            _check_load(who, load, rate_qps)
            _check_answers(who, asked, workload.signed)
        return Sample(workload.name, peer.name, round_number, load.sent, spent * 1e6 / load.sent, load.mean_latency_ms)

    def _load(self, file: Path, names: list[str], rate_qps: int, repeat_s: int) -> LoadResult:
        """Let dnsperf ask the names at a fixed rate: for `repeat_s` seconds, or each once if that is 0."""
        file.write_text("".join(f"{name} A\n" for name in names))
        command = ["dnsperf", "-s", LISTEN_ADDRESS, "-p", str(LISTEN_PORT), "-d", str(file), "-D", "-q", "10000"]
        command += ["-Q", str(rate_qps), *(["-l", str(repeat_s)] if repeat_s else ["-n", "1"])]
        run = subprocess.run(pinned(command, self.load_cpu), capture_output=True, text=True, check=False)
        file.with_suffix(".dnsperf").write_text(run.stdout + run.stderr)
        if run.returncode != 0:
            raise BenchError(f"dnsperf failed: {run.stderr.strip()}")
        return _parse_load(run.stdout)


def round_names(workload: Workload, zones: ZoneSet, round_number: int, query_count: int) -> tuple[list[str], list[str]]:
    """The names to warm up and to measure with; uncached rounds share none until the zones run out."""
    if workload.cached:
        names = [query_name(workload.signed, index) for index in range(CACHED_NAMES)]
        return names, names
    fresh = zones.count - WARM_NAMES
    if query_count > fresh:
        raise BenchError(
            f"a round of {query_count} fresh names needs more than {fresh} zones; lower --seconds or --qps"
        )
    start = (round_number - 1) * query_count
    warm = [query_name(workload.signed, index) for index in range(WARM_NAMES)]
    return warm, [query_name(workload.signed, WARM_NAMES + (start + index) % fresh) for index in range(query_count)]


def cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and its descendants, in seconds, as exact as the scheduler counts.

    /proc/PID/stat counts ticks of 10 ms, which is 5 us per query in a quick round. Processes that ended are not seen;
    no server under test has any that come and go.
    """
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    total, todo = 0.0, [pid]
    while todo:
        process = todo.pop()
        total += _process_seconds(process)
        todo += children.get(process, [])
    return total


def _process_seconds(pid: int) -> float:
    """CPU time of all threads of one process (clock_getcpuclockid(3)); 0 if it is gone."""
    clock = ctypes.c_int()
    if _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        return 0.0
    try:
        return time.clock_gettime_ns(clock.value) / 1e9
    except OSError:
        return 0.0


def _parse_load(output: str) -> LoadResult:
    """Read dnsperf's closing statistics."""

    def figure(pattern: str) -> float:
        found = re.search(pattern, output)
        return float(found.group(1)) if found else 0.0

    return LoadResult(
        sent=int(figure(r"Queries sent: +(\d+)")),
        lost=int(figure(r"Queries lost: +(\d+)")),
        no_error=int(figure(r"NOERROR (\d+)")),
        rate_qps=figure(r"Queries per second: +([\d.]+)"),
        mean_latency_ms=figure(r"Average Latency \(s\): +([\d.]+)") * 1000,
    )


def _check_load(who: str, load: LoadResult, rate_qps: int) -> None:
    if load.sent == 0 or load.lost > load.sent * MAXIMUM_LOST_SHARE:
        raise BenchError(f"{who}: {load.lost} of {load.sent} queries were not answered; lower --qps")
    if load.no_error != load.sent - load.lost:
        raise BenchError(f"{who}: only {load.no_error} of {load.sent} answers are NOERROR")
    if abs(load.rate_qps - rate_qps) > rate_qps * MAXIMUM_RATE_ERROR:
        raise BenchError(
            f"{who}: the load was {load.rate_qps:.0f} instead of {rate_qps} queries per second; lower --qps"
        )


def _check_answers(who: str, asked: list[str], authenticated: bool) -> None:
    """Look at some of the answers again; by now they come from the cache, and after the CPU time was read."""
    for name in asked[:: max(1, len(asked) // CHECKED_NAMES)]:
        problem = check_answer(name, LISTEN_ADDRESS, LISTEN_PORT, authenticated)
        if problem:
            raise BenchError(f"{who}: {name} A: {problem}")
