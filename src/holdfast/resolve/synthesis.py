"""Answers made from validated data about other names: RFC 8198, aggressive use of the DNSSEC-validated cache."""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.security_status import INSECURE, SECURE
from holdfast.cache.negative_cache import NODATA, NXDOMAIN
from holdfast.cache.rrset_cache import RANK_ANSWER, CachedRRset
from holdfast.dns.iana import TYPE_ANY, TYPE_CNAME, TYPE_DS, TYPE_NSEC, TYPE_RRSIG
from holdfast.dns.name import parent, suffix, wildcard_of
from holdfast.dns.rrset import RRset
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.resolve.classify import ANSWER, CNAME
from holdfast.resolve.delegation import is_separate
from holdfast.resolve.pending import LookupResult
from holdfast.resolve.state import ResolverState

BESIDE_ALIAS: Final = [TYPE_CNAME, TYPE_DS, TYPE_NSEC, TYPE_RRSIG, TYPE_ANY]  # asked of a CNAME's owner itself


def synthesised(
    state: ResolverState, name: bytes, rtype: int, needs_soa: bool, work: WorkBudget, now: Instant
) -> LookupResult | None:
    """Answer (name, type) from a cached wildcard, or deny it from cached proofs; None: the servers have to be asked.

    ``needs_soa``: without the zone's SOA a denial is of no use, because it goes to a client (RFC 2308 section 3).
    """
    if state.settings.zone_servers and _is_configured_apart(state, parent(name) if rtype == TYPE_DS else name):
        return None
    if rtype != TYPE_DS:
        expanded = _expanded(state, name, rtype, work, now)
        if expanded is not None:
            state.count("synthesised_answers")
            return expanded
    made = state.denials.synthesise(name, rtype, now.monotonic_us, work)
    if made is None or (needs_soa and made.soa is None):
        return None
    state.count("synthesised_denials")
    result = LookupResult(NXDOMAIN if made.nxdomain else NODATA)
    result.soa = made.soa
    result.proof = made.proof
    result.status = INSECURE if made.insecure else SECURE
    result.insecure_delegation = made.delegation
    result.stored_us = now.monotonic_us
    result.expires_us = made.expires_us
    result.proved_until_s = made.proved_until_s
    return result


def _is_configured_apart(state: ResolverState, name: bytes) -> bool:
    """Tell whether the known proofs are those of a zone above the forward or stub zone that ``name`` is in."""
    table = state.denials.table_above(name)
    return table is not None and is_separate(state, name, table.zone)


def _expanded(state: ResolverState, name: bytes, rtype: int, work: WorkBudget, now: Instant) -> LookupResult | None:
    """Expand a cached wildcard RRset, or the CNAME there (RFC 8198 section 5.3)."""
    found = state.denials.expansion(name, now.monotonic_us, work)
    if found is None:
        return None
    kind = ANSWER
    cached = state.rrsets.get(found.owner, rtype, now.monotonic_us)
    if cached is None and rtype not in BESIDE_ALIAS:
        kind = CNAME
        cached = state.rrsets.get(found.owner, TYPE_CNAME, now.monotonic_us)
    if cached is None or cached.status != SECURE:
        return None
    wildcard = cached.rrset
    result = LookupResult(kind)
    result.rrset = RRset(name, wildcard.rtype, wildcard.ttl, wildcard.rdatas, wildcard.signatures)
    result.proof = [found.proof.rrset]
    result.status = SECURE
    result.stored_us = now.monotonic_us
    result.expires_us = min(cached.expires_us, found.proof.expires_us)
    result.proved_until_s = min(cached.proved_until_s, found.proof.proved_until_s)
    return result


def learn_wildcard(
    state: ResolverState, rrset: RRset, labels: int, zone: bytes, expires_us: int, proved_until_s: int, now: Instant
) -> None:
    """Keep a secure RRset that was expanded from a wildcard of ``zone`` under the wildcard's own name, too.

    ``labels`` is the labels field of its RRSIG (RFC 4034 section 3.1.3), ``proved_until_s`` as for `CachedRRset`.
    """
    owner = wildcard_of(suffix(rrset.name, labels))
    wildcard = RRset(owner, rrset.rtype, rrset.ttl, rrset.rdatas, rrset.signatures)
    latest_us = now.monotonic_us + state.settings.maximum_ttl_s * 1_000_000
    entry = CachedRRset(wildcard, SECURE, RANK_ANSWER, now.monotonic_us, min(expires_us, latest_us), None, [])
    entry.proved_until_s = proved_until_s
    state.rrsets.put(entry, now.monotonic_us)
    state.denials.add_wildcard(zone, owner)
