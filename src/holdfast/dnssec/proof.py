"""The outcome of a proof of non-existence, and the judgements that NSEC and NSEC3 share."""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.base.cause import Cause
from holdfast.dns import iana
from holdfast.dns.name import ROOT, to_text
from holdfast.dns.rdata import bitmap_has

NOT_PROVEN: Final = 0
PROVEN: Final = 1
INSECURE_PROOF: Final = 2  # right as far as it goes, but opt-out or too many iterations leave it without proof
EXHAUSTED: Final = 3  # given up at a limit on work


@mypyc_attr(acyclic=True)
class Proof:
    """What NSEC or NSEC3 records say about a name.

    ``cause`` is set unless the result is PROVEN, or INSECURE_PROOF by opt-out. ``delegation``: the name itself has NS
    and no SOA in its bitmap, so it is a zone cut and the records are the parent's. ``opt_out``: an opt-out range covers
    the name, so an unsigned delegation may be there. ``name_exists``: the records say that the name is there, be it as
    an empty non-terminal. ``closest_encloser``: the closest ancestor that exists, b"" if not established.
    """

    def __init__(
        self,
        result: int,
        cause: Cause | None = None,
        delegation: bool = False,
        opt_out: bool = False,
        name_exists: bool = False,
        closest_encloser: bytes = b"",
    ) -> None:
        self.result: Final = result
        self.cause: Final = cause
        self.delegation: Final = delegation
        self.opt_out: Final = opt_out
        self.name_exists: Final = name_exists
        self.closest_encloser: Final = closest_encloser


def missing(kind: str, claim: str, site: str) -> Proof:
    """Return that the records do not prove ``claim``; ``kind`` is the type of record."""
    return Proof(NOT_PROVEN, Cause(iana.EDE_NSEC_MISSING, f"no {kind} proof that {claim}", site))


def not_expandable(kind: str, qname: bytes, site: str) -> Proof:
    """Return that nothing proves that an answer may come from a wildcard.

    The data itself is there, so this is not what RFC 8914 section 4.13 calls NSEC Missing.
    """
    text = f"no {kind} proof that {to_text(qname)} does not exist beside the wildcard"
    return Proof(NOT_PROVEN, Cause(iana.EDE_DNSSEC_BOGUS, text, site))


def not_there_at_all(kind: str, qname: bytes, rtype: int, site: str) -> Proof:
    """Return that the records deny the name itself, and show no wildcard, where the claim is only that a type lacks."""
    text = f"{kind} proves that {to_text(qname)} does not exist, not that it has no {iana.type_name(rtype)}"
    return Proof(NOT_PROVEN, Cause(iana.EDE_DNSSEC_BOGUS, text, site))


def contradiction(kind: str, claim: str, site: str, delegation: bool = False) -> Proof:
    """Return that the records prove the opposite: ``claim``."""
    cause = Cause(iana.EDE_DNSSEC_BOGUS, f"{kind} proves that {claim}", site)
    return Proof(NOT_PROVEN, cause, delegation=delegation, name_exists=True)


def is_zone_cut(bitmap: bytes) -> bool:
    """Say whether a bitmap is the parent's at a delegation: NS without SOA (RFC 6840 section 4.1)."""
    return bitmap_has(bitmap, iana.TYPE_NS) and not bitmap_has(bitmap, iana.TYPE_SOA)


def denies_below(bitmap: bytes) -> bool:
    """Say whether a record with this bitmap may deny names below its owner.

    Names below a zone cut are the child's, names below a DNAME are redirected (RFC 6840 section 4.1, RFC 6672 section
    5.3.4.1).
    """
    return not is_zone_cut(bitmap) and not bitmap_has(bitmap, iana.TYPE_DNAME)


def nodata_by_bitmap(kind: str, bitmap: bytes, name: bytes, rtype: int) -> Proof:
    """Judge whether the bitmap at ``name`` itself proves that there is no ``rtype`` (RFC 4035 section 5.4)."""
    cut = is_zone_cut(bitmap)
    if rtype == iana.TYPE_DS and name != ROOT and bitmap_has(bitmap, iana.TYPE_SOA):
        return missing(kind, f"{to_text(name)} has no DS (the record is from the child zone)", "denial.ds-by-child")
    # A CNAME should have been the answer (RFC 6840 section 4.3); every name with a bitmap has something for ANY.
    for present in (rtype, iana.TYPE_CNAME):
        if bitmap_has(bitmap, present) or present == iana.TYPE_ANY:
            return contradiction(kind, f"{to_text(name)} has {iana.type_name(present)}", "denial.type-exists", cut)
    if cut and rtype != iana.TYPE_DS:
        cause = Cause(
            iana.EDE_NSEC_MISSING,
            f"no {kind} proof that {to_text(name)} has no {iana.type_name(rtype)} (the record is from the parent zone)",
            "denial.nodata-by-parent",
        )
        return Proof(NOT_PROVEN, cause, delegation=True, name_exists=True)
    return Proof(PROVEN, delegation=cut, name_exists=True, closest_encloser=name)
