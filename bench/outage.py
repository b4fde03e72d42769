"""`python -m bench outage`: three hours of bad signatures in three minutes, resolvers beside each other.

The laboratory's world is served at its own addresses inside a network namespace; every resolver gets clients of its
own, with the same questions. TTLs are divided by the speed; what a product holds by constants of its own (retry and
failure timers) is not, and so lasts longer here than in the three hours.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from rich.console import Console
from rich.table import Table

from bench.peers import LISTEN_ADDRESS, LISTEN_PORT, Peer
from bench.world import BenchError, await_answer, running
from holdfast.dns.name import to_text
from holdfast.lab.internet import root_hints_text
from holdfast.lab.loopback import LoopbackInternet
from holdfast.lab.measurements import MINUTE_S, Measurements
from holdfast.lab.real_time import SocketResolver, play_in_real_time
from holdfast.lab.three_hours import BREAK_S, VARIANTS, three_hours, traffic
from holdfast.lab.world import Pace, World

SPEED = 60
SEED = 1
TABLE_WIDTH = 110


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


def run_outage(peers: Sequence[Peer], scale: float, folder: Path, console: Console) -> None:
    """Play the break against all resolvers at once, and print what share of questions failed for each."""
    if os.environ.get("BENCH_NAMESPACE") is None:
        raise BenchError(
            "the outage needs a network namespace, to serve at the addresses of the real servers; run as root"
        )
    outage = three_hours(VARIANTS[0]).scaled(scale)
    world = World.generate(outage, SEED, Pace(SPEED, int(time.time())))
    for address in world.servers:
        text = str(ip_address(address))
        command = ["ip", "address", "add", f"{text}/{len(address) * 8}", "dev", "lo"]
        subprocess.run(command, check=True, capture_output=True)
    files = write_files(world, folder)
    measured = asyncio.run(_play(world, peers, files, folder, console))
    print_outcome(world, peers, measured, console)


async def _play(
    world: World, peers: Sequence[Peer], files: WorldFiles, folder: Path, console: Console
) -> list[Measurements]:
    network = LoopbackInternet(world.servers, in_place=True)
    await network.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    outage = world.outage
    minutes = (outage.end_s - outage.start_s + outage.warm_up_s) / SPEED / MINUTE_S
    name = to_text(next(leaf.name for leaf in world.leaves if leaf.signed))
    resolvers: list[SocketResolver] = []
    try:
        with ExitStack() as stack:
            for at, peer in enumerate(peers):
                peer.port = LISTEN_PORT + at
                peer.serve_stale = True
                own = folder / peer.name
                own.mkdir()
                stack.enter_context(running(peer.command(files, own), own, None))
                who = f"{peer.name} (see {own}/output.log)"
                await asyncio.to_thread(await_answer, who, name, LISTEN_ADDRESS, peer.port, True)
                resolvers.append(SocketResolver(LISTEN_ADDRESS, peer.port))
            console.print(
                f"{len(peers)} resolvers, {outage.zones} zones, {SPEED} times the speed: {minutes:.0f} minutes",
                style="dim",
            )
            clients = traffic().for_zones(outage.zones)
            return await play_in_real_time(world, resolvers, clients, _quiet, stop)
    finally:
        for resolver in resolvers:
            resolver.close()
        network.close()


def _quiet(_measured: Measurements, _now_s: float) -> None:
    """Show nothing: the terminal's chart would compete with the resolvers for the processor."""


def print_outcome(world: World, peers: Sequence[Peer], measured: Sequence[Measurements], console: Console) -> None:
    """Print the failed questions of each resolver, in percent."""
    outage = world.outage
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("resolver", no_wrap=True)
    for heading in ("questions", "failed", "last third", "10 s after healing", "after that", "stale answers"):
        table.add_column(heading, justify="right", no_wrap=True)
    settled_s = outage.healed_s + 10 * SPEED
    for peer, one in zip(peers, measured, strict=True):
        whole = one.share(outage.broken_s, outage.healed_s)
        shares = [
            whole.percent,
            one.share(outage.healed_s - BREAK_S // 3, outage.healed_s).percent,
            one.share(outage.healed_s, settled_s).percent,
            one.share(settled_s, outage.end_s).percent,
        ]
        stale = sum(minute.kinds["stale"] for minute in one.minutes)
        cells = [f"{share:.1f} %" for share in shares]
        table.add_row(f"{peer.name} {peer.version()}", str(whole.questions), *cells, str(stale))
    (console if console.is_terminal else Console(width=TABLE_WIDTH)).print(table)
