"""Making the chain of NSEC (RFC 4034 section 4) or NSEC3 records (RFC 5155 section 7.1) of a zone."""

from holdfast.cache.denial_cache import base32hex_label
from holdfast.dns.iana import NSEC3_FLAG_OPT_OUT, TYPE_DS, TYPE_NS, TYPE_NSEC, TYPE_NSEC3, TYPE_RRSIG
from holdfast.dns.name import ROOT, canonical_key, is_subdomain, parent
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import nsec3_hash
from holdfast.registry.zone import AUTHORITATIVE, DELEGATION, OCCLUDED, Node, Nsec3Parameters, Zone

_HASH_ALGORITHM = 1  # SHA-1, the only one there is (RFC 5155 section 11)


def build_nsec_chain(zone: Zone, ttl_s: int) -> None:
    """Link all names of the zone in canonical order."""
    links = [(name, node, kind) for name, node, kind in zone.walk() if kind != OCCLUDED]
    zone.chain = []
    for at, (name, node, kind) in enumerate(links):
        bitmap = type_bitmap([*visible_types(node, kind), TYPE_NSEC, TYPE_RRSIG])
        following = links[(at + 1) % len(links)][0]
        rrset = RRset(name, TYPE_NSEC, ttl_s, [following + bitmap], [])
        node[TYPE_NSEC] = rrset
        zone.chain.append(rrset)
    zone.chain_keys = [canonical_key(name) for name, _, _ in links]


def build_nsec3_chain(zone: Zone, parameters: Nsec3Parameters, ttl_s: int) -> None:
    """Link the hashes of all names, empty non-terminals included."""
    wanted = nsec3_bitmaps(zone, parameters.opt_out)
    salt, iterations = parameters.salt, parameters.iterations
    hashed = sorted((nsec3_hash(name, salt, iterations), types) for name, types in wanted.items())
    fields = nsec3_fields(parameters, NSEC3_FLAG_OPT_OUT if parameters.opt_out else 0)
    zone.chain = []
    zone.chain_keys = []
    for at, (value, types) in enumerate(hashed):
        following = hashed[(at + 1) % len(hashed)][0]
        rdata = fields + bytes([len(following)]) + following + types
        label = base32hex_label(value)
        zone.chain.append(RRset(bytes([len(label)]) + label + zone.name, TYPE_NSEC3, ttl_s, [rdata], []))
        zone.chain_keys.append(label)


def nsec3_bitmaps(zone: Zone, opt_out: bool) -> dict[bytes, bytes]:
    """Return the names that have an NSEC3 record, with its type bitmap.

    With opt-out, unsigned delegations have none, and neither have empty non-terminals that lead to such only.
    """
    wanted: dict[bytes, bytes] = {}
    bitmaps: dict[tuple[int, ...], bytes] = {}
    apex = zone.name
    for name, node, kind in zone.walk():
        if kind == OCCLUDED or (opt_out and kind == DELEGATION and TYPE_DS not in node):
            continue
        types = visible_types(node, kind)
        if kind == AUTHORITATIVE or TYPE_DS in node:
            types.append(TYPE_RRSIG)
        key = tuple(types)
        bitmap = bitmaps.get(key)
        if bitmap is None:
            bitmap = bitmaps[key] = type_bitmap(types)
        wanted[name] = bitmap
        while name != apex and name != ROOT:
            name = parent(name)
            if name in wanted or not is_subdomain(name, apex):
                break
            wanted[name] = b""
    return wanted


def visible_types(node: Node, kind: int) -> list[int]:
    """Return the types that a bitmap lists, RRSIG and NSEC aside: at a zone cut only NS and DS."""
    if kind == DELEGATION:
        return [rtype for rtype in node if rtype in (TYPE_NS, TYPE_DS)]
    return [rtype for rtype in node if rtype != TYPE_NSEC]


def nsec3_fields(parameters: Nsec3Parameters, flags: int) -> bytes:
    """Return the fields that NSEC3 and NSEC3PARAM share: hash algorithm, flags, iterations, salt."""
    salt = parameters.salt
    return bytes([_HASH_ALGORITHM, flags]) + parameters.iterations.to_bytes(2, "big") + bytes([len(salt)]) + salt


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
