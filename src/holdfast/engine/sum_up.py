"""What a resolution for the process itself has come to: the data, and the chain of trust as far as it is known."""

from holdfast.base.instant import Instant
from holdfast.base.security_status import INSECURE, weaker
from holdfast.dns.name import ROOT, parent
from holdfast.dns.rrset import RRset
from holdfast.dnssec.trust_view import TrustView
from holdfast.engine.inputs import ChainLink, Resolution
from holdfast.resolve.state import ResolverState
from holdfast.service.request import RequestTask
from holdfast.service.respond import Part


def sum_up(state: ResolverState, request: RequestTask, token: int, now: Instant) -> Resolution:
    """Sum up a finished request."""
    response = request.response
    answer = [with_ttl(part) for part in response.answer]
    authority = [with_ttl(part) for part in response.authority]
    chain = known_chain(state, request.current, request.view, now)
    return Resolution(token, response.rcode, request.status, answer, authority, response.causes, chain)


def with_ttl(part: Part) -> RRset:
    """Return the RRset with the TTL that is shown."""
    rrset = part.rrset
    return RRset(rrset.name, rrset.rtype, part.ttl_s, rrset.rdatas, rrset.signatures)


def known_chain(state: ResolverState, name: bytes, view: TrustView, now: Instant) -> list[ChainLink]:
    """Return the links of the chain of trust from the anchor down to ``name``, as far as they are known."""
    links: list[ChainLink] = []
    while True:
        trust = state.trust.get(view.key(name), now.monotonic_us)
        if trust is not None and trust.zone == name:
            ds = trust.ds.rdatas if trust.ds is not None else []
            keys = trust.dnskey.rdatas if trust.dnskey is not None else []
            signatures = trust.dnskey.signatures if trust.dnskey is not None else []
            anchor = state.anchors.get(name)
            if not ds and anchor is not None:
                ds = anchor.usable_ds()
            status = trust.status if trust.agreed is None else weaker(trust.status, INSECURE)
            links.insert(0, ChainLink(name, status, ds, keys, signatures, trust.cause))
        if name == ROOT:
            return links
        name = parent(name)
