"""Names that are answered without asking anyone (RFC 6761, 6303, 7686, 8375, 9476)."""

from typing import Final

from holdfast.base.settings import EngineSettings
from holdfast.dns.iana import (
    RCODE_NOERROR,
    RCODE_NXDOMAIN,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_DS,
    TYPE_NS,
    TYPE_PTR,
    TYPE_SOA,
)
from holdfast.dns.name import ROOT, from_text, is_subdomain, parent
from holdfast.dns.rrset import RRset

LOCAL_TTL_S: Final = 10800  # RFC 6303 section 3 suggests three hours
LOOPBACK_TTL_S: Final = 86400

# Zones that exist, empty but for SOA and NS (RFC 6303 section 4, RFC 6761, RFC 7686, RFC 8375, RFC 9476).
EMPTY_ZONES: Final = [
    "test", "invalid", "onion", "alt", "home.arpa", "0.in-addr.arpa", "127.in-addr.arpa", "10.in-addr.arpa",
    "168.192.in-addr.arpa", "254.169.in-addr.arpa", "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa", "d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa", "b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
]  # fmt: skip
LOCALHOST: Final = b"\x09localhost\x00"
LOOPBACK_POINTERS: Final = [
    "1.0.0.127.in-addr.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
]
IPV6_LOOPBACK: Final = b"\x00" * 15 + b"\x01"


def wire(text: str) -> bytes:
    """Turn a name of the tables above into wire format."""
    name = from_text(text)
    if name is None:
        raise ValueError(f"not a domain name: {text!r}")
    return name


def local_soa(zone: bytes, ttl_s: int = LOCAL_TTL_S) -> RRset:
    """Return the SOA of a locally served zone (RFC 6303 section 3); ``ttl_s`` is how long its denials hold."""
    rdata = LOCALHOST + b"\x06nobody\x07invalid\x00"
    numbers = (1, 3600, 1200, 604800, ttl_s)
    for number in numbers:
        rdata += number.to_bytes(4, "big")
    return RRset(zone, TYPE_SOA, ttl_s, [rdata], [])


class LocalAnswer:
    """An answer that needs nobody else."""

    def __init__(self, rcode: int, answer: list[RRset], authority: list[RRset]) -> None:
        self.rcode: Final = rcode
        self.answer: Final = answer
        self.authority: Final = authority


class SpecialNames:
    """Decides whether a name is special, and answers it."""

    def __init__(self, settings: EngineSettings) -> None:
        self.zones: Final[dict[bytes, bool]] = {}
        self.pointers: Final = [wire(text) for text in LOOPBACK_POINTERS]
        names = [wire(text) for text in EMPTY_ZONES]
        names.append(LOCALHOST)
        names.extend(wire(f"{number}.172.in-addr.arpa") for number in range(16, 32))
        names.extend(wire(f"{number}.100.in-addr.arpa") for number in range(64, 128))
        configured = [one.zone for one in settings.zone_servers if one.zone != ROOT]
        for name in names:
            opened = any(is_subdomain(name, other) for other in settings.resolved_special_names)
            if not opened and name not in configured:
                self.zones[name] = True
        self.opened: Final = settings.resolved_special_names + configured

    def answer(self, name: bytes, rtype: int) -> LocalAnswer | None:
        """Return the local answer, None for ordinary names."""
        zone = name
        while zone not in self.zones:
            if zone == ROOT:
                return None
            zone = parent(zone)
        for other in self.opened:
            if len(other) > len(zone) and is_subdomain(name, other):
                return None
        if zone == LOCALHOST:
            return self.localhost(name, rtype)
        if rtype == TYPE_DS and name == zone and parent(zone) != ROOT:
            return None  # the parent, which is real, proves to validators that the zone is insecure (RFC 8375)
        soa = local_soa(zone)
        if name in self.pointers:
            if rtype in (TYPE_PTR, TYPE_ANY):
                return LocalAnswer(RCODE_NOERROR, [RRset(name, TYPE_PTR, LOCAL_TTL_S, [LOCALHOST], [])], [])
            return LocalAnswer(RCODE_NOERROR, [], [soa])
        if name != zone:
            return LocalAnswer(RCODE_NXDOMAIN, [], [soa])
        if parent(zone) == ROOT:  # must look as if it did not exist (RFC 6761 section 6.4, RFC 7686)
            return LocalAnswer(RCODE_NXDOMAIN, [], [soa])
        if rtype in (TYPE_SOA, TYPE_ANY):
            return LocalAnswer(RCODE_NOERROR, [soa], [])
        if rtype == TYPE_NS:
            return LocalAnswer(RCODE_NOERROR, [RRset(zone, TYPE_NS, LOCAL_TTL_S, [LOCALHOST], [])], [])
        return LocalAnswer(RCODE_NOERROR, [], [soa])

    def localhost(self, name: bytes, rtype: int) -> LocalAnswer:
        """Answer localhost and names below it with the loopback addresses (RFC 6761 section 6.3)."""
        answer: list[RRset] = []
        if rtype in (TYPE_A, TYPE_ANY):
            answer.append(RRset(name, TYPE_A, LOOPBACK_TTL_S, [b"\x7f\x00\x00\x01"], []))
        if rtype in (TYPE_AAAA, TYPE_ANY):
            answer.append(RRset(name, TYPE_AAAA, LOOPBACK_TTL_S, [IPV6_LOOPBACK], []))
        return LocalAnswer(RCODE_NOERROR, answer, [] if answer else [local_soa(LOCALHOST)])
