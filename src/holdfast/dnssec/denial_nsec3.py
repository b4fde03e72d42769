"""Proofs of non-existence by NSEC3 (RFC 5155 section 8, RFC 6840 section 4, RFC 9276).

A proof starts with the closest encloser: the longest ancestor whose hash is in the chain, while the hash of the name
one label longer, the next closer name, is not. Opt-out ranges leave room for unsigned delegations, so what rests on one
is insecure (RFC 5155 sections 8.6 and 9.2). The records come verified, all signed by ``zone``.
"""

import hashlib
from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.base.cause import Cause
from holdfast.dns import iana
from holdfast.dns.name import label_count, parent, suffix, to_text, wildcard_of
from holdfast.dns.rdata import NSEC3, parse_nsec3
from holdfast.dns.rrset import RRset
from holdfast.dnssec.proof import (
    EXHAUSTED,
    INSECURE_PROOF,
    PROVEN,
    Proof,
    contradiction,
    denies_below,
    missing,
    nodata_by_bitmap,
    not_expandable,
    not_there_at_all,
)
from holdfast.dnssec.rrsig import may_be_expanded
from holdfast.dnssec.work_budget import WorkBudget

_KIND: Final = "NSEC3"
_HASH_OCTETS: Final = 20  # SHA-1, the only algorithm there is
_HASH_LABEL_OCTETS: Final = 32  # in base32hex
_BASE32HEX: Final = b"0123456789abcdefghijklmnopqrstuv"


def nsec3_hash(name: bytes, salt: bytes, iterations: int) -> bytes:
    """Return the SHA-1 hash of a lower-cased name (RFC 5155 section 5)."""
    value = hashlib.sha1(name + salt).digest()
    for _ in range(iterations):
        value = hashlib.sha1(value + salt).digest()
    return value


def nsec3_owner_hash(owner: bytes, zone: bytes) -> bytes | None:
    """Return the hash that an NSEC3's owner is made of; None if it is not a hash directly below ``zone``."""
    if owner[0] != _HASH_LABEL_OCTETS or owner[_HASH_LABEL_OCTETS + 1 :] != zone:
        return None
    label = owner[1 : _HASH_LABEL_OCTETS + 1]
    if label.translate(None, _BASE32HEX):
        return None
    # Python's digits for base 32 are those of base32hex (RFC 4648 section 7).
    return int(label, 32).to_bytes(_HASH_OCTETS, "big")


def nsec3_matches(owner_hash: bytes, name_hash: bytes) -> bool:
    """Say whether the NSEC3 with ``owner_hash`` is that of the name with ``name_hash``."""
    return owner_hash == name_hash


def nsec3_covers(owner_hash: bytes, next_hash: bytes, name_hash: bytes) -> bool:
    """Say whether ``name_hash`` is strictly between ``owner_hash`` and ``next_hash``; the last NSEC3 wraps around."""
    if owner_hash < next_hash:
        return owner_hash < name_hash < next_hash
    return name_hash > owner_hash or name_hash < next_hash


@mypyc_attr(acyclic=True)
class _Link:
    """One NSEC3 record."""

    def __init__(self, owner_hash: bytes, nsec3: NSEC3) -> None:
        self.owner_hash: Final = owner_hash
        self.next_hash: Final = nsec3.next_hash
        self.bitmap: Final = nsec3.bitmap
        self.opt_out: Final = nsec3.flags & iana.NSEC3_FLAG_OPT_OUT != 0
        self.salt: Final = nsec3.salt
        self.iterations: Final = nsec3.iterations


def _links(zone: bytes, rrsets: list[RRset]) -> list[_Link]:
    """Return the records to reckon with; those with unknown algorithm or flags are ignored (RFC 5155 section 8.1)."""
    links: list[_Link] = []
    for rrset in rrsets:
        owner_hash = nsec3_owner_hash(rrset.name, zone)
        if rrset.rtype != iana.TYPE_NSEC3 or owner_hash is None or may_be_expanded(rrset):
            continue
        for rdata in rrset.rdatas:
            nsec3 = parse_nsec3(rdata)
            if nsec3 is None or nsec3.hash_algorithm != iana.NSEC3_HASH_SHA1:
                continue
            if nsec3.flags & ~iana.NSEC3_FLAG_OPT_OUT == 0 and len(nsec3.next_hash) == _HASH_OCTETS:
                links.append(_Link(owner_hash, nsec3))
    return links


class _Chain:
    """The records of one chain (same salt and iterations), with each name hashed once."""

    def __init__(self, zone: bytes, rrsets: list[RRset], budget: WorkBudget, iterations_limit: int) -> None:
        self.zone: Final = zone
        self.budget: Final = budget
        self.hashes: Final[dict[bytes, bytes]] = {}
        self.links: Final[list[_Link]] = []
        self.salt = b""
        self.iterations = 0
        self.exhausted = False
        self.refusal: Proof | None = None
        self.next_closer = b""
        for link in _links(zone, rrsets):
            if link.iterations > iterations_limit:
                if self.refusal is None:
                    text = f"NSEC3 of {to_text(zone)} has {link.iterations} iterations, more than {iterations_limit}"
                    cause = Cause(iana.EDE_UNSUPPORTED_NSEC3_ITERATIONS, text, "denial.nsec3-iterations")
                    self.refusal = Proof(INSECURE_PROOF, cause)
                continue
            if not self.links:
                self.salt = link.salt
                self.iterations = link.iterations
            if link.salt == self.salt and link.iterations == self.iterations:
                self.links.append(link)

    def hash_of(self, name: bytes) -> bytes:
        """Return the hash of ``name``; b"" once the budget is spent."""
        known = self.hashes.get(name)
        if known is not None:
            return known
        if self.exhausted or not self.budget.take_nsec3_hash():
            self.exhausted = True
            return b""
        value = nsec3_hash(name, self.salt, self.iterations)
        self.hashes[name] = value
        return value

    def matching(self, name: bytes) -> _Link | None:
        """Return the record of ``name``."""
        value = self.hash_of(name)
        for link in self.links:
            if link.owner_hash == value:
                return link
        return None

    def covering(self, name: bytes) -> _Link | None:
        """Return a record that shows ``name`` not to be in the chain."""
        value = self.hash_of(name)
        if not value:
            return None
        for link in self.links:
            if nsec3_covers(link.owner_hash, link.next_hash, value):
                return link
        return None

    def closest_encloser(self, qname: bytes) -> bytes:
        """Return the longest proper ancestor in the chain, and set ``next_closer``; b"" if there is none to build upon.

        An ancestor that is delegated or has a DNAME does not count (RFC 5155 section 8.3).
        """
        name = qname
        while name != self.zone:
            self.next_closer = name
            name = parent(name)
            link = self.matching(name)
            if self.exhausted:
                break
            if link is not None:
                return name if denies_below(link.bitmap) else b""
        return b""

    def unproven(self, claim: str, site: str) -> Proof:
        """Return why there is no proof of ``claim``: too many iterations, too much work, or just not there."""
        if self.exhausted:
            text = f"validation work limit reached for the {_KIND} proof that {claim}"
            return Proof(EXHAUSTED, Cause(iana.EDE_OTHER, text, "denial.nsec3-budget"))
        return missing(_KIND, claim, site)


def prove_nxdomain(qname: bytes, zone: bytes, rrsets: list[RRset], budget: WorkBudget, iterations_limit: int) -> Proof:
    """Judge whether neither ``qname`` nor a wildcard for it exists (RFC 5155 section 8.4)."""
    chain = _Chain(zone, rrsets, budget, iterations_limit)
    if not chain.links and chain.refusal is not None:
        return chain.refusal
    if chain.matching(qname) is not None:
        return contradiction(_KIND, f"{to_text(qname)} exists", "denial.nsec3-name-exists")
    encloser = chain.closest_encloser(qname)
    if not encloser:
        return chain.unproven(f"{to_text(qname)} does not exist", "denial.nsec3-closest-encloser")
    cover = chain.covering(chain.next_closer)
    if cover is None:
        return chain.unproven(f"{to_text(qname)} does not exist", "denial.nsec3-next-closer")
    wildcard = wildcard_of(encloser)
    if chain.matching(wildcard) is not None:
        return contradiction(_KIND, f"{to_text(wildcard)} exists", "denial.nsec3-wildcard-exists")
    if chain.covering(wildcard) is None:
        return chain.unproven(f"{to_text(wildcard)} does not exist", "denial.nsec3-wildcard")
    return _proof(cover.opt_out, encloser)


def prove_nodata(
    qname: bytes, qtype: int, zone: bytes, rrsets: list[RRset], budget: WorkBudget, iterations_limit: int
) -> Proof:
    """Judge whether ``qname``, or the wildcard for it, has no ``qtype`` (RFC 5155 sections 8.5 to 8.7).

    When an opt-out range covers the next closer name, there may be an unsigned delegation, or an empty non-terminal
    that leads to such only, so this is insecure for every type (RFC 5155 erratum 3441).
    """
    chain = _Chain(zone, rrsets, budget, iterations_limit)
    if not chain.links and chain.refusal is not None:
        return chain.refusal
    match = chain.matching(qname)
    if match is not None:
        return nodata_by_bitmap(_KIND, match.bitmap, qname, qtype)
    claim = f"{to_text(qname)} has no {iana.type_name(qtype)}"
    encloser = chain.closest_encloser(qname)
    if not encloser:
        return chain.unproven(claim, "denial.nsec3-nodata")
    cover = chain.covering(chain.next_closer)
    if cover is None:
        return chain.unproven(claim, "denial.nsec3-nodata-next-closer")
    wildcard = wildcard_of(encloser)
    match = chain.matching(wildcard)
    if match is not None:
        proof = nodata_by_bitmap(_KIND, match.bitmap, wildcard, qtype)
        return _proof(cover.opt_out, encloser) if proof.result == PROVEN else proof
    if chain.exhausted:
        return chain.unproven(claim, "denial.nsec3-nodata-wildcard")
    if cover.opt_out:
        return _proof(True, encloser)
    return not_there_at_all(_KIND, qname, qtype, "denial.nsec3-nodata-nxdomain")


def prove_wildcard_expansion(
    qname: bytes, zone: bytes, labels: int, rrsets: list[RRset], budget: WorkBudget, iterations_limit: int
) -> Proof:
    """Judge whether nothing closer to ``qname`` than the wildcard with ``labels`` labels exists (RFC 5155 8.8)."""
    chain = _Chain(zone, rrsets, budget, iterations_limit)
    if not chain.links and chain.refusal is not None:
        return chain.refusal
    if labels >= label_count(qname):
        return not_expandable(_KIND, qname, "denial.nsec3-expansion-labels")
    next_closer = suffix(qname, labels + 1)
    cover = chain.covering(next_closer)
    if cover is None:
        if chain.matching(next_closer) is not None:
            return contradiction(_KIND, f"{to_text(next_closer)} exists", "denial.nsec3-expansion-exists")
        if chain.exhausted:
            return chain.unproven(f"{to_text(qname)} does not exist beside the wildcard", "denial.nsec3-expansion")
        return not_expandable(_KIND, qname, "denial.nsec3-expansion")
    return _proof(cover.opt_out, suffix(qname, labels))


def _proof(opt_out: bool, encloser: bytes) -> Proof:
    return Proof(INSECURE_PROOF if opt_out else PROVEN, opt_out=opt_out, closest_encloser=encloser)
