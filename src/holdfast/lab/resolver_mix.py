"""Other resolvers of the day beside the plain validating one: a forwarder in front, and one that loses the cause."""

from typing import Final

from holdfast.base.settings import EngineSettings, UpstreamServer, ZoneServers
from holdfast.dns import iana
from holdfast.dns.message import parse
from holdfast.dns.name import ROOT
from holdfast.lab.simulation import Answered, AskedResolver

RESOLVER_ADDRESS: Final = bytes([192, 0, 2, 53])  # where forwarders find the resolver that validates for them
VALIDATION_CODES: Final = frozenset(range(iana.EDE_DNSSEC_BOGUS, iana.EDE_NSEC_MISSING + 1))


def forwarder_settings(settings: EngineSettings) -> EngineSettings:
    """Return the settings of a plain forwarder: no validation, no stale answers, all questions to one resolver."""
    settings.validate = False
    settings.serve_stale = False
    settings.zone_servers = [ZoneServers(ROOT, [UpstreamServer(RESOLVER_ADDRESS, 53)], True, False, [])]
    return settings


class CauseLoser(AskedResolver):
    """A resolver whose outer layer reports every failed validation as EDE 22, as 1.1.1.1 did on 5 May 2026."""

    def __init__(self, inner: AskedResolver) -> None:
        self._inner = inner

    def ask(self, address: bytes, wire: bytes, answered: Answered) -> None:
        """Ask the resolver inside; the reason is lost on the way up."""
        self._inner.ask(address, wire, lambda answer: answered(lose_cause(answer)))


def lose_cause(wire: bytes) -> bytes:
    """Return an answer in which the extended errors of validation are EDE 22 (No Reachable Authority), without text."""
    message = parse(wire)
    if message is None or message.edns is None or message.rcode != iana.RCODE_SERVFAIL:
        return wire
    for option in message.edns.options:
        if option.code != iana.EDNS_OPTION_EDE or int.from_bytes(option.data[:2], "big") not in VALIDATION_CODES:
            continue
        head = option.code.to_bytes(2, "big") + len(option.data).to_bytes(2, "big")
        lost = iana.EDE_NO_REACHABLE_AUTHORITY.to_bytes(2, "big") + b" " * (len(option.data) - 2)
        wire = wire.replace(head + option.data, head + lost)
    return wire
