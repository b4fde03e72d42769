"""`python -m bench outage`: three hours of bad signatures in three minutes, resolvers beside each other.

The laboratory's world is served at its own addresses inside a network namespace, by NSD from zone files or by the
laboratory itself; every resolver gets clients of its own, with the same questions. TTLs are divided by the speed; what
a product holds by constants of its own (retry and failure timers) is not, and so lasts longer here than in three hours.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from rich.console import Console
from rich.table import Table

from bench.nsd import NsdInternet, find_nsd
from bench.peers import LISTEN_ADDRESS, LISTEN_PORT, Peer, program_version
from bench.processes import BenchError, await_answer, running
from bench.report import machine, record, table_lines
from holdfast.dns.name import to_text
from holdfast.lab.internet import root_hints_text
from holdfast.lab.loopback import DNS_PORT, LoopbackInternet
from holdfast.lab.measurements import KNOWN_ZONE, MINUTE_S, Measurements
from holdfast.lab.real_time import SocketResolver, play_in_real_time
from holdfast.lab.three_hours import BREAK_S, VARIANTS, Variant, three_hours, traffic
from holdfast.lab.world import Pace, World

SPEED = 60
SEED = 1
TABLE_WIDTH = 110
NSD, LAB = "nsd", "lab"
HEADINGS = ("resolver", "questions", "failed", "last third", "known zones", "10 s after healing", "after that")
Publish = Callable[[Sequence[bytes]], None]


@dataclass(frozen=True)
class Experiment:
    """What to play: which signatures are bad, how large a world, and who serves it (NSD or LAB)."""

    variant: Variant
    scale: float
    authority: str


def find_variant(name: str) -> Variant:
    """Return a variant by its name on the command line."""
    return next(one for one in VARIANTS if variant_name(one) == name)


def variant_name(variant: Variant) -> str:
    """Return the name of a variant on the command line."""
    return variant.title.replace(" ", "-")


@dataclass(frozen=True)
class WorldFiles:
    """The files by which a resolver comes to know the world."""

    folder: Path
    root_ds: str

    @property
    def root_hints(self) -> Path:
        """Hints file that names the root's servers."""
        return self.folder / "root.hints"

    @property
    def trust_anchor(self) -> Path:
        """File with the root's key as one DS line."""
        return self.folder / "root.ds"

    @property
    def trust_anchor_key(self) -> Path:
        """File with the same key as one DNSKEY line."""
        return self.folder / "root.key"


def write_files(world: World, folder: Path) -> WorldFiles:
    """Write the files of a world."""

    def text(rtype: dns.rdatatype.RdataType, wire: bytes) -> str:
        return dns.rdata.from_wire(dns.rdataclass.IN, rtype, wire, 0, len(wire)).to_text()

    files = WorldFiles(folder, text(dns.rdatatype.DS, world.root_key.ds(b"\x00")))
    files.root_hints.write_text(root_hints_text())
    files.trust_anchor.write_text(f". IN DS {files.root_ds}\n")
    files.trust_anchor_key.write_text(f". IN DNSKEY {text(dns.rdatatype.DNSKEY, world.root_key.dnskey)}\n")
    return files


def run_outage(
    peers: Sequence[Peer], experiment: Experiment, folder: Path, console: Console, results: Path | None
) -> None:
    """Play the break against all resolvers at once, and print what share of questions failed for each.

    The figures also replace their section of the page ``results``, if it is given. Raises BenchError.
    """
    if os.environ.get("BENCH_NAMESPACE") is None:
        raise BenchError(
            "the outage needs a network namespace, to serve at the addresses of the real servers; run as root"
        )
    outage = three_hours(experiment.variant).scaled(experiment.scale)
    world = World.generate(outage, SEED, Pace(SPEED, int(time.time())))
    for address in world.servers:
        text = str(ip_address(address))
        command = ["ip", "address", "add", f"{text}/{len(address) * 8}", "dev", "lo"]
        subprocess.run(command, check=True, capture_output=True)
    files = write_files(world, folder)
    serving = _nsd(world, folder, console) if experiment.authority == NSD else _laboratory(world)
    measured = asyncio.run(_play(world, serving, peers, files, folder, console))
    rows = [_cells(world, *pair) for pair in zip(peers, measured, strict=True)]
    _print_rows(rows, console)
    if results is not None:
        record(results, *_page(experiment, outage.zones, rows))


@asynccontextmanager
async def _laboratory(world: World) -> AsyncIterator[Publish]:
    """Serve the world from this process, at once as it is."""
    network = LoopbackInternet(world.servers, in_place=True)
    await network.start()
    try:
        yield lambda _addresses: None
    finally:
        network.close()


@asynccontextmanager
async def _nsd(world: World, folder: Path, console: Console) -> AsyncIterator[Publish]:
    """Serve the world with NSD, after a look at what NSD says in each version of the zone."""
    program = find_nsd("; `--authority lab` serves the same zones from the benchmark's own process")
    places = {address: (str(ip_address(address)), DNS_PORT) for address in world.servers}
    with NsdInternet.serving(world, folder, program, places) as network:
        for version, served in network.rehearse():
            broken = world.outage.broken_s <= version.start_s < world.outage.healed_s
            if not served.keys_verify or served.apex_denial_verifies == broken:
                raise BenchError(f"NSD does not serve what is meant by {version.name!r}: {served}")
            console.print(
                f"NSD, {version.name}: the keys verify, the apex NSEC3 {'does not' if broken else 'does'}, "
                f"{served.ds_verified} of {served.ds_asked} DS do",
                style="dim",
                soft_wrap=True,
            )
        yield network.publish


async def _play(
    world: World,
    serving: AbstractAsyncContextManager[Publish],
    peers: Sequence[Peer],
    files: WorldFiles,
    folder: Path,
    console: Console,
) -> list[Measurements]:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    outage = world.outage
    minutes = (outage.end_s - outage.start_s + outage.warm_up_s) / SPEED / MINUTE_S
    name = to_text(next(leaf.name for leaf in world.leaves if leaf.signed))
    resolvers: list[SocketResolver] = []
    async with serving as publish:
        with ExitStack() as stack:
            for at, peer in enumerate(peers):
                peer.port = LISTEN_PORT + at
                peer.serve_stale = True
                own = folder / peer.name
                own.mkdir()
                stack.enter_context(running(peer.command(files, own), own, None))
                who = f"{peer.name} (see {own}/output.log)"
                await asyncio.to_thread(await_answer, who, name, LISTEN_ADDRESS, peer.port, True)
                resolver = SocketResolver(LISTEN_ADDRESS, peer.port)
                stack.callback(resolver.close)
                resolvers.append(resolver)
            console.print(
                f"{len(peers)} resolver(s), {outage.zones} zones, {SPEED} times the speed: {minutes:.0f} minutes",
                style="dim",
            )
            clients = traffic().for_zones(outage.zones)
            return await play_in_real_time(world, resolvers, clients, _quiet, stop, publish)


def _quiet(_measured: Measurements, _now_s: float) -> None:
    """Show nothing: the terminal's chart would compete with the resolvers for the processor."""


def _cells(world: World, peer: Peer, measured: Measurements) -> list[str]:
    """Return one resolver's row: failed questions in percent, the known zones' being part of the last third's."""
    outage = world.outage
    third_s = outage.healed_s - BREAK_S // 3
    settled_s = outage.healed_s + 10 * SPEED
    whole = measured.share(outage.broken_s, outage.healed_s)
    shares = [
        whole,
        measured.share(third_s, outage.healed_s),
        measured.share(third_s, outage.healed_s, KNOWN_ZONE),
        measured.share(outage.healed_s, settled_s),
        measured.share(settled_s, outage.end_s),
    ]
    return [f"{peer.name} {peer.version()}", str(whole.questions), *(f"{one.percent:.1f} %" for one in shares)]


def _print_rows(rows: Sequence[Sequence[str]], console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == HEADINGS[0] else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    (console if console.is_terminal else Console(width=TABLE_WIDTH)).print(table)


def _page(experiment: Experiment, zones: int, rows: Sequence[Sequence[str]]) -> tuple[str, str]:
    """Return heading and text of the section about an experiment."""
    authority = f"NSD {program_version(find_nsd(), '-v')}" if experiment.authority == NSD else "the laboratory itself"
    option = f"--variant {variant_name(experiment.variant)} --scale {experiment.scale:g}"
    lines = [
        f"Written by `python -m bench outage {option} --record`; docs/lab.md explains how to read it.",
        "",
        f"- served by {authority}; {SPEED} times the speed; the resolvers side by side",
        *(f"- {name}: {value}" for name, value in machine().items()),
        "- each with its own way of using expired data switched on; figures are failed questions, those of known zones "
        "part of the last third's",
        "",
        *table_lines(HEADINGS, rows, 1),
    ]
    return f"Outage, {experiment.variant.title}, {zones} zones", "\n".join(lines) + "\n"
