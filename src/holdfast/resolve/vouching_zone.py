"""Which zone has to vouch for data: the one that says it signed them, unless that cannot be left to the data."""

from holdfast.base.instant import Instant
from holdfast.dns.iana import TYPE_DS
from holdfast.dns.name import ROOT, is_subdomain, parent
from holdfast.dns.rdata import parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.trust_view import TrustView
from holdfast.resolve.last_known_good import signed_cut_between
from holdfast.resolve.state import ResolverState


def vouching_zone(
    state: ResolverState,
    view: TrustView,
    owner: bytes,
    rtype: int,
    sets: list[RRset],
    denied_by: bytes,
    now: Instant,
) -> bytes:
    """Return the zone for data about ``owner`` and ``rtype``; ``sets`` are the RRsets with the signatures.

    ``denied_by`` is the zone whose servers have denied that the name exists, b"": it does, or nobody knows.

    What a trust anchor vouches for cannot be signed from above it: that zone may be insecure, and would let anything
    pass (as in CVE-2026-50106). But a parent may say that it has no such zone any more, unless a negative trust anchor
    is what would let that pass: the anchor says how the zone is signed and not that it exists, and without known keys
    of the parent nobody can tell (indeterminate, RFC 4035 section 4.3), so there is no AD. Where a negative trust
    anchor excuses the failures of a zone, nothing may hide behind it that belongs to a signed zone below, and nothing
    loses by it that claims to be from a zone above.
    """
    claimed = claimed_signer(owner, rtype, sets)
    island = closest_anchor(state, parent(owner) if rtype == TYPE_DS and owner != ROOT else owner)
    if len(claimed) < len(island):
        from_above = 0 < len(denied_by) < len(island)
        if not from_above or state.negative_anchors.covering(claimed, 0, view):
            return island
    covering = state.negative_anchors.covering(owner, rtype, view)
    if not covering or len(claimed) > len(covering[0].zone):
        return claimed
    anchor = covering[0]
    if anchor.scope.below_strict:
        name = parent(owner) if rtype == TYPE_DS else owner
        cut = signed_cut_between(state, name, anchor.zone, now) or known_cut_between(
            state, view, name, anchor.zone, now
        )
        if cut:
            return cut
    return anchor.zone


def known_cut_between(state: ResolverState, view: TrustView, name: bytes, zone: bytes, now: Instant) -> bytes:
    """Return the deepest zone at or above ``name`` and below ``zone`` that may be signed, if one is known; b"": none.

    Either all servers of its parent agree on its DS, or it is known that it is a zone: then they are asked.
    """
    while len(name) > len(zone):
        if state.agreements.get(view.key(name), now.monotonic_us) is not None:
            return name
        if state.delegations.get(name, now.monotonic_us) is not None:
            return name
        name = parent(name)
    return b""


def closest_anchor(state: ResolverState, name: bytes) -> bytes:
    """Return the closest zone at or above ``name`` that has a trust anchor; the root if none has."""
    if len(state.anchors) > 1 or ROOT not in state.anchors:
        while name != ROOT:
            anchor = state.anchors.get(name)
            if anchor is not None and not anchor.deleted():
                return name
            name = parent(name)
    return ROOT


def claimed_signer(owner: bytes, rtype: int, sets: list[RRset]) -> bytes:
    """Return the zone that signed the data as they say, or, unsigned, the name whose zone should have."""
    for rrset in sets:
        for rdata in rrset.signatures:
            signature = parse_rrsig(rdata)
            if signature is None or not is_subdomain(owner, signature.signer):
                continue
            if rtype == TYPE_DS and signature.signer == owner and owner != ROOT:
                continue  # a zone does not speak about its own DS (RFC 4035 section 5.2)
            return signature.signer
    if rtype == TYPE_DS and owner != ROOT:
        return parent(owner)
    return owner
