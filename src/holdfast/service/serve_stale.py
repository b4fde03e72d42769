"""Answers from expired data when fresh data cannot be had (RFC 8767), also when it cannot be validated."""

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.limits import CNAME_LINKS
from holdfast.base.security_status import BOGUS, INDETERMINATE, SECURE, UNCHECKED, weaker
from holdfast.cache.negative_cache import NXDOMAIN
from holdfast.dns.iana import (
    EDE_STALE_ANSWER,
    EDE_STALE_NXDOMAIN_ANSWER,
    RCODE_NOERROR,
    RCODE_NXDOMAIN,
    TYPE_CNAME,
    type_name,
)
from holdfast.dns.name import to_text
from holdfast.dns.rdata import rdata_name
from holdfast.resolve.state import ResolverState
from holdfast.service.respond import Part, Response


def stale_response(state: ResolverState, name: bytes, rtype: int, now: Instant) -> Response | None:
    """Return an answer made of data that expired less than the maximum stale timer ago (RFC 8767 section 5), or None.

    TTLs are capped to the stale answer TTL (section 4). Bogus data is never used; data that was secure when it was
    stored keeps that status, as its signatures were good then.
    """
    settings = state.settings
    maximum_us = settings.maximum_stale_timer_s * 1_000_000
    response = Response(RCODE_NOERROR)
    status = SECURE
    current = name
    for _ in range(CNAME_LINKS):
        cached = state.rrsets.get_stale(current, rtype, now.monotonic_us, maximum_us)
        alias = False
        if cached is None and rtype != TYPE_CNAME:
            cached = state.rrsets.get_stale(current, TYPE_CNAME, now.monotonic_us, maximum_us)
            alias = True
        if cached is not None and cached.status != BOGUS:
            ttl_s = cached.remaining_s(now.monotonic_us) or settings.stale_answer_ttl_s
            response.answer.append(Part(cached.rrset, min(ttl_s, settings.stale_answer_ttl_s)))
            response.authority.extend(Part(proof, settings.stale_answer_ttl_s) for proof in cached.wildcard_proof)
            status = weaker(status, INDETERMINATE if cached.status == UNCHECKED else cached.status)
            if not alias:
                break
            current = rdata_name(TYPE_CNAME, cached.rrset.rdatas[0])
            continue
        negative = state.negatives.get_stale(current, rtype, now.monotonic_us, maximum_us)
        if negative is None or negative.status == BOGUS or negative.soa is None:
            return None
        if negative.kind == NXDOMAIN:
            response.rcode = RCODE_NXDOMAIN
        response.authority.append(Part(negative.soa, settings.stale_answer_ttl_s))
        response.authority.extend(Part(proof, settings.stale_answer_ttl_s) for proof in negative.proof)
        status = weaker(status, INDETERMINATE if negative.status == UNCHECKED else negative.status)
        break
    response.secure = status == SECURE
    nxdomain = response.rcode == RCODE_NXDOMAIN
    text = f"stale data for {to_text(name)} {type_name(rtype)}"
    code = EDE_STALE_NXDOMAIN_ANSWER if nxdomain else EDE_STALE_ANSWER
    response.causes.append(Cause(code, text, "stale.answer"))
    return response
