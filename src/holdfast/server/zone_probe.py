"""Asking every address of every name server of a zone, over UDP and TCP, and putting what they say into a bundle.

It runs beside the engine on a worker's event loop, with sockets of its own: what it learns reaches no cache. The engine
is asked only for what a resolver has to know: the parent's DS, the name servers and their addresses, and what was
validated before.
"""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from holdfast.base.security_status import NAMES
from holdfast.cache.server_cache import address_of
from holdfast.dns.iana import FLAG_CD, FLAG_RD, TYPE_A, TYPE_AAAA, TYPE_DNSKEY, TYPE_DS, TYPE_NS, TYPE_SOA
from holdfast.dns.name import ROOT, parent, to_text
from holdfast.dns.rrset import RRset
from holdfast.dns.writer import build_query
from holdfast.engine.inputs import Resolution
from holdfast.engine.zone_knowledge import last_validated, names_below, servers_of, trust_above
from holdfast.evidence.bundle import NOT_ASKED, SERVER, TCP, UDP, VANTAGE, Bundle, Known, Parent, Place
from holdfast.evidence.collection import Collection
from holdfast.evidence.questions import SAMPLE_NAMES, is_asked, questions_for
from holdfast.resolve.delegation import may_query
from holdfast.server.commands import CONFLICT, NOT_FOUND, CommandError
from holdfast.server.upstream import AddressBook
from holdfast.server.vantage_point import VantagePoint
from holdfast.server.zone_asking import ask_datagrams, ask_stream, failure_text

if TYPE_CHECKING:
    from holdfast.server.worker import EngineHost

PROBE_S = 20.0  # for all questions; a zone whose servers all answer needs a second or two
PREPARE_S = 10.0  # for what the engine has to look up first
NAME_SERVERS = 16  # looked at; the largest zones have 13
ADDRESSES = 32  # asked in all
ADDRESSES_OF_ONE = 4  # of one name server; beyond it they are the same machines
PLACES_AT_ONCE = 16  # asked at the same time
NAMES_KNOWN = 4 * SAMPLE_NAMES  # looked at when a sample is taken from what clients asked for


class ZoneProbe:
    """One look at a zone. ``names``: the user's, for the sample; ``seed`` draws what else is asked for."""

    def __init__(
        self, host: "EngineHost", zone: bytes, names: Sequence[bytes], seed: int, vantage: Sequence[VantagePoint]
    ) -> None:
        self._host = host
        self._engine = host.engine
        self._settings = host.engine.settings
        self._zone = zone
        self._vantage = vantage
        known = names_below(self._engine.state, zone, NAMES_KNOWN)
        started = host.clocks.read()
        self._collection = Collection(zone, started.wall_s, questions_for(zone, names, seed, known))
        self._book = AddressBook(host.settings.address_map)
        self._began_us = started.monotonic_us
        self._seen: set[tuple[int, str, int]] = set()

    async def run(self) -> Bundle:
        """Ask everything. Raises CommandError if there is nobody to ask."""
        try:
            async with asyncio.timeout(PREPARE_S):
                above = await self._parent()
                servers = await self._servers()
        except TimeoutError:
            text = f"the servers of {to_text(self._zone)} could not be found within {PREPARE_S:g} s"
            raise CommandError(text, CONFLICT, "zone") from None
        self._remember()
        at_once = asyncio.Semaphore(PLACES_AT_ONCE)
        jobs = [asyncio.create_task(self._ask_server(at_once, name, address)) for name, address in servers]
        jobs += [asyncio.create_task(self._ask_vantage(at_once, point)) for point in self._vantage]
        _, unfinished = await asyncio.wait(jobs, timeout=PROBE_S)
        for job in unfinished:
            job.cancel()
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        self._note_unasked()
        now = self._host.clocks.read()
        settings = self._settings
        return self._collection.bundle(
            now.wall_s,
            self._engine.state.validation_time_s(now),
            settings.enabled_algorithms,
            settings.enabled_digests,
            settings.nsec3_iterations_limit,
            above,
        )

    # -- what the engine knows ----------------------------------------------------------------------------------------

    async def _parent(self) -> Parent:
        """Return what the parent says of the zone's keys, as the engine judged it."""
        zone = self._zone
        anchor = self._engine.state.anchors.get(zone)
        anchors = tuple(anchor.usable_dnskey()) if anchor is not None else ()
        anchor_ds = tuple(anchor.usable_ds()) if anchor is not None else ()
        if anchor is not None and not anchor.deleted() and (anchors or anchor_ds):
            return Parent(parent(zone), "secure", "a trust anchor of this resolver", anchor_ds, anchors=anchors)
        if not self._settings.validate:
            return Parent(parent(zone), "indeterminate", "validation is switched off (validation.enabled)")
        found = await self._host.resolve(zone, TYPE_DS, False, by_rules=False)
        text = "; ".join(cause.extra_text for cause in found.causes)
        trust = trust_above(self._engine.state, zone, self._host.clocks.read())
        enclosing = trust.zone if trust is not None else parent(zone)
        ds = _rrset(found, zone, TYPE_DS)
        if ds is None:
            status = NAMES[found.status]
            if found.rcode and status not in ("bogus", "secure", "insecure"):
                status = "failed"
            return Parent(enclosing, status, text)
        keys = trust.dnskey.rdatas if trust is not None and trust.dnskey is not None else []
        return Parent(enclosing, NAMES[found.status], text, tuple(ds.rdatas), ds.ttl, tuple(ds.signatures), tuple(keys))

    async def _servers(self) -> list[tuple[str, bytes]]:
        """Return the name servers and their addresses. Raises CommandError if the zone has none that can be asked."""
        zone = self._zone
        text = to_text(zone)
        told = await self._host.resolve(zone, TYPE_NS, True, by_rules=False)
        delegation = servers_of(self._engine.state, zone, self._host.clocks.read())
        if delegation is None:
            reason = told.causes[0].extra_text if told.causes else "no name servers are delegated there"
            raise CommandError(
                f"{text} is not a zone that can be asked: {reason}; name the zone itself", NOT_FOUND, "zone"
            )
        if delegation.forward:
            raise CommandError(f"{text} is forwarded: its own servers cannot be asked from here", CONFLICT, "zone")
        found: list[tuple[str, bytes]] = []
        for server in delegation.servers[:NAME_SERVERS]:
            addresses = list(server.addresses)
            if not addresses and server.name != ROOT:
                addresses = await self._addresses(server.name)
            name = to_text(server.name) if server.name != ROOT else "configured"
            usable = [one for one in dict.fromkeys(addresses) if may_query(self._engine.state, one, False)]
            if not usable:
                self._collection.notes.append(f"{name}: no address that can be asked is known")
            found += [(name, one) for one in usable[:ADDRESSES_OF_ONE]]
        if not found:
            notes = "; ".join(self._collection.notes)
            raise CommandError(f"no address of a name server of {text} is known: {notes}", CONFLICT, "zone")
        if len(found) > ADDRESSES:
            self._collection.notes.append(f"{len(found) - ADDRESSES} more addresses were not asked")
        return found[:ADDRESSES]

    async def _addresses(self, name: bytes) -> list[bytes]:
        found: list[bytes] = []
        for rtype in (TYPE_A, TYPE_AAAA):
            answer = await self._host.resolve(name, rtype, True, by_rules=False)
            found += [rdata for rrset in answer.answer if rrset.rtype == rtype for rdata in rrset.rdatas]
        return found

    def _remember(self) -> None:
        """Put what was validated before into the bundle, as far as it is asked for."""
        now = self._host.clocks.read()
        for name, rtype in dict.fromkeys((one.name, one.rtype) for one in self._collection.questions):
            if rtype not in (TYPE_SOA, TYPE_DNSKEY, TYPE_DS):
                continue
            known = last_validated(self._engine.state, name, rtype, now)
            if known is not None:
                self._collection.known.append(
                    Known(name, rtype, tuple(known.rdatas), tuple(known.signatures), max(known.validated_s, 0))
                )

    # -- asking -------------------------------------------------------------------------------------------------------

    async def _ask_server(self, at_once: asyncio.Semaphore, name: str, server: bytes) -> None:
        """Ask one address over both transports."""
        place = self._collection.add_place(Place(SERVER, name, _address_text(server)))
        numbers, queries = self._queries(SERVER, 0)
        async with at_once:
            try:
                destination = self._book.destination(address_of(server), self._port(server))
            except OSError as error:
                for transport in (UDP, TCP):
                    self._take(place, transport, numbers[0], None, failure_text(error))
                return
            address = destination.socket_address
            await asyncio.gather(
                ask_datagrams(address, queries, lambda at, *told: self._take(place, UDP, numbers[at], *told)),
                ask_stream(address, queries, lambda at, *told: self._take(place, TCP, numbers[at], *told)),
            )

    async def _ask_vantage(self, at_once: asyncio.Semaphore, point: VantagePoint) -> None:
        """Ask a resolver elsewhere for the same, as it got it: without its own validation."""
        place = self._collection.add_place(Place(VANTAGE, point.name, point.host))
        numbers, queries = self._queries(VANTAGE, FLAG_RD | FLAG_CD)
        async with at_once:
            await ask_stream(
                (point.host, point.port),
                queries,
                lambda at, *told: self._take(place, point.transport, numbers[at], *told),
                point.tls(),
                point.tls_name,
            )

    def _queries(self, place_kind: str, flags: int) -> tuple[list[int], list[bytes]]:
        """Return the numbers of the questions for a kind of place, and the queries."""
        octets = self._settings.edns_buffer_octets
        asked = [(at, one) for at, one in enumerate(self._collection.questions) if is_asked(one, place_kind)]
        queries = [build_query(0, one.name, one.rtype, flags, octets, True, []) for _, one in asked]
        return [at for at, _ in asked], queries

    def _port(self, server: bytes) -> int:
        address = address_of(server)
        return int.from_bytes(server[len(address) :]) if len(server) > len(address) else self._settings.upstream_port

    def _take(self, place: int, transport: str, question: int, message: bytes | None, failure: str) -> None:
        """Note what became of a question."""
        at_ms = (self._host.clocks.read().monotonic_us - self._began_us) // 1000
        self._seen.add((place, transport, question))
        self._collection.add(place, transport, question, at_ms, message, failure)

    def _note_unasked(self) -> None:
        """Note what there was no time for, or no sense in: whoever failed repeatedly is asked nothing more."""
        at_ms = (self._host.clocks.read().monotonic_us - self._began_us) // 1000
        for number, place in enumerate(self._collection.places):
            transports: Sequence[str] = (UDP, TCP)
            if place.kind == VANTAGE:
                transports = [point.transport for point in self._vantage if point.name == place.name][:1]
            for transport in transports:
                for question, asked in enumerate(self._collection.questions):
                    if is_asked(asked, place.kind) and (number, transport, question) not in self._seen:
                        self._collection.add(number, transport, question, at_ms, None, NOT_ASKED)


def _rrset(found: Resolution, name: bytes, rtype: int) -> RRset | None:
    """Return the RRset that was asked for; None: there is none."""
    for rrset in found.answer:
        if rrset.name == name and rrset.rtype == rtype:
            return rrset
    return None


def _address_text(server: bytes) -> str:
    """Return an address as text, with the port if it is not the usual one."""
    address = address_of(server)
    port = f" port {int.from_bytes(server[len(address) :])}" if len(server) > len(address) else ""
    return f"{ip_address(address)}{port}"
