"""What a server really serves of a signed zone, by its answers and judged by dnspython: no code of ours in between."""

from collections.abc import Sequence
from dataclasses import dataclass

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdatatype import RdataType

from holdfast.dns.iana import TYPE_SOA
from holdfast.registry.zone import Zone

PATIENCE_S = 2.0


@dataclass(frozen=True)
class ServedZone:
    """Whether the zone's keys verify from its DS on, whether its apex NSEC3 does, and how many of the children's DS."""

    keys_verify: bool
    apex_denial_verifies: bool
    ds_verified: int
    ds_asked: int


def judge(zone: bytes, place: tuple[str, int], parent_place: tuple[str, int], children: Sequence[bytes]) -> ServedZone:
    """Ask a server at ``place`` for keys, a denial and the DS of ``children``; the zone's own DS comes from the parent.

    Names are in wire format.
    """
    name = dns.name.from_wire(zone, 0)[0]
    ds = _rrset(ask(name, dns.rdatatype.DS, parent_place).answer, name, dns.rdatatype.DS)
    answer = ask(name, dns.rdatatype.DNSKEY, place).answer
    keys = _rrset(answer, name, dns.rdatatype.DNSKEY)
    if ds is None or keys is None:
        return ServedZone(False, False, 0, len(children))
    entry = dns.rrset.from_rdata_list(name, keys.ttl, [key for key in keys if _is_vouched_for(name, key, ds)])
    denial = ask(name, dns.rdatatype.HINFO, place).authority
    apex = next((one for one in denial if one.rdtype in (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)), None)
    answers = [(child, ask(child, dns.rdatatype.DS, place).answer) for child in map(_name, children)]
    good = [child for child, sets in answers if _verifies(_rrset(sets, child, dns.rdatatype.DS), sets, keys)]
    return ServedZone(_verifies(keys, answer, entry), _verifies(apex, denial, keys), len(good), len(children))


def serves(zone: Zone, place: tuple[str, int]) -> bool:
    """Tell whether a server answers with this version of a zone: the very SOA record, and the very signature."""
    soa = zone.complete(zone.apex[TYPE_SOA]) if zone.signed else zone.apex[TYPE_SOA]
    try:
        answer = ask(_name(zone.name), dns.rdatatype.SOA, place).answer
    except (OSError, dns.exception.DNSException):
        return False
    served = {rdata.to_wire() for rrset in answer for rdata in rrset}
    return served == {*soa.rdatas, *soa.signatures}


def ask(name: dns.name.Name, rtype: RdataType, place: tuple[str, int]) -> dns.message.Message:
    """Ask a server with DO, over TCP if the answer is large. Raises OSError or DNSException."""
    query = dns.message.make_query(name, rtype, want_dnssec=True, flags=0)
    host, port = place
    return dns.query.udp_with_fallback(query, host, timeout=PATIENCE_S, port=port)[0]


def _name(wire: bytes) -> dns.name.Name:
    return dns.name.from_wire(wire, 0)[0]


def _rrset(section: Sequence[dns.rrset.RRset], name: dns.name.Name, rtype: RdataType) -> dns.rrset.RRset | None:
    return next((one for one in section if one.rdtype == rtype and one.name == name), None)


def _is_vouched_for(name: dns.name.Name, key: dns.rdata.Rdata, ds: dns.rrset.RRset) -> bool:
    return any(dns.dnssec.make_ds(name, key, one.digest_type, validating=True) == one for one in ds)


def _verifies(rrset: dns.rrset.RRset | None, section: Sequence[dns.rrset.RRset], keys: dns.rrset.RRset) -> bool:
    """Tell whether one of the keys verifies an RRset with the signatures beside it."""
    if rrset is None:
        return False
    signatures = next((one for one in section if one.name == rrset.name and one.covers == rrset.rdtype), None)
    if signatures is None:
        return False
    try:
        dns.dnssec.validate(rrset, signatures, {keys.name: keys})
    except dns.exception.ValidationFailure:
        return False
    return True
