"""Questions without RD: what the caches alone answer, and where else they send a client (RFC 1034 section 4.3.2)."""

from holdfast.base.audience import Audience
from holdfast.base.instant import Instant
from holdfast.base.security_status import BOGUS
from holdfast.cache.failure_cache import REFRESH_UNREACHABLE
from holdfast.dns.iana import FLAG_CD, RCODE_NOERROR, RCODE_SERVFAIL, TYPE_CNAME, TYPE_NS
from holdfast.dns.message import Question
from holdfast.dns.name import ROOT
from holdfast.dnssec.trust_view import PLAIN_VIEW
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.resolve.delegation import starting_point
from holdfast.resolve.state import ResolverState
from holdfast.resolve.synthesis import synthesised
from holdfast.service.respond import Response
from holdfast.service.serve_stale import maximum_stale_s, stale_link


def without_recursion(state: ResolverState, question: Question, audience: Audience, now: Instant) -> Response | None:
    """Return what to answer a question without RD that the caches fail or know nothing of; None: they know it."""
    now_us = now.monotonic_us
    if state.settings.serve_stale and state.settings.client_response_timer_ms == 0:
        limit_s = maximum_stale_s(state.settings, REFRESH_UNREACHABLE)
        if stale_link(state, question.qname, question.qtype, limit_s, "", now) is not None:
            return None
    checking_disabled = question.flags & FLAG_CD != 0
    view = PLAIN_VIEW if checking_disabled else state.negative_anchors.view(audience, question.qtype)
    failure = state.failures.get(view.key(question.qname), question.qtype, now_us)
    if failure is not None and (failure.status != BOGUS or not checking_disabled):
        response = Response(RCODE_SERVFAIL)
        response.causes.extend(failure.causes)
        return response
    if (
        state.rrsets.get(question.qname, question.qtype, now_us) is not None
        or state.rrsets.get(question.qname, TYPE_CNAME, now_us) is not None
        or state.negatives.get(question.qname, question.qtype, now_us) is not None
    ):
        return None
    aggressive = state.settings.aggressive_denial and state.settings.validate and not checking_disabled
    if aggressive and synthesised(state, question.qname, question.qtype, True, WorkBudget(), now) is not None:
        return None
    return Response(RCODE_NOERROR)


def cut_to_refer_to(state: ResolverState, question: Question, now: Instant) -> bytes:
    """Return the deepest zone on the way to a question whose NS RRset is cached; b"": the root, or none."""
    zone = starting_point(state, question.qname, question.qtype, False, now)
    if zone is None or zone.forward or zone.zone == ROOT:
        return b""
    known = state.rrsets.get(zone.zone, TYPE_NS, now.monotonic_us)
    return zone.zone if known is not None else b""
