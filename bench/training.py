"""The load that a profiled build learns from (`HOLDFAST_COMPILED=profile`, see setup.py): what a resolver mostly does.

A worker on loopback resolves every name of the embedded mini-Internet, then answers from its cache, as many times as it
takes for all paths of an ordinary day to show: signed, unsigned, absent and bogus names, over real sockets.
"""

import asyncio
import dataclasses
import socket
import struct
import tempfile
import time
from pathlib import Path

from holdfast.control.overrides import load_config
from holdfast.control.settings import engine_settings, server_settings
from holdfast.dns.iana import CLASS_IN, TYPE_A
from holdfast.dns.name import from_text
from holdfast.lab.broken import SHELF
from holdfast.lab.internet import Internet
from holdfast.lab.loopback import LoopbackInternet
from holdfast.server.event_loop import DatagramEventLoop
from holdfast.server.settings import Listener
from holdfast.server.sockets import bind_pair
from holdfast.server.worker import Worker

ROUNDS = 8  # each with empty caches: some three thousand resolutions in all, which take seconds when instrumented
REPEATS = 6  # of every question while it is cached
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00"  # 1232 octets, DO
ANSWER_S = 30.0  # nothing takes this long, not even instrumented and on a busy machine


def queries(internet: Internet) -> list[bytes]:
    """Return the questions of a round: half of them as a stub resolver asks, half with EDNS and DO."""
    there = internet.signed_names + internet.unsigned_names
    absent = [name.replace("www", "absent", 1) for name in there[::3]]
    broken = [one.query for one in SHELF if one.faults is None]  # bad zones, not bad servers: those take time
    wires = []
    for number, name in enumerate([*there, *absent, *broken]):
        header = struct.pack(">HHHHHH", number, 0x0120 if number % 2 else 0x0100, 1, 0, 0, number % 2)
        question = (from_text(name) or b"") + struct.pack(">HH", TYPE_A, CLASS_IN)
        wires.append(header + question + (OPT if number % 2 else b""))
    return wires


async def play_round(internet: Internet, folder: Path) -> list[bytes]:
    """Start a worker with empty caches, ask it everything, and stop it; returns the responses in order."""
    hints, anchor = folder / "root.hints", folder / "root.anchor"
    hints.write_text(internet.root_hints())
    anchor.write_text(internet.trust_anchor())
    config = load_config(listen=[], root_hints=str(hints), trust_anchor_file=str(anchor))
    network = LoopbackInternet(internet.servers)
    await network.start()
    listener = Listener("127.0.0.1", 0)
    pair = bind_pair(listener)
    settings = dataclasses.replace(server_settings(config), address_map=network.address_map)
    stop = asyncio.Event()
    served = asyncio.create_task(Worker(settings, engine_settings(config), {listener: pair}).serve(stop))
    try:
        return await ask_all(pair[0].getsockname(), queries(internet))
    finally:
        stop.set()
        await served
        network.close()
        for sock in pair:
            sock.close()


async def ask_all(server: tuple[str, int], wires: list[bytes]) -> list[bytes]:
    """Ask every question, and then again from the cache; returns the responses."""
    loop = asyncio.get_running_loop()
    responses = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect(server)
        for wire in wires + wires * REPEATS:
            await loop.sock_sendall(sock, wire)
            async with asyncio.timeout(ANSWER_S):
                responses.append(await loop.sock_recv(sock, 65535))
    return responses


def main() -> None:
    """Play all rounds."""
    internet = Internet.demo(int(time.time()))
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-training-") as folder,
        asyncio.Runner(loop_factory=DatagramEventLoop) as runner,
    ):
        for _ in range(ROUNDS):
            runner.run(play_round(internet, Path(folder)))


if __name__ == "__main__":
    main()
