"""What a response that need not be minimal carries beside the answer (RFC 1034 section 4.3.2 step 6).

The NS RRset of the zone that the answer comes from, and addresses of the servers and hosts that the answer leads to,
as far as the caches know them; nothing is asked for. Glue is never shown: it is the parent's word (RFC 2181 section
5.4.1).
"""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.security_status import BOGUS, SECURE, UNCHECKED
from holdfast.cache.rrset_cache import RANK_ANSWER, CachedRRset
from holdfast.dns.iana import RCODE_NOERROR, TYPE_A, TYPE_AAAA, TYPE_MX, TYPE_NS, TYPE_SRV
from holdfast.dns.rdata import rdata_name
from holdfast.dns.rrset import RRset
from holdfast.resolve.delegation import starting_point
from holdfast.resolve.state import ResolverState
from holdfast.service.rebinding import PrivateAddresses
from holdfast.service.respond import Part, Response

ADDITIONAL_RRSETS: Final = 26  # addresses of the root's 13 servers in both families; more than most answers can hold


def complete(state: ResolverState, private: PrivateAddresses, response: Response, checked: bool, now: Instant) -> int:
    """Add what is known; returns when the first of the added records expires, in monotonic microseconds, -1: none did.

    A secure response takes no NS RRset that was not validated: AD speaks for the authority section too (RFC 4035
    section 3.2.3). ``checked``: nothing is shown that waits to be judged: a negative trust anchor that is not this
    client's may have let it through.
    """
    if response.rcode != RCODE_NOERROR or not response.answer:
        return -1
    now_us = now.monotonic_us
    last = response.answer[len(response.answer) - 1].rrset
    leading: list[RRset] = [last]
    added: list[CachedRRset] = []
    zone = starting_point(state, last.name, last.rtype, False, now)
    if zone is not None and not zone.forward and not (last.rtype == TYPE_NS and last.name == zone.zone):
        servers = state.rrsets.get(zone.zone, TYPE_NS, now_us)
        if servers is not None and may_believe(servers, checked) and (servers.status == SECURE or not response.secure):
            response.name_servers = Part(servers.rrset, servers.remaining_s(now_us))
            leading.append(servers.rrset)
            added.append(servers)
    for rrset in leading:
        for rdata in rrset.rdatas if rrset.rtype in (TYPE_NS, TYPE_MX, TYPE_SRV) else []:
            for rtype in (TYPE_A, TYPE_AAAA):
                known = state.rrsets.get(rdata_name(rrset.rtype, rdata), rtype, now_us)
                if len(added) < ADDITIONAL_RRSETS and known is not None and may_show(known, response, checked, private):
                    response.additional.append(Part(known.rrset, known.remaining_s(now_us)))
                    added.append(known)
    return min([one.expires_us for one in added], default=-1)


def may_believe(known: CachedRRset, checked: bool) -> bool:
    """Tell whether data is not bogus, nor possibly so."""
    return known.status != BOGUS and not (checked and known.status == UNCHECKED)


def may_show(known: CachedRRset, response: Response, checked: bool, private: PrivateAddresses) -> bool:
    """Tell whether an address RRset belongs into the additional section: credible, public and not there yet."""
    rrset = known.rrset
    if (
        not may_believe(known, checked)
        or known.rank < RANK_ANSWER
        or len(private.public_records(rrset)) < len(rrset.rdatas)
    ):
        return False
    shown = [*response.answer, *response.additional]
    return not any(part.rrset.name == rrset.name and part.rrset.rtype == rrset.rtype for part in shown)
