"""Evidence about .de of 5 May 2026 without sockets: every server of the laboratory's world asked directly.

``Wiretap`` functions stand for somebody on the path: they see what a server answers and return what arrives.
"""

import random
from collections.abc import Callable
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

from holdfast.base.effects import TRANSPORT_TCP, TRANSPORT_UDP
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS, TYPE_SOA
from holdfast.dns.name import ROOT, to_text
from holdfast.dns.writer import build_query
from holdfast.evidence.bundle import PARENT, SERVER, TCP, TLS, UDP, VANTAGE, Bundle, Known, Parent, Place
from holdfast.evidence.collection import Collection
from holdfast.evidence.questions import is_asked, questions_for
from holdfast.evidence.verdict import Report, judge
from holdfast.lab.authority import Authority
from holdfast.lab.outage import find_outage
from holdfast.lab.world import World
from tests.support.outage_world import spoil

Wiretap = Callable[[str, str, bytes], bytes | None]
SEED = 7
ALGORITHMS, DIGESTS = [8, 10, 13, 14, 15, 16], [2, 4]


def nobody(_address: str, _transport: str, wire: bytes) -> bytes | None:
    """An honest path."""
    return wire


class DeWorld:
    """The world of the outage at a moment, and evidence from it."""

    def __init__(self, name: str = "de-2026-05-05", scale: float = 0.04) -> None:
        self.outage = find_outage(name).scaled(scale)
        self.world = World.generate(self.outage, SEED)
        self.zone = self.world.subject
        self.known: list[Known] = []

    def at(self, at_s: int) -> "DeWorld":
        """Let time pass."""
        self.world.settle(at_s)
        self.now_s = at_s
        return self

    def well(self) -> "DeWorld":
        """The minute before the break, with what a resolver validated then."""
        self.at(self.outage.broken_s - 60)
        self.remember()
        return self

    def broken(self) -> "DeWorld":
        """A minute into the break, for a resolver that was there before."""
        return self.well().at(self.outage.broken_s + 60)

    def delegations(self, signed: bool, count: int = 3) -> list[bytes]:
        """Names of some zones below."""
        suffix = self.zone
        found = [one.name for one in self.world.leaves if one.signed == signed and one.name.endswith(suffix)]
        return [name for name in found if name != self.zone][:count]

    def remember(self) -> None:
        """Keep what is true now as what was validated."""
        zone = self.world.servers[self.world.subject_addresses()[0]].zones[self.zone]
        self.known = []
        for name, rtype in [
            (self.zone, TYPE_SOA),
            (self.zone, TYPE_DNSKEY),
            *[(one, TYPE_DS) for one in self.delegations(True)],
        ]:
            if rtype not in zone.nodes[name]:
                continue
            rrset = zone.complete(zone.nodes[name][rtype])
            self.known.append(Known(name, rtype, tuple(rrset.rdatas), tuple(rrset.signatures), self.now_s))
        for name in self.delegations(False):
            self.known.append(Known(name, TYPE_DS, (), (), self.now_s))

    def parent(self) -> Parent:
        """What the root says."""
        root = self.world._zones[self.zone[self.zone[0] + 1 :]]
        node = root.nodes[self.zone]
        if TYPE_DS not in node:
            return Parent(root.name, "insecure", "")
        ds = root.complete(node[TYPE_DS])
        return Parent(root.name, "secure", "", tuple(ds.rdatas), ds.ttl, tuple(ds.signatures))

    def collect(
        self,
        wiretap: Wiretap = nobody,
        seed: int = 0,
        elsewhere: Wiretap | None = None,
        over: str = TLS,
        servers: int = 0,
        names: list[bytes] | None = None,
    ) -> Bundle:
        """Ask everybody; ``elsewhere`` is the path of a vantage point, reached ``over``, to the first server."""
        sample = [*self.delegations(True), *self.delegations(False)] if names is None else names
        questions = questions_for(self.zone, sample, seed)
        collection = Collection(self.zone, self.now_s, questions)
        collection.known.extend(self.known)
        hosts = [(one.name, address) for one in self.outage.servers for address in one.addresses]
        for name, address in hosts[: servers or None]:
            self._ask(collection, Place(SERVER, name, address), address, wiretap, (UDP, TCP))
        if elsewhere is not None:
            self._ask(collection, Place(VANTAGE, "elsewhere", "192.0.2.53"), hosts[0][1], elsewhere, (over,))
        return collection.bundle(self.now_s + 3, self.now_s, ALGORITHMS, DIGESTS, 50, self.parent())

    def _ask(
        self, collection: Collection, place: Place, address: str, wiretap: Wiretap, transports: tuple[str, ...]
    ) -> None:
        number = collection.add_place(place)
        authority = self.world.servers[ip_address(address).packed]
        for transport in transports:
            for at, question in enumerate(collection.questions):
                if not is_asked(question, place.kind):
                    continue
                asked = self.above() if question.kind == PARENT else authority
                query = build_query(at, question.name, question.rtype, 0, 1232, True, [])
                answer = asked.answer(query, TRANSPORT_UDP if transport == UDP else TRANSPORT_TCP)
                wire = wiretap(address, transport, answer) if answer is not None else None
                failure = "timeout" if wire is None else ""
                collection.add(number, transport, at, at * 10 + (0 if transport == UDP else 500), wire, failure)

    def above(self) -> Authority:
        """A server of the parent."""
        parent = self.zone[self.zone[0] + 1 :]
        return next(one for one in self.world.servers.values() if parent in one.zones)

    def report(self, wiretap: Wiretap = nobody, **more: object) -> Report:
        """Collect and judge."""
        return judge(self.collect(wiretap, **more), CryptographyVerifier())  # type: ignore[arg-type]


def sections(message: dns.message.Message) -> list[dns.rrset.RRset]:
    """All RRsets of a message."""
    return [*message.answer, *message.authority]


def forging(change: Callable[[dns.message.Message], None], only: str = "", address: str = "") -> Wiretap:
    """Somebody who changes messages, of one transport ``only``, or from one address."""

    def wiretap(source: str, transport: str, wire: bytes) -> bytes | None:
        if (only and transport != only) or (address and source != address):
            return wire
        message = dns.message.from_wire(wire, ignore_trailing=True)
        change(message)
        return message.to_wire(max_size=65535)

    return wiretap


def spoil_all(message: dns.message.Message) -> None:
    """Flip the same bit of every signature but those of the keys."""
    for rrset in sections(message):
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers != dns.rdatatype.DNSKEY:
            spoil(rrset)


def spoil_two_thirds(message: dns.message.Message) -> None:
    """Imitate the registry's mistake: the same two thirds of the signatures, always in the same way."""
    for rrset in sections(message):
        chosen = random.Random(rrset.name.to_text()).random() < 0.66 or rrset.covers == dns.rdatatype.SOA
        if chosen and rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers != dns.rdatatype.DNSKEY:
            spoil(rrset)


def strip_all(message: dns.message.Message) -> None:
    """Take all signatures away."""
    for section in (message.answer, message.authority):
        section[:] = [rrset for rrset in section if rrset.rdtype != dns.rdatatype.RRSIG]


def text(name: bytes) -> str:
    """A name for comparisons with reports."""
    return to_text(name)


__all__ = [
    "ROOT",
    "DeWorld",
    "Wiretap",
    "forging",
    "nobody",
    "sections",
    "spoil_all",
    "spoil_two_thirds",
    "strip_all",
    "text",
]
