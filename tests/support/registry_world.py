"""A registry that breaks its own signatures, the signed and unsigned zones below it, and clients of several groups."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from holdfast.base.effects import TRANSPORT_UDP, Client
from holdfast.base.settings import AccessRule, ClientGroup, EngineSettings
from holdfast.dns.iana import EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR
from holdfast.dnssec.anchor_scope import AnchorScope, narrow_scope
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.lab.authority import Authority
from holdfast.lab.broken import sign_well
from holdfast.registry.zone import Nsec3Parameters, Zone
from holdfast.registry.zone_file import load_zone
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import START_S, Message, plain_settings
from tests.support.signed_world import SOA, SignedWorld, ede_codes, is_secure, spoil_signatures

BELOW_ADDRESS = "192.0.2.2"
MORE_ADDRESSES = ["192.0.2.11", "192.0.2.12", "192.0.2.13"]  # of further name servers of `de`
HOUR_S = 3600
FORGED = "203.0.113.66"
BELOW = (
    f"{SOA}@ 3600 IN NS ns\nns 3600 IN A {BELOW_ADDRESS}\n"
    "@ 60 IN A 192.0.2.70\nwww 60 IN A 192.0.2.80\nnew 60 IN A 192.0.2.81\n"
    "*.wild 60 IN A 192.0.2.82\nalias 60 IN CNAME gone\n"
    f"_443._tcp.www 60 IN TLSA 3 1 1 {'00' * 32}\n"
)
SIGNED = ("known.de", "unseen.de")
UNSIGNED = ("plain.de",)

# A client of each group, and the services in the order of their numbers.
ANYBODY, MAIL, OFFICE = "198.18.0.1", "198.18.1.1", "198.18.2.1"
SERVICES = ["default", "family"]


def client_group(name: str, prefix: str, strict: bool = False) -> ClientGroup:
    """A group of one prefix."""
    network = ip_network(prefix)
    return ClientGroup(name, [AccessRule(network.network_address.packed, network.prefixlen, True)], strict)


def registry_settings() -> EngineSettings:
    """Settings with groups and services; nothing is stale, and nobody probes."""
    settings = plain_settings()
    settings.serve_stale = False
    settings.recovery_probe_interval_s = 0
    settings.access_rules = [AccessRule(bytes([198, 18, 0, 0]), 15, True)]
    settings.client_groups = [client_group("mail", f"{MAIL}/32", strict=True), client_group("office", f"{OFFICE}/32")]
    settings.services = SERVICES
    return settings


class RegistryWorld(SignedWorld):
    """Root, `de` and zones below it. ``broken``: what `de` signs beside its keys is bad; ``keys_broken``: those too.

    ``servers``: how many `de` has. ``deeper``: below each zone is an unsigned one, `open`, and below the signed ones a
    signed one, `safe`. In the zones ``forged`` every address but their servers' is another one, under the signatures
    of the true one.
    """

    def __init__(self, settings: EngineSettings | None = None, servers: int = 1, deeper: bool = False) -> None:
        self.broken = False
        self.keys_broken = False
        self.forged: set[str] = set()
        self.change: Callable[[Message], Message] = lambda response: response
        below: dict[str, Zone] = {}
        text = "www 60 IN A 192.0.2.60\n"
        for name in SIGNED:
            inner = ""
            if deeper:
                below[f"safe.{name}"] = load_zone(f"safe.{name}", BELOW)
                below[f"open.{name}"] = load_zone(f"open.{name}", BELOW)
                inner = delegation("safe", sign_well(below[f"safe.{name}"], START_S)) + delegation("open", [])
            below[name] = load_zone(name, BELOW + inner)
            text += delegation(name.removesuffix(".de"), sign_well(below[name], START_S))
        for name in UNSIGNED:
            text += delegation(name.removesuffix(".de"), [])
        delegations = ""
        for number, address in enumerate(MORE_ADDRESSES[: servers - 1]):
            delegations += f"de. 3600 IN NS ns{number}.de.\nns{number}.de. 3600 IN A {address}\n"
        more = {"de": text + delegations, "org": "www 60 IN A 192.0.2.61\n"}
        super().__init__(
            more,
            root=delegations,
            nsec3=Nsec3Parameters(opt_out=True),
            tamper=self.spoil,
            settings=settings or registry_settings(),
        )
        for address in MORE_ADDRESSES[: servers - 1]:
            self.servers[address] = Authority()
            self.add("de", self.zones["de"], address)
        self.servers[BELOW_ADDRESS] = Authority()
        for name, zone in below.items():
            self.add(name, zone, BELOW_ADDRESS)
        for name in UNSIGNED:
            self.add(name, load_zone(name, BELOW + (delegation("open", []) if deeper else "")), BELOW_ADDRESS)
            if deeper:
                self.add(f"open.{name}", load_zone(f"open.{name}", BELOW), BELOW_ADDRESS)

    def spoil(self, _query: Message, response: Message) -> Message:
        """Do to a response what is broken."""
        if self.broken:
            spoil_signatures(response, "de.")
        if self.keys_broken:
            flip_key_signatures(response, "de.")
        for at, rrset in enumerate(response.answer):
            zone = next((zone for zone in self.forged if is_below(rrset.name.to_text(), zone)), "")
            if zone and rrset.rdtype == dns.rdatatype.A:
                response.answer[at] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "A", FORGED)
        return self.change(response)

    def add_anchor(self, scope: AnchorScope | None = None, zone: str = "de", lifetime_s: int = HOUR_S) -> None:
        """Put a negative trust anchor in force, with the narrow scope if nothing else is said."""
        begin_s = self.now().wall_s
        anchor = NegativeTrustAnchor(
            wire_name(zone), "bad signatures", "ops", begin_s, begin_s + lifetime_s, scope or narrow_scope()
        )
        self.engine.put_negative_trust_anchor(anchor, self.now())

    def remove_anchor(self, zone: str = "de") -> bool:
        """End it."""
        return self.engine.remove_negative_trust_anchor(wire_name(zone), self.now())

    def ask_from(
        self, name: str, rtype: str = "A", address: str = ANYBODY, service: int = 0, rd: bool = True
    ) -> Message:
        """Ask as a client of a group, at a service."""
        before = len(self.answers)
        self.submit_from(name, rtype, address, service, rd)
        for _ in range(200):
            if len(self.answers) > before:
                return self.answers.pop()
            self.next_timer()
        raise AssertionError(f"no answer to {name} {rtype}")

    def submit_from(
        self, name: str, rtype: str = "A", address: str = ANYBODY, service: int = 0, rd: bool = True
    ) -> None:
        """Ask without waiting for the answer."""
        query = dns.message.make_query(name, rtype, want_dnssec=True)
        if not rd:
            query.flags &= ~dns.flags.RD
        self.submit(query, client=Client(ip_address(address).packed, TRANSPORT_UDP, None, service))

    def know(self, *zones: str) -> None:
        """Have the engine see the delegations of zones while all is well, then let the addresses run out."""
        for zone in zones:
            self.ask_from(zone)
        self.pass_time_us(100_000_000)


def delegation(label: str, ds: list[bytes]) -> str:
    """The records of a delegation."""
    text = f"{label} 600 IN NS ns.{label}\nns.{label} 600 IN A {BELOW_ADDRESS}\n"
    for one in ds:
        text += f"{label} 600 IN DS {one[0] << 8 | one[1]} {one[2]} {one[3]} {one[4:].hex()}\n"
    return text


def is_below(name: str, zone: str) -> bool:
    """Whether an absolute name is the zone's, and not that of its server unless this is what is meant."""
    return name.endswith(f"{zone}.") and (not name.startswith("ns.") or zone.startswith("ns."))


def flip_key_signatures(response: Message, signer: str) -> None:
    """Turn over a bit of every signature of a zone over its keys."""
    for rrset in response.answer:
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.DNSKEY:
            good = list(rrset)
            rrset.items.clear()
            for rdata in good:
                flipped = rdata.signer.to_text() == signer
                rrset.add(rdata.replace(signature=bytes([rdata.signature[0] ^ flipped]) + rdata.signature[1:]))


def is_let_through(answer: Message, rcode: int = dns.rcode.NOERROR) -> bool:
    """Whether an answer is as below a negative trust anchor: not authentic, and said so."""
    return answer.rcode() == rcode and not is_secure(answer) and EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(answer)


def is_refused(answer: Message) -> bool:
    """Whether an answer is the failure of data that validation does not accept."""
    codes = ede_codes(answer)
    return answer.rcode() == dns.rcode.SERVFAIL and EDE_NEGATIVE_TRUST_ANCHOR not in codes and EDE_DNSSEC_BOGUS in codes
