"""A `SignedWorld` behind loopback sockets of a thread, for `holdfast serve` as a process."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from holdfast.dns.name import ROOT
from holdfast.lab.authority import Authority
from holdfast.lab.broken import key_of
from holdfast.lab.loopback import LoopbackInternet
from tests.support.engine_world import ROOT_ADDRESS, START_S
from tests.support.server_process import WAIT_S
from tests.support.signed_world import SignedWorld


@contextmanager
def signed_network(folder: Path, world: SignedWorld, server: type[Authority] = Authority) -> Iterator[str]:
    """Serve a world by servers of a kind; yields the configuration that leads there, with the root's key to trust."""
    authorities: dict[bytes, Authority] = {}
    for address, authority in world.servers.items():
        authorities[ip_address(address).packed] = served = server()
        for zone in authority.zones.values():
            served.add(zone)
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
    try:
        yield (
            f"[validation]\ntrust_anchor_file = {json.dumps(str(anchor))}\nfixed_validation_time_s = {START_S}\n"
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
