"""What kind of response is this? And which of its records may be believed (scrubbing)."""

from typing import Final

from holdfast.base.limits import DENIAL_RRSETS, RRSET_RECORDS
from holdfast.cache.negative_cache import NODATA, NXDOMAIN
from holdfast.dns.iana import (
    FLAG_AA,
    FLAG_RA,
    RCODE_NOERROR,
    RCODE_NXDOMAIN,
    RCODE_YXDOMAIN,
    TYPE_ANY,
    TYPE_CNAME,
    TYPE_DNAME,
    TYPE_DS,
    TYPE_NS,
    TYPE_NSEC,
    TYPE_NSEC3,
    TYPE_RRSIG,
    TYPE_SOA,
)
from holdfast.dns.message import Message
from holdfast.dns.name import ROOT, is_subdomain, replace_suffix
from holdfast.dns.rdata import parse_nsec, rdata_name
from holdfast.dns.rrset import RRset

ANSWER: Final = 1
CNAME: Final = 2
DNAME: Final = 3
REFERRAL: Final = 6
LAME: Final = 7
ERROR: Final = 8
EMPTY: Final = 9


class Classified:
    """A response, sorted.

    ``rrset`` is the answer, the CNAME or the DNAME; ``cut`` the NS RRset of a referral; ``apex`` the zone's own NS
    RRset, which may name other servers than the parent does.
    """

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.rrset: RRset | None = None
        self.cut: RRset | None = None
        self.apex: RRset | None = None
        self.soa: RRset | None = None
        self.ds: RRset | None = None
        self.denial: list[RRset] = []
        self.others: list[RRset] = []  # further believable answer RRsets: the rest of a chain, or all of an ANY


def oversized(message: Message) -> RRset | None:
    """Return an RRset with more records than are accepted, None if there is none."""
    for section in (message.answer, message.authority):
        for rrset in section:
            if len(rrset.rdatas) > RRSET_RECORDS:
                return rrset
    return None


def classify(message: Message, name: bytes, rtype: int, zone: bytes, forward: bool) -> Classified:
    """Sort a response to (name, rtype) from a server of ``zone``. Records outside it are ignored (RFC 2181 5.4.1)."""
    if message.rcode != RCODE_NOERROR and message.rcode != RCODE_NXDOMAIN and message.rcode != RCODE_YXDOMAIN:
        return Classified(ERROR)
    found = Classified(ERROR)
    if rtype == TYPE_RRSIG:
        take_signatures(message, name, found)
    else:
        take_answer(message, name, rtype, zone, forward, found)
    rrset = found.rrset
    if rrset is not None:
        adopt_signatures(message, rrset)
    if message.rcode == RCODE_YXDOMAIN:
        # What the DNAME makes of the name is too long (RFC 6672 section 2.2): the DNAME has to show it.
        return found if found.kind == DNAME else Classified(ERROR)
    points_elsewhere = False
    for rrset in message.authority:
        if not is_subdomain(rrset.name, zone):
            points_elsewhere = points_elsewhere or rrset.rtype == TYPE_NS
            continue
        if rrset.rtype == TYPE_SOA and rrset.rdatas and is_subdomain(name, rrset.name):
            found.soa = rrset
        elif rrset.rtype == TYPE_NSEC or rrset.rtype == TYPE_NSEC3:
            if rrset.rdatas and len(found.denial) < DENIAL_RRSETS:
                found.denial.append(rrset)
        elif rrset.rtype == TYPE_NS and rrset.rdatas:
            if rrset.name == zone:
                found.apex = rrset
            elif is_deeper_cut(rrset, name, zone, found.cut):
                found.cut = rrset
    if zone != ROOT and not forward and message.flags & (FLAG_AA | FLAG_RA) == FLAG_RA and found.cut is None:
        found.kind = LAME  # a resolver where an authoritative server should be
        return found
    if found.kind != ERROR:
        return found
    if message.rcode == RCODE_NXDOMAIN:
        found.kind = NXDOMAIN
    elif found.soa is not None:
        found.kind = NODATA
    elif found.cut is not None and not forward:
        take_referral(message, name, rtype, found.cut, found)
    elif forward or found.denial:
        found.kind = NODATA
    elif message.flags & FLAG_AA and not points_elsewhere:
        found.kind = EMPTY  # NODATA without SOA (RFC 2308 section 2.2, type 3), if no server knows better
    else:
        found.kind = LAME
    return found


def take_referral(message: Message, name: bytes, rtype: int, cut: RRset, found: Classified) -> None:
    """Sort a response with a zone cut; to the question for the cut's own DS it is the answer, in the wrong section."""
    for rrset in message.authority:
        if rrset.rtype == TYPE_DS and rrset.name == cut.name and rrset.rdatas:
            found.ds = rrset
    if rtype != TYPE_DS or cut.name != name:
        found.kind = REFERRAL
    elif found.ds is not None:
        found.kind = ANSWER
        found.rrset = found.ds
    else:
        found.kind = NODATA if found.denial else LAME


def is_deeper_cut(rrset: RRset, name: bytes, zone: bytes, known: RRset | None) -> bool:
    """Tell whether an NS RRset is a zone cut between ``zone`` and ``name``, deeper than the one found before."""
    if rrset.name == zone or not is_subdomain(name, rrset.name):
        return False
    return known is None or len(rrset.name) > len(known.name)


def take_answer(message: Message, name: bytes, rtype: int, zone: bytes, forward: bool, found: Classified) -> None:
    """Find the RRset that answers the question itself, and keep what else in the section belongs to the zone.

    Of an authoritative server only the record of the name sought is certainly authoritative (RFC 2181 section 5.4.1):
    the rest of a chain is kept if it is signed, so that validation can tell, and asked for again otherwise.
    """
    for rrset in message.answer:
        if not rrset.rdatas or not is_subdomain(rrset.name, zone):
            continue
        if rrset.rtype == TYPE_NSEC and reaches_out(rrset, zone):
            continue
        if found.kind == DNAME and rrset.rtype == TYPE_CNAME and rrset.name == name:
            continue  # synthesised, see below
        if rrset.name == name and (rrset.rtype == rtype or rtype == TYPE_ANY) and found.kind != ANSWER:
            if found.rrset is not None:
                found.others.append(found.rrset)
            found.kind = ANSWER
            found.rrset = rrset
            if rtype == TYPE_NS and name == zone:
                found.apex = rrset
        elif rrset.name == name and rrset.rtype == TYPE_CNAME and found.kind == ERROR:
            found.kind = CNAME
            found.rrset = rrset
        elif rrset.rtype == TYPE_DNAME and rrset.name != name and is_subdomain(name, rrset.name):
            # The CNAME that comes along is synthesised and unsigned (RFC 6672 section 5.3.1): the DNAME is the truth.
            if found.kind in (CNAME, ERROR) or rtype == TYPE_CNAME:
                found.kind = DNAME
                found.rrset = rrset
        elif forward or rrset.signatures or rrset.name == name:
            found.others.append(rrset)
    if found.kind == DNAME:
        found.others = [rrset for rrset in found.others if rrset.name != name]


def reaches_out(nsec: RRset, zone: bytes) -> bool:
    """Tell whether an NSEC claims to deny names outside its zone: the next owner is there (RFC 4034 section 4.1.1)."""
    for rdata in nsec.rdatas:
        parsed = parse_nsec(rdata)
        if parsed is None or not is_subdomain(parsed.next_name, zone):
            return True
    return False


def take_signatures(message: Message, name: bytes, found: Classified) -> None:
    """Take the answer to a question for RRSIG: all signatures at the name, whatever they cover."""
    signatures: list[bytes] = []
    ttl = 0
    for rrset in message.answer:
        if rrset.name == name and rrset.signatures:
            ttl = min(ttl, rrset.ttl) if signatures else rrset.ttl
            signatures.extend(rrset.signatures)
    if signatures:
        found.kind = ANSWER
        found.rrset = RRset(name, TYPE_RRSIG, ttl, signatures, [])


def adopt_signatures(message: Message, rrset: RRset) -> None:
    """Give an answer the RRSIGs that the server put into other sections (RFC 4035 section 3.1.1 wants the same)."""
    for section in (message.authority, message.additional):
        for other in section:
            if not other.rdatas and other.rtype == rrset.rtype and other.name == rrset.name:
                rrset.signatures = rrset.signatures + [one for one in other.signatures if one not in rrset.signatures]


def dname_target(dname: RRset, name: bytes) -> bytes | None:
    """Return what ``name`` becomes under the DNAME; None: too long for a name (YXDOMAIN, RFC 6672 2.2)."""
    return replace_suffix(name, dname.name, rdata_name(TYPE_DNAME, dname.rdatas[0]))
