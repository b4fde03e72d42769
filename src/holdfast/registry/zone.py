"""A zone in memory: RRsets by owner and type, and its denial chain in order. Signer, gate and lab all work on it."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from holdfast.cache.denial_cache import base32hex_label
from holdfast.crypto.signing import ZoneKey
from holdfast.dns.iana import TYPE_DNAME, TYPE_DS, TYPE_NS, TYPE_NSEC, TYPE_SOA
from holdfast.dns.name import ROOT, canonical_key, from_text, is_subdomain, parent, to_text
from holdfast.dns.rdata import SOA, parse_soa
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import nsec3_hash

Node = dict[int, RRset]
RRsetSigner = Callable[[RRset], list[bytes]]  # from an RRset to its RRSIG RDATA

# What a name is to its zone (RFC 4035 section 2.2).
AUTHORITATIVE = 0  # the zone's own data, all of it signed
DELEGATION = 1  # a zone cut: of its records only DS and NSEC are the zone's own
OCCLUDED = 2  # below a zone cut or a DNAME: glue, or data that nobody can see; neither signed nor denied


@dataclass(frozen=True)
class Nsec3Parameters:
    """How names are hashed (RFC 5155 section 3); RFC 9276 wants no iterations and no salt."""

    iterations: int = 0
    salt: bytes = b""
    opt_out: bool = False


@dataclass
class Zone:
    """A zone: RRsets by owner and type, and the chain of denial records in order.

    NSEC records are in ``nodes`` and in ``chain``, NSEC3 records in ``chain`` only. ``chain_keys`` has what the chain
    is sorted by: canonical keys of names for NSEC, hash labels for NSEC3. ``keys`` are those that signed the zone, if
    this process did. ``sign_on_demand`` signs what was prepared without signatures when it is first asked for: a lab
    with thousands of zones would otherwise spend its time on signatures that nobody looks at.
    """

    name: bytes
    nodes: dict[bytes, Node]
    nsec3: Nsec3Parameters | None = None
    keys: list[ZoneKey] = field(default_factory=list)
    chain_keys: list[bytes] = field(default_factory=list)
    chain: list[RRset] = field(default_factory=list)
    sign_on_demand: RRsetSigner | None = None
    _existing: frozenset[bytes] = frozenset()

    @property
    def signed(self) -> bool:
        """Tell whether the zone has been signed."""
        return bool(self.chain)

    @property
    def apex(self) -> Node:
        """The RRsets at the zone's own name."""
        return self.nodes.get(self.name, {})

    def soa(self) -> SOA:
        """Return the fields of the SOA record. Raises ValueError if there is none."""
        rrset = self.apex.get(TYPE_SOA)
        fields = parse_soa(rrset.rdatas[0]) if rrset is not None and rrset.rdatas else None
        if fields is None:
            raise ValueError(f"{to_text(self.name)} has no SOA record")
        return fields

    def negative_ttl_s(self) -> int:
        """Return the TTL of NSEC and NSEC3 records (RFC 9077), in seconds."""
        return min(self.apex[TYPE_SOA].ttl, self.soa().minimum)

    def is_delegation(self, name: bytes) -> bool:
        """Tell whether ``name`` is a zone cut below the apex."""
        return name != self.name and TYPE_NS in self.nodes.get(name, {})

    def walk(self) -> Iterator[tuple[bytes, Node, int]]:
        """Yield name, RRsets and AUTHORITATIVE, DELEGATION or OCCLUDED, in canonical order."""
        top = b""
        for name in sorted(self.nodes, key=canonical_key):
            node = self.nodes[name]
            if top and len(name) > len(top) and is_subdomain(name, top):
                yield name, node, OCCLUDED
            elif TYPE_NS in node and name != self.name:
                top = name
                yield name, node, DELEGATION
            else:
                if TYPE_DNAME in node:
                    top = name
                yield name, node, AUTHORITATIVE

    def rrsets(self) -> Iterator[tuple[RRset, bool]]:
        """Yield each RRset, the chain's included, and whether it is to be signed."""
        for _, node, kind in self.walk():
            for rtype, rrset in node.items():
                yield rrset, kind == AUTHORITATIVE or (kind == DELEGATION and rtype in (TYPE_DS, TYPE_NSEC))
        if self.nsec3 is not None:
            for rrset in self.chain:
                yield rrset, True

    def complete(self, rrset: RRset) -> RRset:
        """Return an RRset that this zone is to sign, signed if the zone signs on demand."""
        if self.sign_on_demand is not None and not rrset.signatures:
            rrset.signatures = self.sign_on_demand(rrset)
        return rrset

    def exists(self, name: bytes) -> bool:
        """Tell whether a name or one below it exists (RFC 4592 section 2.2.2). Owners must not change after this."""
        if not self._existing:
            found: set[bytes] = set()
            for owner in self.nodes:
                while owner not in found:
                    found.add(owner)
                    if owner in (self.name, ROOT):
                        break
                    owner = parent(owner)
            self._existing = frozenset(found)
        return name in self._existing

    def names_changed(self) -> None:
        """Look at ``nodes`` anew: names may have come or gone."""
        self._existing = frozenset()

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
