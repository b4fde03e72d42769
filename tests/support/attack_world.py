"""A hostile Internet in virtual time: an engine, zones, servers that do as they like, and many clients at once.

Everything is on the wire. Work is counted instead of timed: upstream queries, signature checks, octets of the caches.
"""

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from ipaddress import ip_address

import dns.rdatatype

from holdfast.base.effects import (
    TRANSPORT_TCP,
    TRANSPORT_UDP,
    AbandonExchange,
    Client,
    DropQuery,
    SendAnswer,
    SendUpstreamQuery,
)
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.settings import AccessRule, EngineSettings, RootServer, TrustAnchorSetting
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import EDNS_OPTION_EDE, FLAG_AA, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RD, RCODE_NOERROR
from holdfast.dns.message import Message, Question, parse, parse_question
from holdfast.dns.name import ROOT, to_text
from holdfast.dns.rrset import RRset
from holdfast.dns.writer import MessageWriter, build_query
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.engine.engine import ResolverEngine
from holdfast.lab.authority import Authority
from holdfast.lab.broken import key_of, sign_well
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_file import load_zone
from tests.support.dnssec_records import rrset as records

START_US = 1_000_000_000
START_S = 1_778_000_000
ROUND_TRIP_US = 10_000
ROOT_ADDRESS = "198.41.0.4"
INNOCENT_ADDRESS = "192.0.2.10"
VICTIM_ADDRESS = "192.0.2.66"
ATTACKER_ADDRESS = "192.0.2.99"
DEAD_ADDRESS = "192.0.2.13"  # nobody answers here
SOA = "@ 3600 IN SOA ns hostmaster 1 7200 3600 1209600 300\n"
SEGMENT_OCTETS = 1232

Handler = Callable[[Message, int], bytes | None]


@dataclass(frozen=True)
class Answer:
    """What a client got, and when (virtual microseconds since it asked)."""

    message: Message
    waited_us: int

    @property
    def rcode(self) -> int:
        """The RCODE."""
        return self.message.rcode

    @property
    def secure(self) -> bool:
        """Whether AD is set."""
        return self.message.flags & FLAG_AD != 0

    @property
    def errors(self) -> dict[int, str]:
        """Extended DNS Errors: code and text."""
        options = self.message.edns.options if self.message.edns is not None else []
        found = [option.data for option in options if option.code == EDNS_OPTION_EDE]
        return {data[0] << 8 | data[1]: data[2:].decode() for data in found}

    def rdatas(self, rtype: str) -> list[bytes]:
        """RDATA of a type in the answer section."""
        wanted = dns.rdatatype.from_text(rtype)
        return [rdata for rrset in self.message.answer if rrset.rtype == wanted for rdata in rrset.rdatas]


class CountingVerifier(SignatureVerifier):
    """The real verifier, counting."""

    def __init__(self) -> None:
        self.checks = 0
        self._real = CryptographyVerifier()

    def verify(self, algorithm: int, public_key: bytes, signed_data: bytes, signature: bytes) -> int:
        """Count and pass on."""
        if signed_data:
            self.checks += 1
        return self._real.verify(algorithm, public_key, signed_data, signature)


def reply(
    query: Message,
    answer: Iterable[RRset] = (),
    authority: Iterable[RRset] = (),
    additional: Iterable[RRset] = (),
    rcode: int = RCODE_NOERROR,
    flags: int = FLAG_AA,
) -> bytes:
    """A response with whatever records an attacker likes, signatures included, of any size up to 64 KiB."""
    writer = MessageWriter(65535)
    writer.header(query.id, FLAG_QR | flags | rcode)
    writer.question(query.qname_wire, query.qtype, query.qclass)
    for section, sets in ((1, answer), (2, authority), (3, additional)):
        for rrset in sets:
            assert writer.rrset(section, rrset, rrset.ttl, True), "does not fit into 64 KiB"
    return writer.finish()


class AttackWorld:
    """Add zones and servers, then ask. The zone "innocent" is signed and answers any name directly below it."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self.clock_us = START_US
        self.verifier = CountingVerifier()
        self.handlers: dict[bytes, Handler] = {}
        self.round_trips_us: dict[bytes, int] = {}
        self.sent: list[tuple[str, bytes, int]] = []
        self.answers: dict[int, Answer] = {}
        self.dropped: set[int] = set()
        self._authorities: dict[str, Authority] = {}
        self._delegations = ""
        self._engine: ResolverEngine | None = None
        self._asked_us: dict[int, int] = {}
        self._events: list[tuple[int, int, int, bytes, bytes]] = []
        self._sequence = 0
        self._cancelled: set[int] = set()
        self._innocents = 0
        self.add_zone("innocent", "* 3600 IN A 203.0.113.1\n", INNOCENT_ADDRESS)

    # -- the Internet -------------------------------------------------------------------------------------------------

    def add_zone(
        self,
        name: str,
        text: str,
        address: str = ATTACKER_ADDRESS,
        signed: bool = True,
        nsec3: Nsec3Parameters | None = None,
        algorithm: int = 13,
        change: Callable[[Zone], None] | None = None,
    ) -> Zone:
        """Serve a top-level zone at an address; ``change`` may spoil it after signing."""
        zone = load_zone(name, f"{SOA}@ 3600 IN NS ns\nns 3600 IN A {address}\n{text}")
        ds = sign_well(zone, START_S, nsec3, algorithm) if signed else []
        if change is not None:
            change(zone)
        self.delegate(name, [f"ns.{name}"], {f"ns.{name}": address}, ds)
        authority = self._authorities.setdefault(address, Authority())
        authority.add(zone)
        self.serve(address, self.by(authority))
        return zone

    def by(self, authority: Authority) -> Handler:
        """A handler that answers from zones."""

        def answer(query: Message, transport: int) -> bytes | None:
            return authority.answer(self._last_wire, transport)

        return answer

    def delegate(self, name: str, servers: list[str], glue: dict[str, str], ds: Iterable[bytes] = ()) -> None:
        """Add a delegation to the root."""
        for server in servers:
            self._delegations += f"{name}. 3600 IN NS {server}.\n"
        for server, address in glue.items():
            self._delegations += f"{server}. 3600 IN A {address}\n"
        for one in ds:
            self._delegations += f"{name}. 3600 IN DS {one[0] << 8 | one[1]} {one[2]} {one[3]} {one[4:].hex()}\n"

    def serve(self, address: str, handler: Handler) -> None:
        """Let a handler answer at an address."""
        self.handlers[ip_address(address).packed] = handler

    @property
    def engine(self) -> ResolverEngine:
        """The engine; made with the root zone when first needed."""
        if self._engine is None:
            root = load_zone(".", f"{SOA}@ 3600 IN NS ns\nns 3600 IN A {ROOT_ADDRESS}\n{self._delegations}")
            sign_well(root, START_S, None, 15)
            authority = Authority()
            authority.add(root)
            self.serve(ROOT_ADDRESS, self.by(authority))
            settings = self.settings
            settings.access_rules = [AccessRule(b"\x00" * 4, 0, True)]
            settings.root_servers = [RootServer(wire_name("ns"), [ip_address(ROOT_ADDRESS).packed])]
            settings.use_ipv6 = False
            settings.trust_anchors = [TrustAnchorSetting(ROOT, [key_of(root, 15).ds(ROOT)], [], False, "")]
            self._engine = ResolverEngine(settings, self.verifier, Entropy(b"attack world 16 b"), self.now())
        return self._engine

    # -- clients ------------------------------------------------------------------------------------------------------

    def now(self) -> Instant:
        """The virtual time."""
        return Instant(self.clock_us, START_S + (self.clock_us - START_US) // 1_000_000)

    def ask(
        self,
        name: str | bytes,
        rtype: str = "A",
        client: str = "127.0.0.1",
        transport: int = TRANSPORT_UDP,
        cd: bool = False,
    ) -> int:
        """Send a question; returns its number, under which ``answers`` will have the answer."""
        owner = name if isinstance(name, bytes) else wire_name(name)
        flags = FLAG_RD | FLAG_AD | (FLAG_CD if cd else 0)
        number = len(self._asked_us) + 1
        wire = build_query(number & 0xFFFF, owner, dns.rdatatype.from_text(rtype), flags, 1232, True, [])
        return self.send(wire, client, transport)

    def send(self, wire: bytes, client: str = "127.0.0.1", transport: int = TRANSPORT_UDP) -> int:
        """Send any packet; returns its number."""
        number = len(self._asked_us) + 1
        self._asked_us[number] = self.clock_us
        answer = self.engine.receive_client_query(
            Client(ip_address(client).packed, transport, number), wire, self.now()
        )
        if answer is not None:
            self._take(number, answer)
        self._collect()
        return number

    def query(self, name: str | bytes, rtype: str = "A", client: str = "127.0.0.1", cd: bool = False) -> Answer:
        """Ask, and let time pass until the answer is there."""
        number = self.ask(name, rtype, client, cd=cd)
        self.run(lambda: number in self.answers)
        return self.answers[number]

    def check_innocent(self, client: str = "127.0.0.77") -> None:
        """An innocent client asks for a fresh name in a healthy zone: it gets a secure answer, and soon."""
        self._innocents += 1
        answer = self.query(f"h{self._innocents}.innocent", client=client)
        assert (answer.rcode, answer.secure) == (RCODE_NOERROR, True), answer.errors
        assert answer.waited_us <= 1_000_000

    # -- time and packets ---------------------------------------------------------------------------------------------

    def run(self, until: Callable[[], bool] | None = None, limit_s: float = 60) -> None:
        """Let packets arrive and timers fire until ``until`` holds, nothing is left to happen, or time is up."""
        end_us = self.clock_us + int(limit_s * 1_000_000)
        while until is None or not until():
            deadline_us = self.engine.next_deadline()
            arrival_us = self._events[0][0] if self._events else -1
            times = [at for at in (deadline_us, arrival_us) if at >= 0]
            if not times or min(times) > end_us:
                self.clock_us = max(self.clock_us, end_us) if times else self.clock_us
                return
            self.clock_us = max(self.clock_us, min(times))
            if arrival_us >= 0 and arrival_us <= self.clock_us:
                _, _, exchange, source, wire = heappop(self._events)
                if exchange not in self._cancelled:
                    self.engine.receive_upstream_response(exchange, source, wire, self.now())
            else:
                self.engine.handle_timer(self.now())
            self._collect()

    def inject(self, exchange: int, source: str, wire: bytes) -> None:
        """Let a forged packet arrive for an exchange, now."""
        self.engine.receive_upstream_response(exchange, ip_address(source).packed, wire, self.now())
        self._collect()

    def _collect(self) -> None:
        for effect in self.engine.take_effects():
            if isinstance(effect, SendUpstreamQuery):
                self._carry(effect)
            elif isinstance(effect, AbandonExchange):
                self._cancelled.add(effect.exchange_id)
            elif isinstance(effect, SendAnswer):
                assert isinstance(effect.client.handle, int)
                self._take(effect.client.handle, effect.wire)
            elif isinstance(effect, DropQuery):
                assert isinstance(effect.client.handle, int)
                self.dropped.add(effect.client.handle)

    def _carry(self, effect: SendUpstreamQuery) -> None:
        question = parse_question(effect.wire)
        assert isinstance(question, Question)
        self.sent.append((socket.inet_ntoa(effect.address), question.qname, question.qtype))
        handler = self.handlers.get(effect.address)
        if handler is None:
            return
        query = parse(effect.wire)
        assert query is not None
        self._last_wire = effect.wire
        response = handler(query, effect.transport)
        if response is None:
            return
        if effect.transport == TRANSPORT_UDP and len(response) > SEGMENT_OCTETS:
            response = (
                response[:2]
                + bytes([response[2] | 2, response[3]])
                + b"\x00\x01"
                + b"\x00" * 6
                + response[12 : 12 + len(query.qname) + 4]
            )
        self._sequence += 1
        arrival_us = self.clock_us + self.round_trips_us.get(effect.address, ROUND_TRIP_US)
        heappush(self._events, (arrival_us, self._sequence, effect.exchange_id, effect.address, response))

    def _take(self, number: int, wire: bytes) -> None:
        assert number not in self.answers, f"question {number} was answered twice"
        message = parse(wire)
        assert message is not None
        self.answers[number] = Answer(message, self.clock_us - self._asked_us[number])

    def sent_to(self, address: str) -> int:
        """How many upstream queries went to an address."""
        return sum(1 for one, _, _ in self.sent if one == address)

    def sent_for(self, suffix: str) -> list[str]:
        """Names at or below ``suffix`` that were asked upstream."""
        end = wire_name(suffix)
        return [to_text(name) for _, name, _ in self.sent if name.endswith(end)]

    def open_exchange(self, name: str) -> tuple[int, bytes, str, Message]:
        """The exchange in flight whose question ends in ``name``: number, query, server address, and parsed query."""
        for number, exchange in self.engine.tasks.exchanges.open.items():
            if exchange.qname_wire.lower().endswith(wire_name(name)):
                wire = build_query(exchange.query_id, exchange.qname_wire, exchange.qtype, 0, 0, False, [])
                query = parse(wire)
                assert query is not None
                return number, wire, str(ip_address(exchange.address)), query
        raise AssertionError(f"nothing is asked about {name}")

    def check_books(self) -> None:
        """When all is over, nothing is left behind."""
        self.run(limit_s=400)
        engine = self.engine
        assert engine.outstanding == 0 and not engine.waiting and not engine.waiting_of
        assert not engine.state.running and not engine.tasks.exchanges.open
        assert all(server.in_flight == 0 for server in engine.state.servers.entries.values())


__all__ = ["TRANSPORT_TCP", "TRANSPORT_UDP", "Answer", "AttackWorld", "CountingVerifier", "records", "reply"]
