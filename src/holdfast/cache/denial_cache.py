"""Validated NSEC and NSEC3 records in order, to deny names, or answer from a wildcard, without asking again (RFC 8198).

NSEC3 records with opt-out are kept as well: they deny DS records, and nothing else (RFC 5155 section 9.2).
"""

from bisect import bisect_left, bisect_right
from typing import Final

from holdfast.base.limits import DENIAL_PROOFS_PER_ZONE, WILDCARDS_PER_ZONE
from holdfast.cache.eviction import ENTRY_OVERHEAD_OCTETS
from holdfast.cache.rrset_cache import rrset_octets
from holdfast.dns.iana import NSEC3_FLAG_OPT_OUT, TYPE_DS, TYPE_NSEC, TYPE_NSEC3
from holdfast.dns.name import ROOT, canonical_key, common_ancestor, is_subdomain, label_count, parent, wildcard_of
from holdfast.dns.rdata import parse_nsec, parse_nsec3
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import (
    INSECURE_PROOF,
    PROVEN,
    nsec3_hash,
    prove_nodata,
    prove_nxdomain,
    prove_wildcard_expansion,
)
from holdfast.dnssec.denial_nsec3 import nsec3_covers
from holdfast.dnssec.work_budget import WorkBudget

ZONES: Final = 5000  # zones with remembered proofs; the oldest goes first
BASE32HEX: Final = b"0123456789abcdefghijklmnopqrstuv"


def base32hex_label(digest: bytes) -> bytes:
    """Write an NSEC3 hash as the owner label has it (RFC 5155 section 1.3)."""
    bits = 0
    count = 0
    out = bytearray()
    for octet in digest:
        bits = (bits << 8) | octet
        count += 8
        while count >= 5:
            count -= 5
            out.append(BASE32HEX[(bits >> count) & 31])
        bits &= (1 << count) - 1
    if count:
        out.append(BASE32HEX[(bits << (5 - count)) & 31])
    return bytes(out)


class StoredProof:
    """One NSEC or NSEC3 RRset and how long it may be used.

    ``next_key`` is the sort key of the next owner name in the chain. ``proved_until_s``: POSIX time at which the first
    signature ends of those that prove it.
    """

    def __init__(self, rrset: RRset, next_key: bytes, expires_us: int, proved_until_s: int) -> None:
        self.rrset: Final = rrset
        self.next_key: Final = next_key
        self.expires_us: Final = expires_us
        self.proved_until_s: Final = proved_until_s
        self.octets: Final = ENTRY_OVERHEAD_OCTETS + rrset_octets(rrset)


class HeapUse:
    """Estimated octets of all zones together."""

    def __init__(self) -> None:
        self.octets = 0


class ZoneProofs:
    """The proofs of one zone, sorted: NSEC by canonical owner order, NSEC3 by hash label.

    ``opt_out``: among them are NSEC3 with opt-out. ``wildcards``: owners of wildcard RRsets that expansions showed.
    """

    def __init__(self, zone: bytes, heap: HeapUse) -> None:
        self.zone: Final = zone
        self.heap: Final = heap
        self.soa: RRset | None = None
        self.soa_expires_us = 0
        self.keys: list[bytes] = []
        self.proofs: dict[bytes, StoredProof] = {}
        self.hashed = False
        self.opt_out = False
        self.salt = b""
        self.iterations = 0
        self.wildcards: dict[bytes, bool] = {}

    def insert(self, key: bytes, proof: StoredProof) -> None:
        """Add or renew a proof; a full zone starts over, since random names would fill it anyway."""
        if key not in self.proofs:
            if len(self.keys) >= DENIAL_PROOFS_PER_ZONE:
                self.clear()
            self.keys.insert(bisect_left(self.keys, key), key)
        else:
            self.heap.octets -= self.proofs[key].octets
        self.proofs[key] = proof
        self.heap.octets += proof.octets

    def clear(self) -> None:
        """Forget all proofs."""
        for proof in self.proofs.values():
            self.heap.octets -= proof.octets
        self.keys = []
        self.proofs = {}

    def at(self, key: bytes, now_us: int) -> StoredProof | None:
        """Return the proof whose owner has this key or, failing that, whose gap it lies in."""
        if not self.keys:
            return None
        at = bisect_right(self.keys, key) - 1  # -1: the last of all, for the chain is a circle
        found = self.keys[at]
        proof = self.proofs[found]
        if proof.expires_us <= now_us:
            self.heap.octets -= proof.octets
            del self.proofs[found]
            del self.keys[at]
            return None
        if found == key or nsec3_covers(found, proof.next_key, key):  # NSEC chains are circles of keys as well
            return proof
        return None

    def around(self, name: bytes, now_us: int, work: WorkBudget) -> StoredProof | None:
        """Return the proof that matches or covers ``name``, if any does."""
        if not self.hashed:
            return self.at(canonical_key(name), now_us)
        if not work.take_nsec3_hash():
            return None
        return self.at(base32hex_label(nsec3_hash(name, self.salt, self.iterations)), now_us)


class Synthesis:
    """A denial made from cached proofs. ``soa`` None: none is known, so it is no answer for a client.

    ``insecure``: it rests on opt-out; ``delegation``: a denial of DS that shows an unsigned child zone.
    """

    def __init__(
        self,
        nxdomain: bool,
        soa: RRset | None,
        proof: list[RRset],
        expires_us: int,
        proved_until_s: int,
        insecure: bool,
        delegation: bool,
    ) -> None:
        self.nxdomain: Final = nxdomain
        self.soa: Final = soa
        self.proof: Final = proof
        self.expires_us: Final = expires_us
        self.proved_until_s: Final = proved_until_s
        self.insecure: Final = insecure
        self.delegation: Final = delegation


class Expansion:
    """Proof that a name may be answered from the wildcard RRsets at ``owner`` (RFC 8198 section 5.3)."""

    def __init__(self, owner: bytes, proof: StoredProof) -> None:
        self.owner: Final = owner
        self.proof: Final = proof


class DenialCache:
    """Proofs by zone. Proofs with more than ``iterations_limit`` NSEC3 iterations are not worth their hashing."""

    def __init__(self, iterations_limit: int, capacity_octets: int) -> None:
        self.zones: Final[dict[bytes, ZoneProofs]] = {}
        self.heap: Final = HeapUse()
        self.capacity_octets: Final = capacity_octets
        self.iterations_limit: Final = iterations_limit

    def zone_proofs(self, zone: bytes) -> ZoneProofs:
        """Return the table of a zone, made when needed."""
        found = self.zones.pop(zone, None)
        if found is None:
            if len(self.zones) >= ZONES:
                self.evict()
            found = ZoneProofs(zone, self.heap)
        self.zones[zone] = found  # at the end: who learns nothing new for the longest time goes first
        return found

    def evict(self) -> None:
        """Forget the zone whose turn it is."""
        zone = next(iter(self.zones))
        self.zones[zone].clear()
        del self.zones[zone]

    def add(self, zone: bytes, rrset: RRset, expires_us: int, proved_until_s: int) -> None:
        """Take a validated NSEC or NSEC3 RRset of ``zone``; the times are those of `StoredProof`."""
        if len(rrset.rdatas) != 1:
            return
        while self.zones and self.heap.octets > self.capacity_octets:
            self.evict()
        if rrset.rtype == TYPE_NSEC:
            nsec = parse_nsec(rrset.rdatas[0])
            table = self.zone_proofs(zone)
            if nsec is not None and not table.hashed:
                proof = StoredProof(rrset, canonical_key(nsec.next_name), expires_us, proved_until_s)
                table.insert(canonical_key(rrset.name), proof)
        elif rrset.rtype == TYPE_NSEC3:
            nsec3 = parse_nsec3(rrset.rdatas[0])
            if nsec3 is None or nsec3.iterations > self.iterations_limit:
                return
            table = self.zone_proofs(zone)
            if table.salt != nsec3.salt or table.iterations != nsec3.iterations or not table.hashed:
                table.clear()
                table.hashed = True
                table.opt_out = False
                table.salt = nsec3.salt
                table.iterations = nsec3.iterations
            if nsec3.flags & NSEC3_FLAG_OPT_OUT:
                table.opt_out = True
            proof = StoredProof(rrset, base32hex_label(nsec3.next_hash), expires_us, proved_until_s)
            table.insert(rrset.name[1 : 1 + rrset.name[0]], proof)

    def add_wildcard(self, zone: bytes, owner: bytes) -> None:
        """Take note that the RRset cache holds validated data of the wildcard ``owner``."""
        wildcards = self.zone_proofs(zone).wildcards
        if owner not in wildcards:
            if len(wildcards) >= WILDCARDS_PER_ZONE:
                del wildcards[next(iter(wildcards))]
            wildcards[owner] = True

    def set_soa(self, soa: RRset, expires_us: int) -> None:
        """Take the validated SOA that negative answers of its zone carry."""
        found = self.zones.get(soa.name)
        if found is not None:
            found.soa = soa
            found.soa_expires_us = expires_us

    def remove_subtree(self, zone: bytes) -> int:
        """Forget the proofs of all zones at and below ``zone``; returns how many zones went."""
        doomed = [name for name in self.zones if is_subdomain(name, zone)]
        for name in doomed:
            self.zones[name].clear()
            del self.zones[name]
        return len(doomed)

    def table_above(self, name: bytes) -> ZoneProofs | None:
        """Return the table of the deepest zone at or above ``name`` that has one."""
        while True:
            table = self.zones.get(name)
            if table is not None or name == ROOT:
                return table
            name = parent(name)

    def synthesise(self, name: bytes, rtype: int, now_us: int, work: WorkBudget) -> Synthesis | None:
        """Deny (name, type) from what is known; None: the servers have to be asked."""
        for_ds = rtype == TYPE_DS
        if for_ds and name == ROOT:
            return None
        table = self.table_above(parent(name) if for_ds else name)
        if table is None or (table.opt_out and not for_ds):
            return None
        stored = hashed_proofs(table, name, now_us, work) if table.hashed else plain_proofs(table, name, now_us)
        if not stored:
            return None
        sets = [proof.rrset for proof in stored]
        nsec = [] if table.hashed else sets
        nsec3 = sets if table.hashed else []
        limit = self.iterations_limit
        nxdomain = prove_nxdomain(name, table.zone, nsec, nsec3, work, limit).result == PROVEN
        insecure = False
        delegation = False
        if not nxdomain:
            nodata = prove_nodata(name, rtype, table.zone, nsec, nsec3, work, limit)
            insecure = for_ds and nodata.result == INSECURE_PROOF and nodata.opt_out
            delegation = nodata.delegation
            if nodata.result != PROVEN and not insecure:
                return None
        soa = table.soa if table.soa_expires_us > now_us else None
        expires_us = table.soa_expires_us if soa is not None else stored[0].expires_us
        proved_until_s = stored[0].proved_until_s
        for proof in stored:
            expires_us = min(expires_us, proof.expires_us)
            proved_until_s = min(proved_until_s, proof.proved_until_s)
        return Synthesis(nxdomain, soa, sets, expires_us, proved_until_s, insecure, delegation)

    def expansion(self, name: bytes, now_us: int, work: WorkBudget) -> Expansion | None:
        """Find a known wildcard that ``name`` falls under, while nothing closer to the name exists."""
        table = self.table_above(name)
        if table is None or not table.wildcards or table.opt_out:
            return None
        ancestor = name
        while ancestor != table.zone:
            next_closer = ancestor
            ancestor = parent(ancestor)
            owner = wildcard_of(ancestor)
            if owner not in table.wildcards or owner == name:
                continue
            stored = table.around(next_closer, now_us, work)
            if stored is None:
                return None
            sets = [stored.rrset]
            nsec = [] if table.hashed else sets
            nsec3 = sets if table.hashed else []
            labels = label_count(ancestor)
            proof = prove_wildcard_expansion(name, table.zone, labels, nsec, nsec3, work, self.iterations_limit)
            return Expansion(owner, stored) if proof.result == PROVEN else None
        return None


def plain_proofs(table: ZoneProofs, name: bytes, now_us: int) -> list[StoredProof]:
    """Return the NSEC records that may deny the name: the one around it, and the one around its wildcard."""
    first = table.at(canonical_key(name), now_us)
    if first is None:
        return []
    found = [first]
    nsec = parse_nsec(first.rrset.rdatas[0])
    if nsec is None or first.rrset.name == name:
        return found
    left = common_ancestor(name, first.rrset.name)
    right = common_ancestor(name, nsec.next_name)
    encloser = left if len(left) > len(right) else right
    second = table.at(canonical_key(wildcard_of(encloser)), now_us)
    if second is not None and second is not first:
        found.append(second)
    return found


def hashed_proofs(table: ZoneProofs, name: bytes, now_us: int, work: WorkBudget) -> list[StoredProof]:
    """Return the NSEC3 records that may deny the name: closest encloser, next closer name and wildcard."""
    found: list[StoredProof] = []
    ancestor = name
    next_closer = b""
    while True:
        if not work.take_nsec3_hash():
            return []
        label = base32hex_label(nsec3_hash(ancestor, table.salt, table.iterations))
        proof = table.at(label, now_us)
        if proof is not None and proof.rrset.name[1 : 1 + proof.rrset.name[0]] == label:
            found.append(proof)
            if ancestor == name:
                return found
            break
        if ancestor == table.zone:
            return []
        next_closer = ancestor
        ancestor = parent(ancestor)
    for denied in (next_closer, wildcard_of(ancestor)):
        if not work.take_nsec3_hash():
            return []
        proof = table.at(base32hex_label(nsec3_hash(denied, table.salt, table.iterations)), now_us)
        if proof is None and denied is next_closer:
            return []
        if proof is not None and proof not in found:
            found.append(proof)
    return found
