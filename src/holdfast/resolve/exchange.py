"""One query to one upstream server and its response: sending, matching, time-outs (RFC 5452 section 9)."""

from typing import Final

from holdfast.base.effects import FAILURE_LOCAL, TRANSPORT_TCP, TRANSPORT_UDP, AbandonExchange, SendUpstreamQuery
from holdfast.base.instant import Instant
from holdfast.base.limits import MISMATCHES_PER_QUERY, OUTSTANDING_PER_SERVER, TCP_TIMEOUT_US, UPSTREAM_IN_FLIGHT
from holdfast.cache.server_cache import EDNS_BROKEN, EDNS_WORKS, ServerEntry, address_of
from holdfast.dns.edns import EdnsOption
from holdfast.dns.iana import CLASS_IN, EDNS_OPTION_COOKIE, FLAG_CD, FLAG_QR, FLAG_RD
from holdfast.dns.message import Message, parse
from holdfast.dns.writer import opt_record, query_with_opt
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import Task
from holdfast.resolve.timers import Timer

CLIENT_COOKIE_OCTETS: Final = 8  # RFC 7873 section 4
RESPONSE: Final = 1
TIMED_OUT: Final = 2
FAILED: Final = 3
SUSPECT: Final = 4  # too many wrong responses
DISPLACED: Final = 5  # too many queries in flight, and this one has waited longest


class Exchange(Timer):
    """A query in flight. When it ends, ``outcome`` says how and the owner task is woken."""

    def __init__(
        self,
        table: "ExchangeTable",
        owner: Task,
        exchange_id: int,
        query_id: int,
        address: bytes,
        server: ServerEntry,
        transport: int,
        qname_wire: bytes,
        qtype: int,
        with_edns: bool,
        sent_us: int,
        deadline_us: int,
    ) -> None:
        super().__init__(deadline_us)
        self.table: Final = table
        self.owner: Final = owner
        self.exchange_id: Final = exchange_id
        self.query_id: Final = query_id
        self.address: Final = address
        self.server: Final = server  # the entry that counts this query, even if the cache forgets it meanwhile
        self.transport: Final = transport
        self.qname_wire: Final = qname_wire
        self.qtype: Final = qtype
        self.with_edns: Final = with_edns
        self.sent_us: Final = sent_us
        self.outcome = 0
        self.mismatches = 0
        self.failure = 0
        self.message: Message | None = None

    def fire(self, now: Instant) -> None:
        """Time is up."""
        self.server.note_timeout(self.sent_us, now.monotonic_us)
        self.table.end(self, TIMED_OUT, now)


class ExchangeTable:
    """All exchanges in flight."""

    def __init__(self, state: ResolverState) -> None:
        self.state: Final = state
        self.open: Final[dict[int, Exchange]] = {}
        self.last_id = 0

    def send(
        self,
        owner: Task,
        address: bytes,
        port: int,
        transport: int,
        qname: bytes,
        qtype: int,
        recursive: bool,
        now: Instant,
    ) -> Exchange | None:
        """Send a query; None: too many are in flight to this server already. A port in ``address`` beats ``port``."""
        state = self.state
        settings = state.settings
        server = state.servers.get(address, now.monotonic_us)
        if server.in_flight >= OUTSTANDING_PER_SERVER:
            return None
        if len(self.open) >= UPSTREAM_IN_FLIGHT:
            # Who has waited longest gives way: live servers answer long before, dead ones do not miss it.
            state.count("upstream_displaced")
            self.end(self.open[next(iter(self.open))], DISPLACED, now)
        with_edns = server.edns != EDNS_BROKEN
        query_id = state.entropy.query_id.next_u16()
        qname_wire = self.randomise_case(qname) if settings.randomise_query_case else qname
        flags = FLAG_RD if recursive else 0
        if recursive and settings.validate:
            flags |= (
                FLAG_CD  # the verdict is ours, and needs the data that a forwarder would hide (RFC 6840 section 5.9)
            )
        wire = query_with_opt(query_id, qname_wire, qtype, flags, self.opt_for(server) if with_edns else b"")
        wait_us = server.timeout_us() if transport == TRANSPORT_UDP else TCP_TIMEOUT_US
        self.last_id += 1
        exchange = Exchange(
            self,
            owner,
            self.last_id,
            query_id,
            address,
            server,
            transport,
            qname_wire,
            qtype,
            with_edns,
            now.monotonic_us,
            now.monotonic_us + wait_us,
        )
        self.open[self.last_id] = exchange
        server.in_flight += 1
        state.timers.add(exchange)
        target = address_of(address)
        if target is not address:
            port = address[-2] << 8 | address[-1]
        state.effects.append(SendUpstreamQuery(self.last_id, target, port, transport, wire))
        state.count("upstream_queries")
        if transport == TRANSPORT_TCP:
            state.count("upstream_tcp_queries")
        return exchange

    def opt_for(self, server: ServerEntry) -> bytes:
        """Return the OPT record for queries to a server, with the cookies that both know (RFC 7873 section 5.1)."""
        if not server.opt:
            options: list[EdnsOption] = []
            if self.state.settings.upstream_cookies:
                if not server.client_cookie:
                    server.client_cookie = self.state.entropy.cookie.take(CLIENT_COOKIE_OCTETS)
                options.append(EdnsOption(EDNS_OPTION_COOKIE, server.client_cookie + server.server_cookie))
            server.opt = opt_record(self.state.settings.edns_buffer_octets, 0, True, options)
        return server.opt

    def randomise_case(self, qname: bytes) -> bytes:
        """Return the name with random letter case: more bits that a forger must guess (draft-vixie-dnsext-dns0x20)."""
        out = bytearray(qname)
        stream = self.state.entropy.query_case
        bits = 0
        for at in range(len(out)):
            if at % 16 == 0:
                bits = stream.next_u16()
            octet = out[at]
            if 0x61 <= octet <= 0x7A and bits & (1 << (at % 16)):
                out[at] = octet - 32
        return bytes(out)

    def receive(self, exchange_id: int, source: bytes, wire: bytes, now: Instant) -> None:
        """Take a response: ignore what does not match the query, so that a forger gains nothing from a wrong guess."""
        exchange = self.open.get(exchange_id)
        if exchange is None or source != address_of(exchange.address):
            return
        if len(wire) < 12 or wire[0] << 8 | wire[1] != exchange.query_id or not wire[2] & 0x80:
            self.mismatch(exchange, now)
            return
        message = parse(wire)
        if message is not None and not self.matches(exchange, message):
            self.mismatch(exchange, now)
            return
        server = exchange.server
        if message is not None and message.edns is not None:
            if exchange.with_edns:
                server.edns = EDNS_WORKS
            if not self.cookie_is_good(exchange, message, server):
                self.mismatch(exchange, now)
                return
        if exchange.transport == TRANSPORT_UDP:
            server.note_response(now.monotonic_us - exchange.sent_us)
        exchange.message = message
        self.end(exchange, RESPONSE, now)

    def mismatch(self, exchange: Exchange, now: Instant) -> None:
        """Ignore a wrong response; after too many of them somebody is guessing, and UDP is not to be trusted."""
        self.state.count("upstream_mismatches")
        exchange.mismatches += 1
        if exchange.mismatches >= MISMATCHES_PER_QUERY and exchange.transport == TRANSPORT_UDP:
            self.state.count("upstream_suspicions")
            self.end(exchange, SUSPECT, now)

    def matches(self, exchange: Exchange, message: Message) -> bool:
        """Compare the question section; servers may leave it out of error responses only."""
        if not message.flags & FLAG_QR:
            return False
        if message.question_count == 0:
            return message.rcode != 0
        if message.qtype != exchange.qtype or message.qclass != CLASS_IN:
            return False
        if self.state.settings.randomise_query_case:
            return message.qname_wire == exchange.qname_wire
        return message.qname == exchange.qname_wire

    def cookie_is_good(self, exchange: Exchange, message: Message, server: ServerEntry) -> bool:
        """Check and learn the cookie (RFC 7873 section 5.3): a wrong client cookie marks a forged response."""
        edns = message.edns
        if edns is None or not server.client_cookie or exchange.transport == TRANSPORT_TCP:
            return True
        for option in edns.options:
            if option.code == EDNS_OPTION_COOKIE:
                if len(option.data) < CLIENT_COOKIE_OCTETS or len(option.data) > 40:
                    return False
                if option.data[:CLIENT_COOKIE_OCTETS] != server.client_cookie:
                    return False
                server_cookie = option.data[CLIENT_COOKIE_OCTETS:]
                if server_cookie != server.server_cookie:
                    server.server_cookie = server_cookie
                    server.opt = b""
                return True
        return True

    def fail(self, exchange_id: int, failure: int, now: Instant) -> None:
        """The driver could not deliver the query or get the response."""
        exchange = self.open.get(exchange_id)
        if exchange is None:
            return
        if failure != FAILURE_LOCAL:  # that is our own trouble
            exchange.server.note_timeout(exchange.sent_us, now.monotonic_us)
        exchange.failure = failure
        self.end(exchange, FAILED, now)

    def end(self, exchange: Exchange, outcome: int, now: Instant) -> None:
        """Close the exchange and let its owner go on."""
        self.state.timers.cancel(exchange)
        exchange.outcome = outcome
        del self.open[exchange.exchange_id]
        exchange.server.in_flight -= 1
        self.state.effects.append(AbandonExchange(exchange.exchange_id))
        self.state.wake(exchange.owner)
