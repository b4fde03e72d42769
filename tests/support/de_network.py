"""The world of the outage of 5 May 2026 on loopback sockets, at a moment that a test chooses, for `holdfast serve`."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from holdfast.dns.name import ROOT, to_text
from holdfast.lab.authority import Authority
from holdfast.lab.internet import ROOT_SERVERS
from holdfast.lab.loopback import LoopbackInternet
from holdfast.lab.outage import find_outage
from holdfast.lab.world import Pace, World
from tests.support.server_process import WAIT_S

SEED = 7
Result = TypeVar("Result")
Forge = Callable[[bytes, int], bytes | None]


class Forgeable(Authority):
    """A server with somebody on the path to it; see `DeNetwork`."""

    def __init__(self, genuine: Authority, network: "DeNetwork", is_subject: bool) -> None:
        super().__init__(genuine.faults)
        self.zones = genuine.zones
        self._network = network
        self._is_subject = is_subject

    def answer(self, wire: bytes, transport: int) -> bytes | None:
        """Answer as the path lets it through."""
        answer = super().answer(wire, transport)
        forge = self._network.forge if self._is_subject else self._network.forge_elsewhere
        return forge(answer, transport) if answer is not None and forge is not None else answer


class DeNetwork:
    """The world behind sockets of a thread.

    ``forge``: somebody on the path to the servers of ``de``, who sees each of their answers; ``forge_elsewhere``: to
    all others. ``elsewhere``: the same servers over other paths, on which nobody is.
    """

    def __init__(self, scale: float = 0.04) -> None:
        self.outage = find_outage("de-2026-05-05").scaled(scale)
        self.world = World.generate(self.outage, SEED, Pace(1, int(time.time())))
        self.forge: Forge | None = None
        self.forge_elsewhere: Forge | None = None
        subject = self.world.subject_addresses()
        self.elsewhere = LoopbackInternet(dict(self.world.servers))
        served = {
            address: Forgeable(server, self, address in subject) for address, server in self.world.servers.items()
        }
        for address, server in served.items():
            self.world.servers[address] = server
        self.internet = LoopbackInternet(dict(served))
        self._loop = asyncio.new_event_loop()

    def names(self, signed: bool) -> list[str]:
        """A name in each zone below ``de``."""
        found = [one for one in self.world.leaves if one.signed == signed and one.name.endswith(self.world.subject)]
        return [to_text(one.names[1]) for one in found]

    def at(self, at_s: int) -> None:
        """Let the world be as it was at a moment of the outage."""
        self._call(self._settle(at_s))

    async def _settle(self, at_s: int) -> None:
        self.world.settle(at_s)

    def _call(self, awaitable: Awaitable[Result]) -> Result:
        async def run() -> Result:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(WAIT_S)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve while the block runs."""
        for internet in (self.internet, self.elsewhere):
            self._loop.run_until_complete(internet.start())
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield
        finally:
            self._call(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _close(self) -> None:
        self.internet.close()
        self.elsewhere.close()
        await asyncio.sleep(0)

    def configuration(self, folder: Path, more: str = "", internet: LoopbackInternet | None = None) -> str:
        """The sections of a configuration that lead here, or to another ``internet``; ``more`` is added."""
        address_map = (internet or self.internet).address_map
        hints, anchor = folder / "hints", folder / "anchor"
        lines = []
        for name, addresses in ROOT_SERVERS.items():
            lines.append(f". 3600 IN NS {name}.\n")
            lines += [f"{name}. 3600 IN {'AAAA' if ':' in one else 'A'} {one}\n" for one in addresses]
        hints.write_text("".join(lines))
        ds = self.world.root_key.ds(ROOT)
        anchor.write_text(f". IN DS {ds[0] << 8 | ds[1]} {ds[2]} {ds[3]} {ds[4:].hex()}\n")
        places = "".join(f'"{ip_address(one)}" = "{host}:{port}"\n' for one, (host, port) in address_map.items())
        return (
            f"[validation]\ntrust_anchor_file = {json.dumps(str(anchor))}\n{more}"
            f"[upstream]\nroot_hints_file = {json.dumps(str(hints))}\ncookies = false\n[upstream.address_map]\n{places}"
        )
