"""A small Internet on loopback in which one zone is broken, for servers that run as processes."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import dns.message

from holdfast.dns.name import ROOT
from holdfast.lab.authority import Authority
from holdfast.lab.broken import key_of
from holdfast.lab.loopback import LoopbackInternet
from tests.support.engine_world import ROOT_ADDRESS
from tests.support.server_process import WAIT_S
from tests.support.signed_world import SignedWorld, spoil_signatures

VALIDATION_TIME_S = 1_778_000_000


class SpoiledAuthority(Authority):
    """Breaks what `example` signs."""

    def answer(self, wire: bytes, transport: int) -> bytes | None:
        """Answer, badly."""
        answer = super().answer(wire, transport)
        if answer is None:
            return None
        response = dns.message.from_wire(answer)
        spoil_signatures(response, "example.")
        return response.to_wire()


@contextmanager
def broken_network(folder: Path) -> Iterator[str]:
    """Serve a root, a sound zone and a broken one from a thread; yields the configuration that leads there."""
    world = SignedWorld({"example": "www 3600 IN A 203.0.113.1\n", "other": "www 3600 IN A 203.0.113.2\n"})
    authorities: dict[bytes, Authority] = {}
    for address, authority in world.servers.items():
        authorities[ip_address(address).packed] = spoiled = SpoiledAuthority()
        for zone in authority.zones.values():
            spoiled.add(zone)
    internet = LoopbackInternet(authorities)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(internet.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    hints, anchor = folder / "hints", folder / "anchor"
    hints.write_text(f". 3600 IN NS ns.\nns. 3600 IN A {ROOT_ADDRESS}\n")
    ds = key_of(world.zones["."]).ds(ROOT)
    anchor.write_text(f". IN DS {ds[0] << 8 | ds[1]} {ds[2]} {ds[3]} {ds[4:].hex()}\n")
    places = "".join(f'"{ip_address(one)}" = "{host}:{port}"\n' for one, (host, port) in internet.address_map.items())
    validation = f"trust_anchor_file = {json.dumps(str(anchor))}\nfixed_validation_time_s = {VALIDATION_TIME_S}\n"
    try:
        yield (
            f"[validation]\n{validation}"
            f"[upstream]\nroot_hints_file = {json.dumps(str(hints))}\n[upstream.address_map]\n{places}"
        )
    finally:
        asyncio.run_coroutine_threadsafe(closed(internet), loop).result(WAIT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def closed(internet: LoopbackInternet) -> None:
    """Close all sockets, and let the loop see to it."""
    internet.close()
    await asyncio.sleep(0)
