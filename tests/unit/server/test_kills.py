"""kill -9 of the whole server under load, again and again: it starts, serves what was kept, and proves what it says.

HOLDFAST_KILLS says how many times (CONTRIBUTING.md).
"""

import asyncio
import json
import os
import random
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.rcode

from holdfast.base.instant import Instant
from holdfast.cache.second_level import KIND_RRSET, decode_rrset
from holdfast.control.overrides import load_config
from holdfast.control.settings import engine_settings, server_settings
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import TYPE_A
from holdfast.dns.message import parse_question
from holdfast.dns.name import label_count, to_text
from holdfast.lab.authority import Authority
from holdfast.lab.loopback import LoopbackInternet
from holdfast.lab.three_hours import VARIANTS
from holdfast.store.check import StoreCheck
from holdfast.store.lmdb_cache import LmdbCache
from tests.support.served import ask_at
from tests.support.served_world import EDE_STALE, configuration, errors, is_authentic, small_world
from tests.support.server_process import ServerProcess, is_alive, running_server, until

KILLS = int(os.environ.get("HOLDFAST_KILLS", "12"))
SEED = 20260505
SCALE = 0.02
CLIENTS = 12  # that ask at the same time
SAMPLE = 40  # names asked after each restart
MORE = """state_directory = {state}
[stale]
client_response_timer_ms = 200
[cache]
persistent_mib = 8
"""
GENUINE, FORGED = b"\x00\x04\xcb\x00\x71", b"\x00\x04\xc6\x33\x64"  # RDLENGTH and the first octets of an address
NETWORK, PARENTS, SIGNATURES = "network", "parents", "signatures"
TROUBLES = (NETWORK, SIGNATURES, PARENTS)  # when the server starts: nobody is heard, or no parent, or one signs badly


@dataclass
class NetworkPath:
    """What lies between resolver and servers: silence, and forged addresses of signed names, by the dice."""

    signed: set[bytes]
    dice: random.Random
    silent: frozenset[bytes] = frozenset()
    forged_percent: int = 0


class SeenOverPath(Authority):
    """A server as it is seen over the path."""

    def __init__(self, address: bytes, genuine: Authority, path: NetworkPath) -> None:
        super().__init__()
        self.zones = genuine.zones
        self._address = address
        self._path = path

    def answer(self, wire: bytes, transport: int) -> bytes | None:
        """Answer, unless the path swallows or changes it."""
        answer = None if self._address in self._path.silent else super().answer(wire, transport)
        question = parse_question(wire)
        if answer is None or isinstance(question, int) or question.qname not in self._path.signed:
            return answer
        return answer.replace(GENUINE, FORGED) if self._path.dice.random() * 100 < self._path.forged_percent else answer


class Trial:
    """The server, the world, and what is known of the store: which names it has, and which were ever asked."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.dice = dice
        self.world = small_world(VARIANTS[0], SCALE)
        self.leaves = {name: leaf for leaf in self.world.leaves for name in leaf.names}
        signed = {name for name, leaf in self.leaves.items() if leaf.signed}
        self.path = NetworkPath(signed, random.Random(dice.random()))
        servers = self.world.servers.items()
        self.internet = LoopbackInternet({one: SeenOverPath(one, server, self.path) for one, server in servers})
        self.kept: set[bytes] = set()
        self.authentic = 0
        self.stale = 0

    def set_out_of_order(self, trouble: str) -> None:
        """Break something; "" mends all."""
        world = self.world
        parents = {one for one, server in world.servers.items() if min(map(label_count, server.zones)) < 2}
        self.path.silent = {NETWORK: frozenset(world.servers), PARENTS: frozenset(parents)}.get(trouble, frozenset())
        _, good, bad, _ = [zone for _, zone in world.versions]
        for address in world.subject_addresses():
            world.servers[address].add(bad if trouble == SIGNATURES else good)

    async def ask(self, server: ServerProcess, name: bytes) -> dns.message.Message:
        """Ask, and see that nothing comes that was not proven."""
        query = dns.message.make_query(to_text(name), "A", want_dnssec=True)
        answer = await ask_at(("127.0.0.1", server.port), query)
        leaf = self.leaves[name]
        addresses = [str(rdata) for rrset in answer.answer if rrset.rdtype == TYPE_A for rdata in rrset]
        assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.SERVFAIL), answer.to_text()
        assert is_authentic(answer) == (leaf.signed and bool(addresses)), answer.to_text()
        assert addresses in ([], [f"203.0.113.{leaf.names.index(name) + 1}"]), answer.to_text()
        self.authentic += is_authentic(answer)
        return answer

    async def check_usable(self, server: ServerProcess, names: list[bytes]) -> None:
        """Ask for names that must be answered although something is out of order."""
        for answer in await asyncio.gather(*(self.ask(server, name) for name in names)):
            assert answer.rcode() == dns.rcode.NOERROR and answer.answer, answer.to_text()
            self.stale += EDE_STALE in errors(answer)

    async def client(self, server: ServerProcess) -> None:
        """Ask for ever, until the server is gone."""
        names = list(self.leaves)
        with suppress(ConnectionRefusedError):
            while True:
                await self.ask(server, self.dice.choice(names))

    async def round(self, number: int) -> None:
        """One life of the server."""
        trouble = TROUBLES[number % len(TROUBLES)]
        self.set_out_of_order(trouble)
        network = configuration(self.world, self.folder, self.internet.address_map)
        more = MORE.format(state=json.dumps(str(self.state)))
        with ExitStack() as stack:
            running = running_server(self.folder, workers=2, more=more, network=network)
            server = await asyncio.to_thread(stack.enter_context, running)
            pids = [server.process.pid, *server.worker_pids()]
            assert len(pids) == 3
            names = self.sample(new=trouble != NETWORK)
            await self.check_usable(server, names)
            self.set_out_of_order("")
            self.path.forged_percent = 25
            clients = [asyncio.create_task(self.client(server)) for _ in range(CLIENTS)]
            await asyncio.sleep(self.dice.uniform(0.3, 1.0))
            self.dice.shuffle(pids)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            for one in clients:
                one.cancel()
            for one in clients:
                with suppress(asyncio.CancelledError):
                    await one
            self.path.forged_percent = 0
            await asyncio.to_thread(until, lambda: not any(map(is_alive, pids)))
            assert "set aside" not in server.log.read_text()
        self.look_into_the_store()

    def sample(self, new: bool) -> list[bytes]:
        """Names to ask after a restart: kept ones, or ``new`` ones in zones of which a name is kept."""
        known = {self.leaves[name].name for name in self.kept}
        if new:
            names = [name for name, leaf in self.leaves.items() if leaf.name in known and name not in self.kept]
        else:
            names = sorted(self.kept)
        return self.dice.sample(names, min(SAMPLE, len(names)))

    def look_into_the_store(self) -> None:
        """Verify every record, and see that nothing is lost that was there."""
        whole = load_config(str(self.folder / "holdfast.toml"))
        settings = engine_settings(whole)
        cache = LmdbCache.open(self.state, server_settings(whole).persistent_cache_octets, settings)
        now = Instant(time.monotonic_ns() // 1000, int(time.time()))
        findings = StoreCheck(cache, settings, CryptographyVerifier(), now).run()
        assert findings.problems == []
        entries = [decode_rrset(key, value, now) for key, value in cache.records() if key[-3] == KIND_RRSET]
        found = {one.rrset.name for one in entries if one is not None and one.rrset.rtype == TYPE_A}
        cache.close()
        assert self.kept <= found
        self.kept = found & self.leaves.keys()


def test_a_server_that_is_killed_again_and_again_serves_what_it_kept(tmp_path: Path) -> None:
    async def run() -> None:
        trial = Trial(tmp_path, random.Random(SEED))
        await trial.internet.start()
        try:
            for number in range(KILLS):
                await trial.round(number)
        finally:
            trial.internet.close()
        assert len(trial.kept) > SAMPLE
        assert trial.authentic > 0 and trial.stale > 0
        assert list(trial.state.glob("*aside*")) == []

    asyncio.run(run())
