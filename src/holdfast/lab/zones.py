"""Zones of the laboratory: data from zone file text, signed with NSEC or NSEC3."""

from bisect import bisect_right
from dataclasses import dataclass, field

import dns.zone

from holdfast.cache.denial_cache import base32hex_label
from holdfast.crypto.signing import SigningKey
from holdfast.dns.iana import (
    TYPE_DNSKEY,
    TYPE_DS,
    TYPE_NS,
    TYPE_NSEC,
    TYPE_NSEC3,
    TYPE_NSEC3PARAM,
    TYPE_RRSIG,
    TYPE_SOA,
)
from holdfast.dns.name import ROOT, canonical_key, from_text, is_subdomain, parent
from holdfast.dns.rdata import parse_soa
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import nsec3_hash

OPT_OUT = 1


@dataclass(frozen=True)
class Nsec3Parameters:
    """How names are hashed (RFC 5155 section 3); RFC 9276 wants no iterations and no salt."""

    iterations: int = 0
    salt: bytes = b""
    opt_out: bool = False


@dataclass
class Zone:
    """A zone: RRsets by owner and type, and the chain of denial records in order."""

    name: bytes
    nodes: dict[bytes, dict[int, RRset]]
    nsec3: Nsec3Parameters | None = None
    keys: list[SigningKey] = field(default_factory=list)
    chain_keys: list[bytes] = field(default_factory=list)
    chain: list[RRset] = field(default_factory=list)

    @property
    def signed(self) -> bool:
        """Tell whether the zone has been signed."""
        return bool(self.chain)

    def is_delegation(self, name: bytes) -> bool:
        """Tell whether ``name`` is a zone cut below the apex."""
        return name != self.name and TYPE_NS in self.nodes.get(name, {})

    def is_glue(self, name: bytes) -> bool:
        """Tell whether ``name`` lies below a zone cut."""
        while name != self.name:
            name = parent(name)
            if self.is_delegation(name):
                return True
        return False

    def covering(self, name: bytes) -> RRset | None:
        """Return the NSEC or NSEC3 RRset that matches or covers a name."""
        if not self.chain:
            return None
        if self.nsec3 is None:
            key = canonical_key(name)
        else:
            key = base32hex_label(nsec3_hash(name, self.nsec3.salt, self.nsec3.iterations))
        return self.chain[bisect_right(self.chain_keys, key) - 1]

    def matching(self, name: bytes) -> RRset | None:
        """Return the NSEC or NSEC3 RRset of exactly this name."""
        found = self.covering(name)
        if found is None:
            return None
        if self.nsec3 is None:
            return found if found.name == name else None
        label = base32hex_label(nsec3_hash(name, self.nsec3.salt, self.nsec3.iterations))
        return found if found.name[1 : 1 + found.name[0]] == label else None


def wire_name(text: str) -> bytes:
    """Return a name in wire format. Raises ValueError if it is none."""
    name = from_text(text)
    if name is None:
        raise ValueError(f"not a domain name: {text!r}")
    return name


def load_zone(name: str, text: str) -> Zone:
    """Read a zone from master file text (RFC 1035 section 5). Raises dns.exception.DNSException naming the line."""
    source = dns.zone.from_text(text, origin=name + "." if name != "." else ".", relativize=False, check_origin=False)
    nodes: dict[bytes, dict[int, RRset]] = {}
    for owner, rdataset in source.iterate_rdatasets():
        wire = owner.to_wire()
        assert wire is not None
        key = wire.lower()
        rdatas = [rdata.to_wire() for rdata in rdataset]
        node = nodes.setdefault(key, {})
        node[int(rdataset.rdtype)] = RRset(
            key, int(rdataset.rdtype), rdataset.ttl, [rdata for rdata in rdatas if rdata is not None], []
        )
    return Zone(wire_name(name), nodes)


def sign_zone(
    zone: Zone, keys: list[SigningKey], inception_s: int, expiration_s: int, nsec3: Nsec3Parameters | None = None
) -> None:
    """Sign a zone in place: DNSKEY RRset, denial chain, RRSIGs over all authoritative data (RFC 4035 section 2)."""
    soa = zone.nodes[zone.name][TYPE_SOA]
    numbers = parse_soa(soa.rdatas[0])
    negative_ttl_s = min(soa.ttl, numbers.minimum if numbers is not None else soa.ttl)
    zone.keys = keys
    zone.nsec3 = nsec3
    apex = zone.nodes[zone.name]
    apex[TYPE_DNSKEY] = RRset(zone.name, TYPE_DNSKEY, soa.ttl, [key.dnskey for key in keys], [])
    if nsec3 is not None:
        rdata = nsec3_fields(nsec3, 0)
        apex[TYPE_NSEC3PARAM] = RRset(zone.name, TYPE_NSEC3PARAM, 0, [rdata], [])
        build_nsec3_chain(zone, nsec3, negative_ttl_s)
    else:
        build_nsec_chain(zone, negative_ttl_s)
    for name, node in zone.nodes.items():
        if zone.is_glue(name):
            continue
        for rtype, rrset in node.items():
            if not zone.is_delegation(name) or rtype in (TYPE_DS, TYPE_NSEC):
                sign_rrset(zone, rrset, inception_s, expiration_s)
    for rrset in zone.chain:
        if not rrset.signatures:
            sign_rrset(zone, rrset, inception_s, expiration_s)


def sign_rrset(zone: Zone, rrset: RRset, inception_s: int, expiration_s: int) -> None:
    """Sign one RRset: DNSKEY with the key signing keys, everything else with the zone signing keys."""
    entry = [key for key in zone.keys if key.flags & 1]
    others = [key for key in zone.keys if not key.flags & 1]
    keys = (entry or others) if rrset.rtype == TYPE_DNSKEY else (others or entry)
    rrset.signatures = [key.sign(rrset, zone.name, inception_s, expiration_s) for key in keys]


def build_nsec_chain(zone: Zone, ttl_s: int) -> None:
    """Link all authoritative names in canonical order (RFC 4034 section 4)."""
    names = sorted((name for name in zone.nodes if not zone.is_glue(name)), key=canonical_key)
    zone.chain = []
    for at, name in enumerate(names):
        types = visible_types(zone, name)
        bitmap = type_bitmap([*types, TYPE_NSEC, TYPE_RRSIG])
        rrset = RRset(name, TYPE_NSEC, ttl_s, [names[(at + 1) % len(names)] + bitmap], [])
        zone.nodes[name][TYPE_NSEC] = rrset
        zone.chain.append(rrset)
    zone.chain_keys = [canonical_key(name) for name in names]


def visible_types(zone: Zone, name: bytes) -> list[int]:
    """Return the types that the parent side of a name has: at a zone cut only NS and DS."""
    types = [rtype for rtype in zone.nodes.get(name, {}) if rtype != TYPE_NSEC]
    if zone.is_delegation(name):
        types = [rtype for rtype in types if rtype in (TYPE_NS, TYPE_DS)]
    return types


def build_nsec3_chain(zone: Zone, parameters: Nsec3Parameters, ttl_s: int) -> None:
    """Link the hashes of all names, empty non-terminals included (RFC 5155 section 7.1)."""
    names: set[bytes] = set()
    for name in zone.nodes:
        if zone.is_glue(name):
            continue
        if parameters.opt_out and zone.is_delegation(name) and TYPE_DS not in zone.nodes[name]:
            continue
        while is_subdomain(name, zone.name):
            names.add(name)
            if name == ROOT:
                break
            name = parent(name)
    hashed = sorted((nsec3_hash(name, parameters.salt, parameters.iterations), name) for name in names)
    zone.chain = []
    zone.chain_keys = []
    flags = OPT_OUT if parameters.opt_out else 0
    for at, (value, name) in enumerate(hashed):
        types = visible_types(zone, name)
        if types and (not zone.is_delegation(name) or TYPE_DS in types):
            types.append(TYPE_RRSIG)
        following = hashed[(at + 1) % len(hashed)][0]
        rdata = nsec3_fields(parameters, flags) + bytes([len(following)]) + following + type_bitmap(types)
        label = base32hex_label(value)
        zone.chain.append(RRset(bytes([len(label)]) + label + zone.name, TYPE_NSEC3, ttl_s, [rdata], []))
        zone.chain_keys.append(label)


def nsec3_fields(parameters: Nsec3Parameters, flags: int) -> bytes:
    """Return the fields that NSEC3 and NSEC3PARAM share: hash algorithm, flags, iterations, salt."""
    salt = parameters.salt
    return bytes([1, flags]) + parameters.iterations.to_bytes(2, "big") + bytes([len(salt)]) + salt


def type_bitmap(types: list[int]) -> bytes:
    """Return the type bit maps field (RFC 4034 section 4.1.2)."""
    windows: dict[int, bytearray] = {}
    for rtype in types:
        window = windows.setdefault(rtype >> 8, bytearray(32))
        window[(rtype & 255) >> 3] |= 0x80 >> (rtype & 7)
    out = b""
    for number in sorted(windows):
        octets = bytes(windows[number]).rstrip(b"\x00")
        out += bytes([number, len(octets)]) + octets
    return out
