"""Proofs of non-existence by NSEC (RFC 4034 section 4, RFC 4035 section 5.4, RFC 6840 section 4).

The records come verified, all signed by ``zone``, and not expanded from a wildcard (CVE-2017-15105); the latter is
checked once more here, because everything depends on it.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.dns import iana
from holdfast.dns.name import canonical_key, common_ancestor, is_subdomain, label_count, suffix, to_text, wildcard_of
from holdfast.dns.rdata import parse_nsec
from holdfast.dns.rrset import RRset
from holdfast.dnssec.proof import (
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

_KIND: Final = "NSEC"


def nsec_matches(owner: bytes, name: bytes) -> bool:
    """Say whether the NSEC at ``owner`` is that of ``name``."""
    return owner == name


def nsec_covers(owner: bytes, next_name: bytes, name: bytes) -> bool:
    """Say whether ``name``, in the same zone, sorts strictly between ``owner`` and ``next_name``.

    The last NSEC of a zone points back to the apex. A covered name may still be an empty non-terminal: it is if
    ``next_name`` is below it. And a covered name below ``owner`` may be another zone's: see `proof.denies_below`.
    """
    return _between(canonical_key(owner), canonical_key(next_name), canonical_key(name))


def _between(owner_key: bytes, next_key: bytes, key: bytes) -> bool:
    return owner_key < key and (key < next_key or next_key <= owner_key)


@mypyc_attr(acyclic=True)
class _Link:
    """One NSEC record."""

    def __init__(self, owner: bytes, next_name: bytes, bitmap: bytes) -> None:
        self.owner: Final = owner
        self.next_name: Final = next_name
        self.bitmap: Final = bitmap
        self.owner_key: Final = canonical_key(owner)
        self.next_key: Final = canonical_key(next_name)

    def denies(self, name: bytes, key: bytes) -> bool:
        """Say whether no record is at ``name`` itself, because it is not in the chain; ``key`` is its canonical key."""
        if not _between(self.owner_key, self.next_key, key):
            return False
        return not is_subdomain(name, self.owner) or denies_below(self.bitmap)

    def makes_non_terminal(self, name: bytes) -> bool:
        """Say whether a denied ``name`` exists nevertheless, as the next name is below it (RFC 4592 section 2.2.2)."""
        return is_subdomain(self.next_name, name)

    def closest_encloser(self, name: bytes) -> bytes:
        """Return the closest ancestor of a denied ``name`` that exists."""
        before = common_ancestor(name, self.owner)
        after = common_ancestor(name, self.next_name)
        return before if len(before) > len(after) else after


def _links(zone: bytes, rrsets: list[RRset]) -> list[_Link]:
    links: list[_Link] = []
    for rrset in rrsets:
        if rrset.rtype != iana.TYPE_NSEC or not is_subdomain(rrset.name, zone) or may_be_expanded(rrset):
            continue
        for rdata in rrset.rdatas:
            nsec = parse_nsec(rdata)
            if nsec is not None and is_subdomain(nsec.next_name, zone):
                links.append(_Link(rrset.name, nsec.next_name, nsec.bitmap))
    return links


def _matching(links: list[_Link], name: bytes) -> _Link | None:
    for link in links:
        if link.owner == name:
            return link
    return None


def _denying(links: list[_Link], name: bytes) -> _Link | None:
    key = canonical_key(name)
    for link in links:
        if link.denies(name, key):
            return link
    return None


def prove_nxdomain(qname: bytes, zone: bytes, rrsets: list[RRset]) -> Proof:
    """Judge whether neither ``qname`` nor a wildcard for it exists."""
    links = _links(zone, rrsets)
    if _matching(links, qname) is not None:
        return contradiction(_KIND, f"{to_text(qname)} exists", "denial.nsec-name-exists")
    link = _denying(links, qname)
    if link is None:
        return missing(_KIND, f"{to_text(qname)} does not exist", "denial.nsec-nxdomain")
    if link.makes_non_terminal(qname):
        return contradiction(_KIND, f"{to_text(qname)} exists as an empty non-terminal", "denial.nsec-non-terminal")
    encloser = link.closest_encloser(qname)
    wildcard = wildcard_of(encloser)
    denial = _denying(links, wildcard)
    if denial is None:
        if _matching(links, wildcard) is not None:
            return contradiction(_KIND, f"{to_text(wildcard)} exists", "denial.nsec-wildcard-exists")
        return missing(_KIND, f"{to_text(wildcard)} does not exist", "denial.nsec-wildcard")
    if denial.makes_non_terminal(wildcard):
        return contradiction(_KIND, f"{to_text(wildcard)} exists", "denial.nsec-wildcard-non-terminal")
    return Proof(PROVEN, closest_encloser=encloser)


def prove_nodata(qname: bytes, qtype: int, zone: bytes, rrsets: list[RRset]) -> Proof:
    """Judge whether ``qname``, or the wildcard for it, has no ``qtype``."""
    links = _links(zone, rrsets)
    match = _matching(links, qname)
    if match is not None:
        return nodata_by_bitmap(_KIND, match.bitmap, qname, qtype)
    claim = f"{to_text(qname)} has no {iana.type_name(qtype)}"
    link = _denying(links, qname)
    if link is None:
        return missing(_KIND, claim, "denial.nsec-nodata")
    if link.makes_non_terminal(qname):
        return Proof(PROVEN, name_exists=True, closest_encloser=qname)
    encloser = link.closest_encloser(qname)
    wildcard = wildcard_of(encloser)
    match = _matching(links, wildcard)
    if match is not None:
        proof = nodata_by_bitmap(_KIND, match.bitmap, wildcard, qtype)
        if proof.result != PROVEN:
            return proof
        return Proof(PROVEN, closest_encloser=encloser)
    denial = _denying(links, wildcard)
    if denial is None:
        return missing(_KIND, claim, "denial.nsec-nodata-wildcard")
    if denial.makes_non_terminal(wildcard):
        return Proof(PROVEN, closest_encloser=encloser)
    return not_there_at_all(_KIND, qname, qtype, "denial.nsec-nodata-nxdomain")


def prove_wildcard_expansion(qname: bytes, zone: bytes, labels: int, rrsets: list[RRset]) -> Proof:
    """Judge whether no name closer to ``qname`` than the wildcard with ``labels`` labels exists."""
    if labels >= label_count(qname):
        return not_expandable(_KIND, qname, "denial.nsec-expansion-labels")
    next_closer = suffix(qname, labels + 1)
    links = _links(zone, rrsets)
    if _matching(links, next_closer) is not None:
        return contradiction(_KIND, f"{to_text(next_closer)} exists", "denial.nsec-expansion-exists")
    link = _denying(links, next_closer)
    if link is None:
        return not_expandable(_KIND, qname, "denial.nsec-expansion")
    if link.makes_non_terminal(next_closer):
        return contradiction(_KIND, f"{to_text(next_closer)} exists", "denial.nsec-expansion-non-terminal")
    return Proof(PROVEN, closest_encloser=suffix(qname, labels))
