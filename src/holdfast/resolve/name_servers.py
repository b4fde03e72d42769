"""The NS RRset that came along with an answer: worth keeping only for answers that are not minimal."""

from holdfast.base.instant import Instant
from holdfast.base.security_status import BOGUS, SECURE, UNCHECKED
from holdfast.cache.rrset_cache import RANK_ANSWER, CachedRRset
from holdfast.dns.iana import FLAG_AA, TYPE_NS
from holdfast.dns.message import Message
from holdfast.dns.name import is_subdomain
from holdfast.dnssec.rrsig import verify_rrset
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget


def learn_name_servers(
    state: ResolverState,
    message: Message,
    zone: bytes,
    name: bytes,
    status: int,
    budget: RequestBudget,
    now: Instant,
) -> None:
    """Keep the NS RRset in the authority section of an answer about ``name`` from a server of ``zone``.

    It is stored with the answer's ``status``, but as secure only if its own signature holds. It is shown to clients and
    leads nowhere: delegations are the parent's word (``DelegationCache``).
    """
    now_us = now.monotonic_us
    for rrset in message.authority:
        if rrset.rtype != TYPE_NS or not rrset.rdatas:
            continue
        if not message.flags & FLAG_AA and not (rrset.signatures and status in (SECURE, UNCHECKED)):
            continue  # only a signature, checked now or when it is first used, can stand in for authority
        if not is_subdomain(rrset.name, zone) or not is_subdomain(name, rrset.name):
            continue
        ttl_s = rrset.ttl
        if status == SECURE:
            trust = state.trust.get(budget.view.key(rrset.name), now_us)
            if trust is None or trust.status != SECURE or trust.zone != rrset.name:
                continue
            time_s = state.validation_time_s(now)
            verdict = verify_rrset(rrset, trust.zone, trust.keys, state.verifier, budget.work, time_s, state.policy)
            if verdict.status != SECURE:
                continue
            ttl_s = min(ttl_s, verdict.ttl)
        known = state.rrsets.get(rrset.name, TYPE_NS, now_us)
        if known is not None and known.status != BOGUS:
            continue
        settings = state.settings
        ttl_s = min(max(ttl_s, settings.minimum_ttl_s), settings.maximum_ttl_s)
        entry = CachedRRset(rrset, status, RANK_ANSWER, now_us, now_us + ttl_s * 1_000_000, None, [])
        state.rrsets.put(entry, now_us)
