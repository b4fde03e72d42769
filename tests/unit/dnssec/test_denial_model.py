"""Proofs of non-existence against a model zone: all records prove what is true, some records never prove more."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.dns.iana import (
    TYPE_A,
    TYPE_CNAME,
    TYPE_DNAME,
    TYPE_DS,
    TYPE_MX,
    TYPE_NS,
    TYPE_NSEC,
    TYPE_NSEC3,
    TYPE_SOA,
)
from holdfast.dns.name import canonical_key
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import (
    INSECURE_PROOF,
    PROVEN,
    nsec3_hash,
    prove_nodata,
    prove_nxdomain,
    prove_wildcard_expansion,
)
from holdfast.dnssec.denial_nsec3 import nsec3_owner_hash
from tests.support.dnssec_records import plenty, wire_name

APEX = ("test", "zone")  # labels from the right, so that ancestors are prefixes
ZONE = wire_name("zone.test")
DATA, WILDCARD, NODATA, NXDOMAIN, ELSEWHERE = "data", "wildcard", "nodata", "nxdomain", "elsewhere"
Name = tuple[str, ...]


def wire(name: Name) -> bytes:
    return wire_name(".".join(reversed(name)))


def bitmap(types: set[int]) -> bytes:
    octets = bytearray(8)
    for rtype in types:
        octets[rtype >> 3] |= 0x80 >> (rtype & 7)
    return bytes((0, 8)) + bytes(octets) if types else b""


class Zone:
    """Names with their types; what DNS says about a name follows from RFC 1034, 4592 and 6672."""

    def __init__(self, names: dict[Name, set[int]]) -> None:
        self.names: dict[Name, set[int]] = {APEX: {TYPE_SOA, TYPE_NS}}
        for name, types in sorted(names.items()):
            full = APEX + name
            if not self.hidden(full):
                self.names[full] = types
        self.existing = {name[:end] for name in self.names for end in range(len(APEX), len(name) + 1)}

    def hidden(self, name: Name) -> bool:
        """Below a zone cut or a DNAME."""
        above = [self.names.get(name[:end], set()) for end in range(len(APEX) + 1, len(name))]
        return any(types & {TYPE_NS, TYPE_DNAME} for types in above)

    def says(self, name: Name, rtype: int) -> str:
        if self.hidden(name):
            return ELSEWHERE
        types = self.names.get(name, set())
        if name != APEX and TYPE_NS in types and rtype != TYPE_DS:
            return ELSEWHERE
        if name in self.existing:
            return DATA if types & {rtype, TYPE_CNAME} else NODATA
        wildcard = (*self.closest_encloser(name), "*")
        if wildcard not in self.existing:
            return NXDOMAIN
        return WILDCARD if self.names.get(wildcard, set()) & {rtype, TYPE_CNAME} else NODATA

    def closest_encloser(self, name: Name) -> Name:
        while name not in self.existing:
            name = name[:-1]
        return name

    def nsec(self) -> list[RRset]:
        owners = sorted((wire(name) for name in self.names), key=canonical_key)
        types = {wire(name): types for name, types in self.names.items()}
        return [
            RRset(owner, TYPE_NSEC, 300, [owners[(position + 1) % len(owners)] + bitmap(types[owner] | {46, 47})], [])
            for position, owner in enumerate(owners)
        ]

    def nsec3(self, opt_out: bool) -> list[RRset]:
        covered = {
            name for name, types in self.names.items() if not (opt_out and TYPE_NS in types and types <= {TYPE_NS})
        }
        chain = {name[:end] for name in covered for end in range(len(APEX), len(name) + 1)}
        hashed = sorted((nsec3_hash(wire(name), b"\xab", 2), self.names.get(name, set())) for name in chain)
        return [
            nsec3_rrset(value, hashed[(position + 1) % len(hashed)][0], types, opt_out)
            for position, (value, types) in enumerate(hashed)
        ]


def nsec3_rrset(value: bytes, next_value: bytes, types: set[int], opt_out: bool) -> RRset:
    digits = "0123456789abcdefghijklmnopqrstuv"
    number = int.from_bytes(value)
    label = "".join(digits[number >> shift & 31] for shift in range(155, -1, -5))
    owner = wire_name(f"{label}.zone.test")
    assert nsec3_owner_hash(owner, ZONE) == value
    rdata = struct.pack(">BBHB", 1, 1 if opt_out else 0, 2, 1) + b"\xab" + bytes((20,)) + next_value + bitmap(types)
    return RRset(owner, TYPE_NSEC3, 300, [rdata], [])


LABELS = st.sampled_from(["a", "b", "c", "*"])
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(tuple)
TYPES = st.sampled_from(
    [{TYPE_A}, {TYPE_A, TYPE_MX}, {TYPE_MX}, {TYPE_CNAME}, {TYPE_NS}, {TYPE_NS, TYPE_DS}, {TYPE_DNAME}]
)


def without_odd_wildcards(names: dict[Name, set[int]]) -> dict[Name, set[int]]:
    """What a wildcard with NS or DNAME means is not defined (RFC 4592 section 4)."""
    return {name: types for name, types in names.items() if "*" not in name or not types & {TYPE_NS, TYPE_DNAME}}


ZONES = st.dictionaries(NAMES, TYPES, max_size=6).map(without_odd_wildcards).map(Zone)
QUESTIONS = st.lists(st.sampled_from(["a", "b", "c", "aa", "*", "d"]), min_size=0, max_size=4).map(
    lambda labels: APEX + tuple(labels)
)
QTYPES = st.sampled_from([TYPE_A, TYPE_MX, TYPE_DS])
SUBSETS = st.integers(0, 2**20)


def results(name: Name, qtype: int, nsec: list[RRset], nsec3: list[RRset]) -> tuple[int, int]:
    nxdomain = prove_nxdomain(wire(name), ZONE, nsec, nsec3, plenty(), 10)
    nodata = prove_nodata(wire(name), qtype, ZONE, nsec, nsec3, plenty(), 10)
    for proof in (nxdomain, nodata):
        assert (proof.cause is None) == (proof.result in (PROVEN, INSECURE_PROOF))
        assert proof.opt_out == (proof.result == INSECURE_PROOF)
    return nxdomain.result, nodata.result


def some_of(records: list[RRset], chosen: int) -> list[RRset]:
    return [one for position, one in enumerate(records) if chosen >> position & 1]


@settings(max_examples=400, deadline=None)
@given(ZONES, QUESTIONS, QTYPES, SUBSETS)
def test_nsec(zone: Zone, name: Name, qtype: int, chosen: int) -> None:
    truth = zone.says(name, qtype)
    if name == APEX and qtype == TYPE_DS:
        truth = ELSEWHERE  # the parent's business
    nxdomain, nodata = results(name, qtype, zone.nsec(), [])
    assert (nxdomain == PROVEN) == (truth == NXDOMAIN)
    assert (nodata == PROVEN) == (truth == NODATA)
    nxdomain, nodata = results(name, qtype, some_of(zone.nsec(), chosen), [])
    assert nxdomain != PROVEN or truth == NXDOMAIN
    assert nodata != PROVEN or truth == NODATA


@settings(max_examples=400, deadline=None)
@given(ZONES, QUESTIONS, QTYPES, SUBSETS)
def test_nsec3(zone: Zone, name: Name, qtype: int, chosen: int) -> None:
    truth = zone.says(name, qtype)
    if name == APEX and qtype == TYPE_DS:
        truth = ELSEWHERE
    nxdomain, nodata = results(name, qtype, [], zone.nsec3(False))
    assert (nxdomain == PROVEN) == (truth == NXDOMAIN)
    assert (nodata == PROVEN) == (truth == NODATA)
    nxdomain, nodata = results(name, qtype, [], some_of(zone.nsec3(False), chosen))
    assert nxdomain != PROVEN or truth == NXDOMAIN
    assert nodata != PROVEN or truth == NODATA


@settings(max_examples=400, deadline=None)
@given(ZONES, QUESTIONS, QTYPES, SUBSETS)
def test_nsec3_with_opt_out(zone: Zone, name: Name, qtype: int, chosen: int) -> None:
    truth = zone.says(name, qtype)
    nxdomain, nodata = results(name, qtype, [], zone.nsec3(True))
    assert nxdomain != PROVEN
    # With a wildcard beside it, an empty non-terminal that opt-out leaves out of the chain looks like a lie.
    if not any("*" in one for one in zone.names):
        assert truth != NXDOMAIN or nxdomain == INSECURE_PROOF
        assert truth != NODATA or (name, qtype) == (APEX, TYPE_DS) or nodata in (PROVEN, INSECURE_PROOF)
    # Only signed names are certain; what opt-out leaves open is never called proven.
    nxdomain, nodata = results(name, qtype, [], some_of(zone.nsec3(True), chosen))
    assert nxdomain != PROVEN
    assert nodata != PROVEN or truth == NODATA


@settings(max_examples=400, deadline=None)
@given(ZONES, QUESTIONS, st.booleans(), st.integers(2, 6), SUBSETS)
def test_wildcard_expansion(zone: Zone, name: Name, hashed: bool, labels: int, chosen: int) -> None:
    records = zone.nsec3(False) if hashed else zone.nsec()

    def result(among: list[RRset], from_labels: int) -> int:
        nsec, nsec3 = ([], among) if hashed else (among, [])
        return prove_wildcard_expansion(wire(name), ZONE, from_labels, nsec, nsec3, plenty(), 10).result

    if zone.says(name, TYPE_A) == WILDCARD:
        encloser = zone.closest_encloser(name)
        assert result(records, len(encloser)) == PROVEN
        if len(encloser) > len(APEX):
            assert result(records, len(encloser) - 1) != PROVEN
    if result(some_of(records, chosen), labels) == PROVEN:
        assert labels < len(name)
        assert name[: labels + 1] not in zone.existing


@settings(max_examples=200, deadline=None)
@given(ZONES, QUESTIONS)
def test_insecure_delegations(zone: Zone, name: Name) -> None:
    types = zone.names.get(name, set())
    expected = name != APEX and types == {TYPE_NS}
    for nsec, nsec3 in ((zone.nsec(), []), ([], zone.nsec3(False))):
        proof = prove_nodata(wire(name), TYPE_DS, ZONE, nsec, nsec3, plenty(), 10)
        assert (proof.result == PROVEN and proof.delegation) == expected
