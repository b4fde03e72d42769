"""`holdfast demo`: a small Internet and the resolver in one process, on loopback, and a page of what to try."""

import asyncio
import dataclasses
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from holdfast.control.demo_outage import play_demo_outage
from holdfast.control.log_output import configure_logging
from holdfast.control.overrides import load_config
from holdfast.control.problems import InputError
from holdfast.control.settings import engine_settings, server_settings
from holdfast.dns import iana
from holdfast.lab.broken import SHELF
from holdfast.lab.internet import Internet
from holdfast.lab.loopback import LoopbackInternet
from holdfast.server.settings import Listener, ServerError
from holdfast.server.sockets import bind_pair, require_free
from holdfast.server.worker import Worker


def run_demo(listen: str, outage_s: float) -> int:
    """Serve the demonstration at ``ADDR:PORT`` until Ctrl-C; returns the exit code.

    First the outage of 5 May 2026 is played, compressed to ``outage_s`` seconds; 0 skips it.
    """
    configure_logging("warning")
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as folder:
        try:
            asyncio.run(_serve(listen, Path(folder), outage_s))
        except ServerError as error:
            raise InputError([f"{error} (see `holdfast demo --help`)"]) from None
    return 0


async def _serve(listen: str, folder: Path, outage_s: float) -> None:
    hints, anchor = folder / "root.hints", folder / "root.anchor"
    internet = Internet.demo(int(time.time()))
    hints.write_text(internet.root_hints())
    anchor.write_text(internet.trust_anchor())
    config = load_config(listen=[listen], root_hints=str(hints), trust_anchor_file=str(anchor))
    settings = server_settings(config)
    (listener,) = settings.listeners
    require_free(listener)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console = Console(highlight=False, emoji=False)
    if outage_s:
        await play_demo_outage(console, listener, settings, outage_s, stop)
        if stop.is_set():
            return
    sockets = {listener: bind_pair(listener)}
    network = LoopbackInternet(internet.servers)
    await network.start()
    try:
        settings = dataclasses.replace(settings, address_map=network.address_map)
        print_page(console, listener, internet, anchor)
        await Worker(settings, engine_settings(config), sockets).serve(stop)
    finally:
        network.close()


def print_page(console: Console, listener: Listener, internet: Internet, anchor: Path) -> None:
    """Print what runs where, and what to try."""
    dig = f"dig @{listener.host} -p {listener.port}"
    console.print(
        f"holdfast resolves on {listener} (UDP and TCP), in front of {len(internet.servers)} servers with "
        f"{len(internet.zones)} zones on loopback. Ctrl-C stops it.",
        markup=False,
        soft_wrap=True,
    )
    explain = f"@{listener} --explain --trust-anchor {anchor}"
    for comment, command in (
        (
            "signed: the flag ad says that it is validated from the root down",
            f"{dig} {internet.signed_names[0]} +dnssec",
        ),
        ("unsigned: no ad, its parent proves that it is insecure", f"{dig} {internet.unsigned_names[0]}"),
        ("not there: NXDOMAIN with a signed proof", f"{dig} nosuchname.example.de +dnssec"),
        ("broken: SERVFAIL, and an extended error says why", f"{dig} {SHELF[0].query}"),
        ("the same without validation", f"{dig} {SHELF[0].query} +cd"),
        ("the chain of trust, link by link", f"{_program()} query {internet.signed_names[0]} {explain}"),
    ):
        console.print(f"\n  # {comment}\n  {command}", markup=False, soft_wrap=True)
    _print_rows(
        console,
        ("Broken on purpose", "answer", "extended error", "fault"),
        [
            (
                broken.query,
                iana.rcode_name(broken.rcode),
                f"EDE {broken.info_code} {iana.EDE_NAMES[broken.info_code]}",
                broken.fault,
            )
            for broken in SHELF
        ],
    )
    sys.stdout.flush()


def _print_rows(console: Console, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table as wide as its text, so that commands can be copied."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, min_width=width, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table, soft_wrap=True, markup=False)


def _program() -> str:
    """Return how this program can be called again from here."""
    if shutil.which("holdfast"):
        return "holdfast"
    command = os.path.relpath(sys.argv[0])
    return f"{os.path.relpath(sys.executable)} -m holdfast" if command.endswith("__main__.py") else command
