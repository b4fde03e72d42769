"""Keeping judged data in the second-level cache, and taking it back when memory has nothing.

Only what was judged secure or insecure is kept, and never what rests on a stale zone cut: the mark would be lost. The
newer of positive and negative data is taken back, as memory would hold it.
"""

from typing import Final

from holdfast.base.effects import Forget, Remember
from holdfast.base.instant import Instant
from holdfast.base.security_status import INSECURE, SECURE
from holdfast.cache.delegation_cache import Delegation
from holdfast.cache.negative_cache import ANY_TYPE, NXDOMAIN, NegativeEntry
from holdfast.cache.rrset_cache import CachedRRset
from holdfast.cache.second_level import (
    KIND_DELEGATION,
    KIND_DENIAL,
    KIND_RRSET,
    decode_delegation,
    decode_denial,
    decode_rrset,
    encode_delegation,
    encode_denial,
    encode_rrset,
    record_key,
    zone_prefix,
)
from holdfast.dns.iana import TYPE_CNAME, TYPE_DS, TYPE_NS
from holdfast.dns.name import ROOT, is_subdomain, parent
from holdfast.resolve.state import ResolverState

HIGHEST_TYPE: Final = 257  # CAA: beyond it stand only types that hardly anybody uses
FORGOTTEN_ZONES: Final = 1000  # remembered until the store has surely dropped them ...
FORGOTTEN_US: Final = 60_000_000  # ... which takes it seconds
STORED_ERROR_US: Final = 2_000_000  # records count whole seconds, and so does the clock that they are read by


def remember_rrset(state: ResolverState, entry: CachedRRset, now: Instant) -> None:
    """Keep a judged RRset."""
    if state.second_level is None or entry.status not in (SECURE, INSECURE) or entry.stale_cut is not None:
        return
    key = record_key(KIND_RRSET, entry.rrset.name, entry.rrset.rtype)
    value = encode_rrset(key, entry, now)
    if value:
        state.effects.append(Remember(key, value))


def remember_denial(state: ResolverState, entry: NegativeEntry, rtype: int, now: Instant) -> None:
    """Keep a judged denial."""
    if state.second_level is None or entry.status not in (SECURE, INSECURE) or entry.stale_cut is not None:
        return
    key = record_key(KIND_DENIAL, entry.name, ANY_TYPE if entry.kind == NXDOMAIN else rtype)
    value = encode_denial(key, entry, now)
    if value:
        state.effects.append(Remember(key, value))


def remember_delegation(state: ResolverState, delegation: Delegation, now: Instant) -> None:
    """Keep a zone cut."""
    if state.second_level is None:
        return
    key = record_key(KIND_DELEGATION, delegation.zone, TYPE_NS)
    value = encode_delegation(key, delegation, now)
    if value:
        state.effects.append(Remember(key, value))


def forget_subtree(state: ResolverState, zone: bytes, now: Instant) -> int:
    """Drop everything at and below ``zone``, here and in the store; returns how many entries memory had."""
    forget_records(state, zone, zone_prefix(zone), now)
    state.agreements.remove_subtree(zone)
    return (
        state.rrsets.remove_subtree(zone)
        + state.negatives.remove_subtree(zone)
        + state.failures.remove_subtree(zone)
        + state.trust.remove_subtree(zone)
        + state.delegations.remove_subtree(zone)
        + state.denials.remove_subtree(zone)
    )


def forget_name(state: ResolverState, name: bytes, now: Instant) -> int:
    """Drop everything at ``name``, here and in the store; returns how many RRsets memory had."""
    forget_records(state, name, zone_prefix(name) + b"\x00", now)
    count = 0
    keys = state.negative_anchors.keys(name)
    for rtype in range(1, HIGHEST_TYPE + 1):
        count += 1 if state.rrsets.remove(name, rtype) else 0
        state.negatives.remove(name, rtype)
        for key in keys:
            state.failures.remove(key, rtype)
    for key in keys:
        state.trust.remove(key)
        state.agreements.remove(key)
    return count


def forget_records(state: ResolverState, zone: bytes, prefix: bytes, now: Instant) -> None:
    """Drop records from the store, and do not believe older ones before that has happened."""
    if state.second_level is None:
        return
    for known in list(state.forgotten):
        if len(state.forgotten) < FORGOTTEN_ZONES and state.forgotten[known] + FORGOTTEN_US > now.monotonic_us:
            break
        del state.forgotten[known]
    state.forgotten.pop(zone, None)
    state.forgotten[zone] = now.monotonic_us
    state.effects.append(Forget(prefix))


def was_forgotten(state: ResolverState, name: bytes, stored_us: int) -> bool:
    """Tell whether a record is from before its zone was dropped, which the store may not have done yet."""
    for zone, forgotten_us in state.forgotten.items():
        if stored_us <= forgotten_us + STORED_ERROR_US and is_subdomain(name, zone):
            return True
    return False


def recall(state: ResolverState, name: bytes, rtype: int, now: Instant) -> bool:
    """Take what is kept of a question into memory, however old; False: nothing that memory does not have."""
    if state.second_level is None:
        return False
    found = recall_type(state, name, rtype, now)
    if rtype not in (TYPE_CNAME, TYPE_DS) and recall_type(state, name, TYPE_CNAME, now):
        found = True
    return found


def recall_type(state: ResolverState, name: bytes, rtype: int, now: Instant) -> bool:
    """Take back the RRset or the denial of one type, whichever is newer."""
    second_level = state.second_level
    if second_level is None or state.rrsets.get_stale(name, rtype, False) is not None:
        return False
    if state.negatives.get_stale(name, rtype, False) is not None:
        return False
    entry: CachedRRset | None = None
    key = record_key(KIND_RRSET, name, rtype)
    value = second_level.get(key)
    if value is not None:
        entry = decode_rrset(key, value, now)
        if entry is not None and was_forgotten(state, name, entry.stored_us):
            entry = None
    newest: NegativeEntry | None = None
    for denied in (rtype, ANY_TYPE):
        key = record_key(KIND_DENIAL, name, denied)
        value = second_level.get(key)
        denial = decode_denial(key, value, now) if value is not None else None
        if denial is None or was_forgotten(state, name, denial.stored_us):
            continue
        if newest is None or denial.stored_us > newest.stored_us:
            newest = denial
    if newest is not None and (entry is None or newest.stored_us > entry.stored_us):
        state.negatives.put(newest, rtype)
    elif entry is not None:
        state.rrsets.put(entry, now.monotonic_us)
    else:
        return False
    state.count("recalled_records")
    return True


def recall_delegations(state: ResolverState, name: bytes, zone: bytes, now: Instant) -> None:
    """Take the kept zone cuts between ``zone`` and ``name`` into memory."""
    second_level = state.second_level
    while second_level is not None and len(name) > len(zone) and name != ROOT:
        if state.delegations.get_stale(name) is None:
            key = record_key(KIND_DELEGATION, name, TYPE_NS)
            value = second_level.get(key)
            delegation = decode_delegation(key, value, now) if value is not None else None
            if delegation is not None:
                state.delegations.put(delegation)
        name = parent(name)
