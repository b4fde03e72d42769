"""Authenticated denial of existence, by whichever of NSEC and NSEC3 a response holds.

All records come verified as SECURE with the signer ``zone``, and not expanded from a wildcard. A zone that is changing
from one kind to the other may send both; one of them has to prove the claim alone.
"""

from typing import Final

from holdfast.dns import iana
from holdfast.dns.name import is_subdomain, to_text
from holdfast.dns.rrset import RRset
from holdfast.dnssec import denial_nsec, denial_nsec3
from holdfast.dnssec.denial_nsec3 import nsec3_hash
from holdfast.dnssec.proof import EXHAUSTED, INSECURE_PROOF, NOT_PROVEN, PROVEN, Proof, missing, not_expandable
from holdfast.dnssec.work_budget import WorkBudget

__all__ = [
    "EXHAUSTED",
    "INSECURE_PROOF",
    "NOT_PROVEN",
    "PROVEN",
    "Proof",
    "nsec3_hash",
    "prove_nodata",
    "prove_nxdomain",
    "prove_wildcard_expansion",
]

_KINDS: Final = "NSEC/NSEC3"


def prove_nxdomain(
    qname: bytes, zone: bytes, nsec: list[RRset], nsec3: list[RRset], budget: WorkBudget, iterations_limit: int
) -> Proof:
    """Judge whether ``qname`` does not exist in ``zone``, nor a wildcard that would match it."""
    if not is_subdomain(qname, zone) or not (nsec or nsec3):
        return missing(_KINDS, f"{to_text(qname)} does not exist", "denial.nxdomain-no-records")
    if not nsec:
        return denial_nsec3.prove_nxdomain(qname, zone, nsec3, budget, iterations_limit)
    proof = denial_nsec.prove_nxdomain(qname, zone, nsec)
    if proof.result == PROVEN or not nsec3:
        return proof
    return _better(proof, denial_nsec3.prove_nxdomain(qname, zone, nsec3, budget, iterations_limit))


def prove_nodata(
    qname: bytes,
    qtype: int,
    zone: bytes,
    nsec: list[RRset],
    nsec3: list[RRset],
    budget: WorkBudget,
    iterations_limit: int,
) -> Proof:
    """Judge whether ``qname`` has no ``qtype`` in ``zone``: at the name, as empty non-terminal, or by a wildcard.

    For DS, ``zone`` has to be the parent. The name is an insecure delegation if the result is PROVEN with
    ``delegation``, and may be one if it is INSECURE_PROOF; PROVEN without ``delegation`` means that there is no zone
    cut (RFC 6840 section 4.4).
    """
    if not is_subdomain(qname, zone) or not (nsec or nsec3):
        claim = f"{to_text(qname)} has no {iana.type_name(qtype)}"
        return missing(_KINDS, claim, "denial.nodata-no-records")
    if not nsec:
        return denial_nsec3.prove_nodata(qname, qtype, zone, nsec3, budget, iterations_limit)
    proof = denial_nsec.prove_nodata(qname, qtype, zone, nsec)
    if proof.result == PROVEN or not nsec3:
        return proof
    return _better(proof, denial_nsec3.prove_nodata(qname, qtype, zone, nsec3, budget, iterations_limit))


def prove_wildcard_expansion(
    qname: bytes,
    zone: bytes,
    labels: int,
    nsec: list[RRset],
    nsec3: list[RRset],
    budget: WorkBudget,
    iterations_limit: int,
) -> Proof:
    """Judge whether an answer for ``qname`` may come from the wildcard whose RRSIG has ``labels`` in its labels field.

    So it may if no name closer to ``qname`` exists (RFC 4035 section 5.3.4, RFC 5155 section 8.8).
    """
    if not is_subdomain(qname, zone) or not (nsec or nsec3):
        return not_expandable(_KINDS, qname, "denial.expansion-no-records")
    if not nsec:
        return denial_nsec3.prove_wildcard_expansion(qname, zone, labels, nsec3, budget, iterations_limit)
    proof = denial_nsec.prove_wildcard_expansion(qname, zone, labels, nsec)
    if proof.result == PROVEN or not nsec3:
        return proof
    other = denial_nsec3.prove_wildcard_expansion(qname, zone, labels, nsec3, budget, iterations_limit)
    return _better(proof, other)


def _better(by_nsec: Proof, by_nsec3: Proof) -> Proof:
    return by_nsec3 if by_nsec3.result != NOT_PROVEN else by_nsec
