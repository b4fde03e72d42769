"""Expired data when fresh data cannot be had (RFC 8767), also when it cannot be validated.

A stale answer is made link by link: a stale alias does not keep its target from being resolved afresh.
"""

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.security_status import BOGUS, INDETERMINATE, UNCHECKED
from holdfast.base.settings import EngineSettings
from holdfast.cache.failure_cache import REFRESH_BOGUS, REFRESH_ERROR
from holdfast.cache.negative_cache import NXDOMAIN, NegativeEntry
from holdfast.cache.rrset_cache import CachedRRset
from holdfast.dns.iana import EDE_STALE_ANSWER, EDE_STALE_NXDOMAIN_ANSWER, TYPE_CNAME, TYPE_DNAME, TYPE_DS, type_name
from holdfast.dns.name import ROOT, parent, to_text
from holdfast.resolve.classify import ANSWER, CNAME, DNAME
from holdfast.resolve.delegation import is_separate
from holdfast.resolve.pending import LookupResult
from holdfast.resolve.recall import recall
from holdfast.resolve.state import ResolverState


def maximum_stale_s(settings: EngineSettings, failure: int) -> int:
    """Return how old data may be, in seconds beyond its TTL, given why it could not be refreshed (REFRESH_*)."""
    limit_s = settings.maximum_stale_unreachable_s
    if failure == REFRESH_BOGUS:
        limit_s = settings.maximum_stale_bogus_s
    elif failure == REFRESH_ERROR:
        limit_s = settings.maximum_stale_error_s
    return min(limit_s, settings.maximum_stale_timer_s)


def stale_link(
    state: ResolverState, name: bytes, rtype: int, maximum_s: int, why: str, now: Instant
) -> LookupResult | None:
    """Return what was known last of a name and type, if that ended less than ``maximum_s`` seconds ago; else None.

    What was judged last counts, positive or negative, and bogus data never. ``why`` says what keeps fresh data away.
    """
    if maximum_s <= 0:
        return None
    recall(state, name, rtype, now)
    unchecked = not state.settings.validate
    oldest_us = now.monotonic_us - maximum_s * 1_000_000
    kind = ANSWER
    cached = state.rrsets.get_stale(name, rtype, unchecked)
    if rtype not in (TYPE_CNAME, TYPE_DNAME, TYPE_DS):
        alias = state.rrsets.get_stale(name, TYPE_CNAME, unchecked)
        if alias is not None and (cached is None or alias.stored_us > cached.stored_us):
            cached = alias
            kind = CNAME
    negative = state.negatives.get_stale(name, rtype, unchecked)
    above = state.negatives.get_stale_nxdomain_cut(name)
    if above is not None and is_separate(state, name, above.name):
        above = None
    if above is not None and (negative is None or above.stored_us > negative.stored_us):
        negative = above  # a parent that denied the zone later than the data is from: no ghost domain comes back
    if negative is not None and (cached is None or negative.stored_us > cached.stored_us):
        if negative.expires_us <= oldest_us or negative.soa is None:
            return None
        return stale_denial(state, negative, rtype, why, now)
    if cached is None:
        ancestor = name
        while ancestor != ROOT and cached is None:
            ancestor = parent(ancestor)
            cached = state.rrsets.get_stale(ancestor, TYPE_DNAME, unchecked)
            kind = DNAME
    if cached is None or cached.expires_us <= oldest_us or cached.status == BOGUS:
        return None
    return stale_rrset(state, cached, kind, name, rtype, why, now)


def stale_rrset(
    state: ResolverState, cached: CachedRRset, kind: int, name: bytes, rtype: int, why: str, now: Instant
) -> LookupResult:
    """Make a result of positive data."""
    result = LookupResult(kind)
    result.rrset = cached.rrset
    result.proof = cached.wildcard_proof
    shown_s = min(cached.remaining_s(now.monotonic_us) or cached.rrset.ttl, state.settings.stale_answer_ttl_s)
    finish(state, result, cached.status, cached.proved_until_s, cached.expires_us, shown_s, now)
    if result.stale:
        text = f"{to_text(name)} {type_name(rtype)} {age_text(cached.expires_us, now)}{why}"
        result.causes.append(Cause(EDE_STALE_ANSWER, text, "stale.answer"))
    return result


def stale_denial(state: ResolverState, entry: NegativeEntry, rtype: int, why: str, now: Instant) -> LookupResult:
    """Make a result of a denial."""
    result = LookupResult(entry.kind)
    result.soa = entry.soa
    result.proof = entry.proof
    shown_s = state.settings.stale_answer_ttl_s
    if entry.soa is not None:
        shown_s = min(entry.remaining_s(now.monotonic_us) or entry.soa.ttl, shown_s)
    finish(state, result, entry.status, entry.proved_until_s, entry.expires_us, shown_s, now)
    if result.stale:
        code = EDE_STALE_NXDOMAIN_ANSWER if entry.kind == NXDOMAIN else EDE_STALE_ANSWER
        text = f"denial of {to_text(entry.name)} {type_name(rtype)} {age_text(entry.expires_us, now)}{why}"
        result.causes.append(Cause(code, text, "stale.denial"))
    return result


def finish(
    state: ResolverState,
    result: LookupResult,
    status: int,
    proved_until_s: int,
    expires_us: int,
    shown_s: int,
    now: Instant,
) -> None:
    """Set status and times: authenticated only while the signatures that proved the data are valid."""
    result.status = INDETERMINATE if status == UNCHECKED else status
    if state.validation_time_s(now) >= 0 and proved_until_s <= state.validation_time_s(now):
        result.status = INDETERMINATE
    result.stale = expires_us <= now.monotonic_us
    result.stored_us = now.monotonic_us
    result.expires_us = now.monotonic_us + shown_s * 1_000_000


def age_text(expires_us: int, now: Instant) -> str:
    """Say how long ago data expired."""
    age_s = (now.monotonic_us - expires_us) // 1_000_000
    if age_s >= 3600:
        return f"expired {age_s // 3600} h {age_s % 3600 // 60} min ago"
    return f"expired {age_s // 60} min {age_s % 60} s ago"
