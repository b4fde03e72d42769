"""An engine among signed zones: a root and zones below it, signed by the laboratory, served in virtual time."""

from collections.abc import Callable
from ipaddress import ip_address

import dns.message

from holdfast.base.effects import TRANSPORT_UDP
from holdfast.base.settings import EngineSettings, TrustAnchorSetting
from holdfast.dns.name import ROOT
from holdfast.lab.authority import Authority
from holdfast.lab.broken import key_of, sign_well
from holdfast.registry.zone import Nsec3Parameters, Zone
from holdfast.registry.zone_file import load_zone
from tests.support.engine_world import ROOT_ADDRESS, START_S, EngineWorld, Message, plain_settings

CHILD_ADDRESS = "192.0.2.1"
SOA = "@ 3600 IN SOA ns hostmaster 1 7200 3600 1209600 900\n"

Tamper = Callable[[Message, Message], Message | None]


class SignedWorld(EngineWorld):
    """Zones by name as master file text (SOA, NS and address of the server are added); the root's key is the anchor.

    ``unsigned`` names zones without signatures. ``tamper`` sees each query and its response and returns what is sent.
    """

    def __init__(
        self,
        children: dict[str, str],
        *,
        root: str = "",
        nsec3: Nsec3Parameters | None = None,
        unsigned: tuple[str, ...] = (),
        tamper: Tamper | None = None,
        settings: EngineSettings | None = None,
    ) -> None:
        self.zones: dict[str, Zone] = {}
        self.servers = {ROOT_ADDRESS: Authority(), CHILD_ADDRESS: Authority()}
        self.tamper = tamper
        delegations = ""
        for name, text in children.items():
            zone = load_zone(name, f"{SOA}@ 3600 IN NS ns\nns 3600 IN A {CHILD_ADDRESS}\n{text}")
            delegations += f"{name}. 3600 IN NS ns.{name}.\nns.{name}. 3600 IN A {CHILD_ADDRESS}\n"
            if name not in unsigned:
                for ds in sign_well(zone, START_S, nsec3):
                    fields = f"{ds[0] << 8 | ds[1]} {ds[2]} {ds[3]} {ds[4:].hex()}"
                    delegations += f"{name}. 3600 IN DS {fields}\n"
            self.add(name, zone, CHILD_ADDRESS)
        top = load_zone(".", f"{SOA}@ 3600 IN NS ns\nns 3600 IN A {ROOT_ADDRESS}\n{delegations}{root}")
        sign_well(top, START_S, nsec3)
        self.add(".", top, ROOT_ADDRESS)
        settings = settings or plain_settings()
        settings.validate = True
        settings.trust_anchors = settings.trust_anchors or [
            TrustAnchorSetting(ROOT, [key_of(top).ds(ROOT)], [], False, "")
        ]
        super().__init__(self._answer, settings)

    def add(self, name: str, zone: Zone, address: str) -> None:
        """Serve a zone at an address."""
        self.zones[name] = zone
        self.servers[address].add(zone)

    def _answer(self, address: str, query: Message) -> Message | None:
        server = self.servers.get(str(ip_address(address)))
        wire = server.answer(query.to_wire(), TRANSPORT_UDP) if server is not None else None
        if wire is None:
            return None
        response = dns.message.from_wire(wire)
        return self.tamper(query, response) if self.tamper is not None else response

    def ask_secure(self, name: str, rtype: str = "A", *, cd: bool = False, rd: bool = True) -> Message:
        """Ask with DO set."""
        query = dns.message.make_query(name, rtype, want_dnssec=True)
        if cd:
            query.flags |= dns.flags.CD
        if not rd:
            query.flags &= ~dns.flags.RD
        before = len(self.answers)
        self.submit(query)
        for _ in range(200):
            if len(self.answers) > before:
                return self.answers.pop()
            self.next_timer()
        raise AssertionError(f"no answer to {name} {rtype}")

    def asked(self) -> list[str]:
        """What was sent upstream so far, as "name type"."""
        questions = [query.question[0] for _, query in self.sent]
        return [f"{one.name} {dns.rdatatype.to_text(one.rdtype)}" for one in questions]


def is_secure(message: Message) -> bool:
    """Whether AD is set."""
    return message.flags & dns.flags.AD != 0


def ede_codes(message: Message) -> list[int]:
    """The info-codes of the Extended DNS Errors of a message."""
    return [int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption)]


def ede_texts(message: Message) -> list[str]:
    """The extra texts of the Extended DNS Errors of a message."""
    return [option.text or "" for option in message.options if isinstance(option, dns.edns.EDEOption)]


def spoil_signatures(response: Message, signer: str) -> None:
    """Turn over a bit of every signature of a zone in a message, but for those over its keys."""
    for rrset in [*response.answer, *response.authority]:
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers != dns.rdatatype.DNSKEY:
            good = list(rrset)
            rrset.items.clear()
            for rdata in good:
                flipped = rdata.signer.to_text() == signer
                rrset.add(rdata.replace(signature=bytes([rdata.signature[0] ^ flipped]) + rdata.signature[1:]))
