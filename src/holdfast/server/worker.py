"""One resolver process: the engine, what drives it, and the event loop under both."""

import asyncio
import gc
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from holdfast.base.effects import (
    AbandonExchange,
    DropQuery,
    Effect,
    Forget,
    Record,
    Remember,
    SendAnswer,
    SendUpstreamQuery,
)
from holdfast.base.entropy import Entropy
from holdfast.base.settings import EngineSettings
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.name import to_text
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.driver.datagram_exchanges import DatagramExchanges
from holdfast.driver.datagram_listener import DatagramListener
from holdfast.driver.datagram_loop import DatagramLoop
from holdfast.driver.pump import Pump
from holdfast.driver.seams import Clocks
from holdfast.engine.engine import ResolverEngine
from holdfast.engine.inputs import Resolution
from holdfast.server.anchor_state import write_anchor_state
from holdfast.server.channel import Jobs, serve_channel
from holdfast.server.event_loop import DatagramEventLoop
from holdfast.server.persister import open_persister
from holdfast.server.root_anchor_check import verify_root_anchors
from holdfast.server.settings import ServerSettings
from holdfast.server.sockets import SocketPairs, packed_address
from holdfast.server.tcp import TcpConnection, TcpListener
from holdfast.server.upstream import AddressBook, StreamExchanges
from holdfast.server.zone_check import check_zone

SEED_OCTETS = 32
GARBAGE_THRESHOLD = 50_000  # the engine makes few cycles; scanning its caches often would cost more than it frees
DRAIN_STEP_S = 0.05

log = structlog.get_logger()


class EngineHost:
    """An engine with its upstream sockets and its timer, on a running event loop."""

    def __init__(
        self, settings: ServerSettings, engine_settings: EngineSettings, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.settings = settings
        self.loop = loop
        self.clocks = Clocks(time.monotonic_ns, time.time)
        entropy = Entropy(os.urandom(SEED_OCTETS))
        self.engine = ResolverEngine(engine_settings, CryptographyVerifier(), entropy, self.clocks.read())
        self._persister = open_persister(
            loop, settings.state_directory, settings.persistent_cache_octets, engine_settings
        )
        if self._persister is not None:
            self.engine.attach_second_level(self._persister.cache)
        self._selector = loop.datagram_selector if isinstance(loop, DatagramEventLoop) else None
        self._epoll = select.epoll() if self._selector is None else self._selector.epoll
        self._datagrams = DatagramExchanges(
            self.engine,
            self._epoll,
            settings.upstream_sockets,
            AddressBook(settings.address_map).destination,
            os.urandom,
        )
        self._streams = StreamExchanges(loop, self._datagrams, self._received, self._failed)
        wake_after = self._wake_after if self._selector is None else None
        pump = Pump(self.engine, self._datagrams, self.clocks, self._carry_out, self._finish, wake_after)
        self.pump = pump.run
        self._datagram_loop = DatagramLoop(self._epoll, self._datagrams, pump, self.clocks, self._report)
        self._timer: asyncio.TimerHandle | None = None
        self._on_result: dict[int, asyncio.Future[Resolution]] = {}
        self._last_token = 0
        if self._selector is None:
            loop.add_reader(self._epoll.fileno(), self._datagram_loop.wait, 0.0)
        else:
            self._selector.datagrams = self._datagram_loop

    async def resolve(self, name: bytes, rtype: int, checking_disabled: bool, by_rules: bool = True) -> Resolution:
        """Resolve for this process; ``by_rules`` as in ``ResolverEngine.resolve``."""
        self._last_token += 1
        token = self._last_token
        future: asyncio.Future[Resolution] = self.loop.create_future()
        self._on_result[token] = future
        self.engine.resolve(token, name, rtype, checking_disabled, self.clocks.read(), by_rules)
        self.pump()
        try:
            return await future
        finally:
            self._on_result.pop(token, None)

    def close(self) -> None:
        """Release sockets and the timer."""
        self._streams.close()
        self._datagrams.close()
        if self._selector is not None:
            self._selector.datagrams = None
        elif not self._epoll.closed:
            self.loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._persister is not None:
            self._persister.close()

    def listen(self, sock: socket.socket, service: int) -> None:
        """Serve clients on a UDP socket, as clients of the service with this number."""
        listener = DatagramListener(sock, self.engine, packed_address, self.pump, service)
        self._datagram_loop.watch(sock.fileno(), listener)

    def listen_no_more(self, sock: socket.socket) -> None:
        """Take no more queries from a UDP socket; answers can still be sent."""
        self._datagram_loop.unwatch(sock.fileno())

    def _wake_after(self, wait_s: float) -> None:
        """Plan a wake-up on a loop that is not ours."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(wait_s, self._datagram_loop.wait, 0.0)

    def _report(self, error: Exception) -> None:
        """Tell of a bug on the datagram path, which goes on."""
        self.loop.call_exception_handler({"message": "serving datagrams failed", "exception": error})

    def _finish(self, result: Resolution) -> None:
        future = self._on_result.pop(result.token, None)
        if future is not None and not future.done():
            future.set_result(result)

    def _carry_out(self, effect: Effect) -> None:
        """Do what is no business of datagrams."""
        if isinstance(effect, SendUpstreamQuery):
            self._streams.send(effect)
        elif isinstance(effect, AbandonExchange):
            self._streams.abandon(effect.exchange_id)
        elif isinstance(effect, SendAnswer) and isinstance(effect.client.handle, TcpConnection):
            effect.client.handle.send(effect.wire)
        elif isinstance(effect, DropQuery) and isinstance(effect.client.handle, TcpConnection):
            effect.client.handle.dropped()
        elif isinstance(effect, (Remember, Forget)):
            if self._persister is not None:
                self._persister.take(effect)
        elif isinstance(effect, Record):
            self._record(effect)

    def _received(self, exchange_id: int, source: bytes, wire: bytes) -> None:
        self.engine.receive_upstream_response(exchange_id, source, wire, self.clocks.read())
        self.pump()

    def _failed(self, exchange_id: int, failure: int) -> None:
        self.engine.fail_upstream_query(exchange_id, failure, self.clocks.read())
        self.pump()

    def _record(self, record: Record) -> None:
        """Persist the state of trust anchors, log the rest."""
        if record.kind == "trust-anchor-state" and self.settings.state_directory is not None:
            self._keep_anchor_state(self.settings.state_directory, record)
        log.info(record.kind, subject=to_text(record.subject.encode("latin-1")), detail=record.detail)

    def _keep_anchor_state(self, directory: Path, record: Record) -> None:
        """Store the state of a trust anchor; if that fails, it shows wherever the anchor is shown."""
        zone = record.subject.encode("latin-1")
        problem = ""
        try:
            write_anchor_state(directory, zone, record.detail)
        except OSError as error:
            problem = f"its state cannot be stored in {directory}: {error.strerror or error}; a restart forgets it"
            log.error("cannot store trust anchor state", directory=str(directory), error=str(error))
        self.engine.note_anchor_problem(zone, problem)


class Worker:
    """One process's share of the server; ``run`` returns when it was told to stop."""

    def __init__(
        self,
        settings: ServerSettings,
        engine_settings: EngineSettings,
        sockets: SocketPairs,
        channel: socket.socket | None = None,
        negative_trust_anchors: Sequence[NegativeTrustAnchor] = (),
        zones_to_forget: Sequence[bytes] = (),
    ) -> None:
        self._settings = settings
        self._engine_settings = engine_settings
        self._sockets = sockets
        self._channel = channel
        self._negative_trust_anchors = negative_trust_anchors
        self._zones_to_forget = zones_to_forget

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then answer what is outstanding and return."""
        with asyncio.Runner(loop_factory=DatagramEventLoop) as runner:
            runner.run(self.serve())

    async def serve(self, stop: asyncio.Event | None = None) -> None:
        """Serve on the running loop until ``stop`` is set (by signals if none is given)."""
        loop = asyncio.get_running_loop()
        if stop is None:
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
        host = EngineHost(self._settings, self._engine_settings, loop)
        for anchor in self._negative_trust_anchors:
            host.engine.put_negative_trust_anchor(anchor, host.clocks.read())
        for zone in self._zones_to_forget:
            host.engine.flush(zone, True, host.clocks.read())
        read_clocks = host.clocks.read
        streams: list[TcpListener] = []
        for listener, (udp, tcp) in self._sockets.items():
            service = self._engine_settings.services.index(listener.service)
            host.listen(udp, service)
            streams.append(TcpListener(tcp, host.engine, host.pump, read_clocks, self._settings, service))
            await streams[-1].start()
        commands: asyncio.Task[None] | None = None
        if self._channel is not None:
            jobs: Jobs = {"nta.probe": partial(check_zone, host), "anchor.verify": verify_root_anchors}
            commands = loop.create_task(serve_channel(self._channel, host.engine, read_clocks, host.pump, stop, jobs))
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, 20, 100)
        host.pump()
        await stop.wait()
        for udp, _ in self._sockets.values():
            host.listen_no_more(udp)
        for stream in streams:
            stream.close()
        deadline = loop.time() + self._settings.drain_s
        while host.engine.outstanding and loop.time() < deadline:  # noqa: ASYNC110 (the engine has no events)
            await asyncio.sleep(DRAIN_STEP_S)
        if commands is not None:
            commands.cancel()
        host.close()
