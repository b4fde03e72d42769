"""An engine and the servers that it asks, in virtual time: queries in, answers out, no sockets.

The servers are one function from a query (and the address that it went to) to a response, both as dnspython messages,
so what the engine reads and writes is judged by another implementation.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address

import dns.edns
import dns.flags
import dns.message
import dns.rrset

from holdfast.base.effects import TRANSPORT_TCP, TRANSPORT_UDP, AbandonExchange, Client, SendAnswer, SendUpstreamQuery
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.settings import EngineSettings, RootServer
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.engine.engine import ResolverEngine
from tests.support.kept import KeptRecords

ROOT_ADDRESS = "192.0.2.53"
START_US = 1_000_000_000
START_S = 1_778_000_000
ROUND_TRIP_US = 1_000

Message = dns.message.Message
Respond = Callable[[str, Message], Message | None]


def plain_settings() -> EngineSettings:
    """Settings for a world whose only root server is ROOT_ADDRESS: nothing is primed, minimised or validated."""
    settings = EngineSettings()
    settings.root_servers = [RootServer(b"\x02ns\x00", [ip_address(ROOT_ADDRESS).packed])]
    settings.prime_root = False
    settings.qname_minimisation = False
    settings.upstream_cookies = False
    settings.use_ipv6 = False
    return settings


def reply_to(
    query: Message, answer: Iterable[str] = (), authority: Iterable[str] = (), additional: Iterable[str] = ()
) -> Message:
    """An authoritative response with records as master file lines, one RRset each line (RDATA separated by " | ")."""
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    response.flags &= ~dns.flags.RA
    for section, lines in (
        (response.answer, answer),
        (response.authority, authority),
        (response.additional, additional),
    ):
        for line in lines:
            owner, ttl, rtype, rdata = line.split(maxsplit=3)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, *rdata.split(" | ")))
    return response


class EngineWorld:
    """An engine whose upstream queries are answered by ``respond``; ``sent`` are all of them, as (address, query).

    ``tcp`` are those of them that went over TCP, ``ports`` the ports of all.
    """

    def __init__(self, respond: Respond, settings: EngineSettings | None = None) -> None:
        self.respond = respond
        self.clock_us = START_US
        self.settings = settings or plain_settings()
        self.engine = ResolverEngine(self.settings, CryptographyVerifier(), Entropy(b"engine world 16b"), self.now())
        self.sent: list[tuple[str, Message]] = []
        self.tcp: list[Message] = []
        self.ports: list[int] = []
        self.answers: list[Message] = []
        self.kept: KeptRecords | None = None

    def keep(self, kept: KeptRecords) -> None:
        """Give the engine a second-level cache."""
        self.kept = kept
        self.engine.attach_second_level(kept)

    def restart(self) -> None:
        """A new engine in the same world: nothing in memory, only what was kept."""
        self.engine = ResolverEngine(self.settings, CryptographyVerifier(), Entropy(b"engine world 16c"), self.now())
        if self.kept is not None:
            self.engine.attach_second_level(self.kept)

    def now(self) -> Instant:
        """The virtual time."""
        return Instant(self.clock_us, START_S + (self.clock_us - START_US) // 1_000_000)

    def submit(self, query: Message | bytes, address: str = "127.0.0.1", client: Client | None = None) -> None:
        """Hand a query to the engine; its answer, now or later, goes to ``answers``."""
        wire = query if isinstance(query, bytes) else query.to_wire()
        client = client or Client(ip_address(address).packed, TRANSPORT_UDP, None)
        answer = self.engine.receive_client_query(client, wire, self.now())
        if answer is not None:
            self.answers.append(dns.message.from_wire(answer))
        self.run()

    def ask(
        self,
        name: str,
        rtype: str = "A",
        options: Iterable[dns.edns.Option] = (),
        tcp: bool = False,
        address: str = "127.0.0.1",
        client: Client | None = None,
        edns: bool = True,
    ) -> Message:
        """Ask with EDNS and return the answer; time passes until it is there."""
        query = dns.message.make_query(name, rtype, use_edns=0 if edns else False, options=list(options))
        transport = TRANSPORT_TCP if tcp else TRANSPORT_UDP
        before = len(self.answers)
        self.submit(query, client=client or Client(ip_address(address).packed, transport, None))
        for _ in range(200):
            if len(self.answers) > before:
                return self.answers.pop()
            self.next_timer()
        raise AssertionError(f"no answer to {name} {rtype}")

    def next_timer(self) -> None:
        """Go on to the next deadline of the engine."""
        deadline_us = self.engine.next_deadline()
        assert deadline_us >= 0, "the engine waits for nothing"
        self.pass_time_us(max(deadline_us - self.clock_us, 0))

    def pass_time_us(self, microseconds: int) -> None:
        """Let time pass; timers that come due meanwhile fire once."""
        self.clock_us += microseconds
        self.engine.handle_timer(self.now())
        self.run()

    def run(self) -> None:
        """Carry out the engine's effects until there are none."""
        while effects := self.engine.take_effects():
            if self.kept is not None:
                self.kept.take(effects)
            abandoned = {effect.exchange_id for effect in effects if isinstance(effect, AbandonExchange)}
            for effect in effects:
                if isinstance(effect, SendAnswer):
                    self.answers.append(dns.message.from_wire(effect.wire))
                elif isinstance(effect, SendUpstreamQuery) and effect.exchange_id not in abandoned:
                    self._serve(effect)

    def _serve(self, effect: SendUpstreamQuery) -> None:
        query = dns.message.from_wire(effect.wire)
        address = str(ip_address(effect.address))
        self.sent.append((address, query))
        self.ports.append(effect.port)
        if effect.transport == TRANSPORT_TCP:
            self.tcp.append(query)
        response = self.respond(address, query)
        if response is not None:
            self.clock_us += ROUND_TRIP_US
            self.engine.receive_upstream_response(effect.exchange_id, effect.address, response.to_wire(), self.now())


def option_data(message: Message, code: int) -> list[bytes]:
    """The data of every option with a code in a message, in order."""
    return [option.to_wire() or b"" for option in message.options if option.otype == code]


def texts(section: list[dns.rrset.RRset]) -> list[str]:
    """A section as sorted lines "owner type rdata", without TTLs."""
    return sorted(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for rrset in section for rdata in rrset)
