"""Going on below a parent that cannot be believed or reached, with what it said last in a form that was validated.

A signed child keeps being validated by its last validated DS, an unsigned child keeps being unsigned by its last
validated proof of no DS, and expired name server sets lead on where no server of the parent answers. Three bounds:
the validity of the signatures that proved the old data (RFC 4035 section 5.3.1), a maximum age, and the parent's own
word as soon as it validates again: then the cut ends at once, and with it everything that a changed DS no longer
vouches for (the ghost domain rule).
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.security_status import INSECURE, SECURE
from holdfast.cache.delegation_cache import Delegation
from holdfast.cache.negative_cache import NODATA
from holdfast.cache.stale_cut import StaleCut, same_rrset
from holdfast.dns.iana import EDE_STALE_ANSWER, TYPE_DS
from holdfast.dns.name import is_subdomain, parent, to_text
from holdfast.dns.rrset import RRset
from holdfast.resolve.recall import forget_subtree, recall, recall_delegations
from holdfast.resolve.state import ResolverState


class LastDelegation:
    """What a parent said last of a child: its DS RRset, or, ``ds`` None, that there is none."""

    def __init__(self, ds: RRset | None, stored_us: int, expires_us: int, proved_until_s: int) -> None:
        self.ds: Final = ds
        self.stored_us: Final = stored_us
        self.expires_us: Final = expires_us
        self.proved_until_s: Final = proved_until_s


def last_delegation(state: ResolverState, zone: bytes, now: Instant) -> LastDelegation | None:
    """Return the validated DS state of a zone that was learned last, if it may still be used; else None."""
    recall(state, zone, TYPE_DS, now)
    ds = state.rrsets.get_stale(zone, TYPE_DS, False)
    denial = state.negatives.get_stale(zone, TYPE_DS, False)
    last: LastDelegation | None = None
    if ds is not None and (denial is None or ds.stored_us >= denial.stored_us):
        if ds.status == SECURE:
            last = LastDelegation(ds.rrset, ds.stored_us, ds.expires_us, ds.proved_until_s)
    elif denial is not None and denial.kind == NODATA and (denial.insecure_delegation or denial.status == INSECURE):
        last = LastDelegation(None, denial.stored_us, denial.expires_us, denial.proved_until_s)
    if last is None or not within_bounds(state, last.expires_us, now):
        return None
    validation_time_s = state.validation_time_s(now)
    return last if validation_time_s < 0 or last.proved_until_s > validation_time_s else None


def signed_cut_between(state: ResolverState, name: bytes, zone: bytes, now: Instant) -> bytes:
    """Return the deepest zone at or above ``name`` and below ``zone`` that is known to be signed; b"": none is."""
    while len(name) > len(zone):
        last = last_delegation(state, name, now)
        if last is not None and last.ds is not None:
            return name
        name = parent(name)
    return b""


def within_bounds(state: ResolverState, expires_us: int, now: Instant) -> bool:
    """Tell whether delegation data that expired at ``expires_us`` is not too old."""
    settings = state.settings
    if not settings.last_known_good:
        return False
    return expires_us + settings.last_known_good_maximum_s * 1_000_000 > now.monotonic_us


def open_cut(state: ResolverState, zone: bytes, last: LastDelegation, cause: Cause | None, now: Instant) -> StaleCut:
    """Cross a zone cut with old DS data."""
    age_min = (now.monotonic_us - last.stored_us) // 60_000_000
    what = "proof of no DS" if last.ds is None else "DS"
    text = f"zone cut {to_text(zone)} crossed with its {what} validated {age_min} min ago"
    if cause is not None:
        text += f"; {cause.extra_text}"
    return state.cuts.open(StaleCut(zone, True, last.ds, Cause(EDE_STALE_ANSWER, text, "last-known-good.ds")))


def stale_name_servers(state: ResolverState, name: bytes, rtype: int, zone: bytes, now: Instant) -> Delegation | None:
    """Return the expired delegation closest to ``name`` below ``zone``, whose servers all failed; None: none."""
    start = parent(name) if rtype == TYPE_DS and name != zone else name
    recall_delegations(state, start, zone, now)
    while len(start) > len(zone):
        found = state.delegations.get_stale(start)
        if found is not None and found.expires_us <= now.monotonic_us and within_bounds(state, found.expires_us, now):
            return found
        start = parent(start)
    return None


def open_server_cut(state: ResolverState, delegation: Delegation, parent_zone: bytes, now: Instant) -> StaleCut:
    """Cross a zone cut with old name servers."""
    age_min = (now.monotonic_us - delegation.expires_us) // 60_000_000
    zone = delegation.zone
    text = f"zone cut {to_text(zone)} crossed with name servers that expired {age_min} min ago"
    text += f"; no server of {to_text(parent_zone)} answers"
    known = state.cuts.cuts.get(zone)
    if known is not None:
        return state.cuts.open(known)
    return state.cuts.open(StaleCut(zone, False, None, Cause(EDE_STALE_ANSWER, text, "last-known-good.servers")))


def end_server_cuts(state: ResolverState, zone: bytes) -> None:
    """The servers of ``zone`` are heard again: what was crossed because of their silence is asked for afresh."""
    for cut in state.cuts.cuts.values():
        if cut.zone != zone and is_subdomain(cut.zone, zone):
            delegation = state.delegations.get_stale(cut.zone)
            if delegation is not None:
                delegation.crossed_until_us = 0


def settle(state: ResolverState, zone: bytes, ds: RRset | None, is_delegation: bool, now: Instant) -> None:
    """Take the parent's validated word on the DS of ``zone``: it ends the cut, and a changed one all that rests on it.

    ``ds`` None: there is none; ``is_delegation`` False: the parent has no such zone cut any more.
    """
    cut = state.cuts.close(zone)
    if cut is None or not cut.has_ds_state:
        return
    if is_delegation and same_rrset(cut.ds, ds):
        return
    state.record("stale-cut-changed", zone.decode("latin-1"), "what rested on the old delegation is dropped")
    forget_subtree(state, zone, now)
