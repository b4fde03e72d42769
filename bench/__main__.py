"""`python -m bench`: measure; `world`: only serve the zones, for profiling by hand.

`outage`: a registry's bad day on real sockets, resolvers side by side; `virtual`: what it costs in virtual time.
"""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from rich.console import Console

from bench import report
from bench.measure import WORKLOADS, Bench, Sample, Workload
from bench.outage import LAB, NSD, Experiment, find_variant, run_outage, variant_name
from bench.peers import LISTEN_ADDRESS, LISTEN_PORT, Peer, all_peers, tool_versions
from bench.processes import BenchError
from bench.virtual import run_virtual
from bench.world import enter_namespace, serve
from bench.zones import ZoneSet, build, query_name
from holdfast.lab.three_hours import VARIANTS

_FOLDER = Path(__file__).resolve().parent
_CACHE = _FOLDER.parent / ".cache" / "bench"
_RESULTS = _FOLDER / "RESULTS.md"
TRIES = 6  # of one measurement
_ZONE_COUNT = 15_020  # of each kind: three rounds of ten seconds at 500 queries a second, and the names to warm up with


def main() -> None:
    """Run the command line; files of a failed run stay for a look."""
    options = _parse_options()
    network = enter_namespace(sys.argv[1:])
    console = Console()
    run_folder = _CACHE / "run" / str(os.getpid())
    run_folder.mkdir(parents=True)
    cpus = sorted(os.sched_getaffinity(0))
    server_cpu, load_cpu = (cpus[0], cpus[1]) if len(cpus) > 1 and not options.no_pin else (None, None)
    try:
        if options.command == "virtual":
            run_virtual(options.scale, console)
            shutil.rmtree(run_folder)
            return
        if options.command == "outage":
            peers = _choose_peers(options.resolver, options.holdfast, network, console)
            experiment = Experiment(find_variant(options.variant), options.scale, options.authority)
            run_outage(peers, experiment, run_folder, console, _RESULTS if options.record else None)
            shutil.rmtree(run_folder)
            return
        with console.status("Preparing the zones; the first time this takes about a minute"):
            zones = build(_CACHE, _ZONE_COUNT, network)
        console.print("Starting NSD ...", style="dim")
        with serve(zones, run_folder, load_cpu):
            if options.command == "world":
                _show_world(zones, options.holdfast, console)
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
            else:
                peers = _choose_peers(options.resolver, options.holdfast, network, console)
                _measure(Bench(zones, run_folder, server_cpu, load_cpu), peers, options, console)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    shutil.rmtree(run_folder)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("run", "world", "outage", "virtual"), default="run")
    parser.add_argument("--workload", action="append", choices=[workload.name for workload in WORKLOADS])
    parser.add_argument("--resolver", action="append", choices=[peer.name for peer in all_peers("")])
    parser.add_argument("--rounds", type=_positive, default=3)
    parser.add_argument("--seconds", type=_positive, default=10, help="length of one round's load")
    parser.add_argument("--qps", type=_positive, help="offered load; default: 10000 cached, 500 uncached")
    parser.add_argument("--quick", action="store_true", help="one round of four seconds")
    parser.add_argument("--scale", type=float, default=0.1, help="size of the outage's world; 1 is 2000 zones")
    parser.add_argument(
        "--authority", choices=(NSD, LAB), default=NSD, help="who serves the outage's zones: NSD, or this process"
    )
    variants = [variant_name(one) for one in VARIANTS]
    parser.add_argument(
        "--variant", choices=variants, default=variants[0], help="which signatures are bad in the outage"
    )
    parser.add_argument("--no-pin", action="store_true", help="let the system choose CPUs for server and load")
    parser.add_argument("--record", action="store_true", help="also replace the figures in bench/RESULTS.md")
    parser.add_argument("--holdfast", default=str(Path(sys.executable).parent / "holdfast"), metavar="PATH")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 4
    return options


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _choose_peers(wanted: list[str] | None, holdfast: str, network: str, console: Console) -> list[Peer]:
    """The installed ones of the wanted resolvers; one that is missing is left out with a note."""
    chosen = [peer for peer in all_peers(holdfast) if wanted is None or peer.name in wanted]
    for peer in chosen:
        if obstacle := peer.obstacle(network):
            console.print(f"{peer.name} is left out: {obstacle}", style="yellow")
    usable = [peer for peer in chosen if not peer.obstacle(network)]
    if not usable:
        raise BenchError("none of the chosen resolvers can be measured here")
    return usable


def _measure(bench: Bench, peers: list[Peer], options: argparse.Namespace, console: Console) -> None:
    """Alternate among the resolvers within every round, so that all of them see the same state of the machine."""
    if shutil.which("dnsperf") is None:
        raise BenchError("dnsperf is not installed (Debian: apt-get install dnsperf)")
    samples: list[Sample] = []
    chosen = [workload for workload in WORKLOADS if not options.workload or workload.name in options.workload]
    rates = {workload.name: options.qps or workload.rate_qps for workload in chosen}
    for workload in chosen:
        for round_number in range(1, options.rounds + 1):
            for peer in peers:
                sample = _sample(bench, workload, peer, round_number, options.seconds, rates[workload.name], console)
                samples.append(sample)
                console.print(
                    f"{workload.name} {round_number} {peer.name}: {sample.cpu_us_per_query:.1f} µs", style="dim"
                )
    facts = report.machine() | {peer.name: peer.version() for peer in peers} | tool_versions()
    load = ", ".join(f"{name} {rate}" for name, rate in rates.items())
    pinned = "server and load on one CPU each" if bench.server_cpu is not None else "not pinned"
    conditions = [f"{options.rounds} rounds of {options.seconds} s; queries per second: {load}; {pinned}"]
    rows = report.summarise(samples)
    report.print_table(rows, console)
    console.print(f"Saved as {report.save(_FOLDER / 'results', samples, facts, conditions)}")
    if options.record:
        report.record(_RESULTS, report.HEADING, report.markdown(rows, facts, conditions))


def _sample(
    bench: Bench, workload: Workload, peer: Peer, round_number: int, seconds: int, rate_qps: int, console: Console
) -> Sample:
    """Measure; again if the answers were not all there, for a pause of the machine is no property of the resolver."""
    for _ in range(TRIES - 1):
        try:
            return bench.measure(workload, peer, round_number, seconds, rate_qps)
        except BenchError as error:
            console.print(f"{error}; measuring again", style="yellow")
    return bench.measure(workload, peer, round_number, seconds, rate_qps)


def _show_world(zones: ZoneSet, holdfast: str, console: Console) -> None:
    """Print what is served, and the commands that use it from another terminal."""
    enter = f"nsenter --net --target {os.getpid()}"
    names = _CACHE / "signed.names"
    names.write_text("".join(f"{query_name(True, index)} A\n" for index in range(zones.count)))
    names.with_name("unsigned.names").write_text(
        "".join(f"{query_name(False, index)} A\n" for index in range(zones.count))
    )
    serve_command = next(peer for peer in all_peers(holdfast) if peer.name == "holdfast").command(
        zones, Path("/tmp/holdfast-bench")
    )
    console.print(
        f"{zones.count} signed and {zones.count} unsigned zones are served, the root at {zones.root_address}.\n\n"
        f"  {enter} {' '.join(serve_command)}\n"
        f"  {enter} dig @{LISTEN_ADDRESS} -p {LISTEN_PORT} {query_name(True, 0)} +dnssec\n"
        f"  {enter} dnsperf -s {LISTEN_ADDRESS} -p {LISTEN_PORT} -D -n 1 -Q 500 -d {names}\n\n"
        f"Names of unsigned zones: {names.with_name('unsigned.names')}. Press Ctrl-C to stop.",
        soft_wrap=True,
        highlight=False,
    )


if __name__ == "__main__":
    main()
