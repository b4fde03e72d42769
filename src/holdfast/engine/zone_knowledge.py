"""What the engine knows of a zone beside answers: its servers, what was validated last, which names clients asked for.

For those who look into a zone that fails. Nothing here changes what is known.
"""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.security_status import SECURE
from holdfast.cache.delegation_cache import Delegation
from holdfast.cache.key_cache import ZoneTrust
from holdfast.cache.negative_cache import NODATA, NegativeEntry
from holdfast.cache.rrset_cache import TYPE_OCTETS, CachedRRset
from holdfast.dns.name import ROOT, is_subdomain, label_count, parent, suffix
from holdfast.resolve.delegation import configured_delegation, find_configured, hints_delegation
from holdfast.resolve.recall import recall, recall_delegations
from holdfast.resolve.state import ResolverState

ENTRIES_EXAMINED: Final = 50_000  # of each cache when names are looked for: some milliseconds


class LastValidated:
    """An RRset that was validated (``rdatas`` empty: the absence of the type), and when (POSIX seconds)."""

    def __init__(self, rdatas: list[bytes], signatures: list[bytes], validated_s: int) -> None:
        self.rdatas: Final = rdatas
        self.signatures: Final = signatures
        self.validated_s: Final = validated_s


def last_validated(state: ResolverState, name: bytes, rtype: int, now: Instant) -> LastValidated | None:
    """Return what was validated last of an RRset, however old, from memory or the second level."""
    recall(state, name, rtype, now)
    positive: CachedRRset | None = state.rrsets.get_stale(name, rtype, False)
    if positive is not None and positive.status != SECURE:
        positive = None
    negative: NegativeEntry | None = state.negatives.get_stale(name, rtype, False)
    # Only NODATA can be compared: in a zone with opt-out an unsigned delegation may take the place of an NXDOMAIN.
    if negative is not None and (negative.status != SECURE or negative.kind != NODATA):
        negative = None
    if negative is not None and (positive is None or negative.stored_us > positive.stored_us):
        return LastValidated([], [], wall_s(negative.stored_us, now))
    if positive is None:
        return None
    return LastValidated(positive.rrset.rdatas, positive.rrset.signatures, wall_s(positive.stored_us, now))


def wall_s(moment_us: int, now: Instant) -> int:
    """Return the POSIX time of a monotonic moment."""
    return now.wall_s - (now.monotonic_us - moment_us) // 1_000_000


def servers_of(state: ResolverState, zone: bytes, now: Instant) -> Delegation | None:
    """Return the servers of exactly this zone, as the configuration or the parent names them; None: not known."""
    configured = find_configured(state, zone)
    if configured is not None and (configured.zone == zone or configured.forward):
        return configured_delegation(state, configured)
    recall_delegations(state, zone, parent(zone), now)
    known = state.delegations.get_stale(zone)
    if known is None and zone == ROOT:
        return hints_delegation(state, now.monotonic_us)
    return known


def trust_above(state: ResolverState, zone: bytes, now: Instant) -> ZoneTrust | None:
    """Return what is known of the keys of the zone that delegates ``zone``."""
    return state.trust.get(parent(zone), now.monotonic_us)


def names_below(state: ResolverState, zone: bytes, count: int) -> list[bytes]:
    """Return names one label below ``zone`` that clients needed lately: what fails first, then delegations.

    At most ``count`` of each, the newest first.
    """
    found: dict[bytes, bool] = {}
    below(list(state.failures.table.entries), TYPE_OCTETS, zone, found, count)
    below(list(state.delegations.table.entries), 0, zone, found, len(found) + count)
    return list(found)


def below(keys: list[bytes], type_octets: int, zone: bytes, found: dict[bytes, bool], most: int) -> None:
    """Add the names one label below ``zone`` on the way to the names in ``keys``, the last ones first."""
    labels = label_count(zone) + 1
    first = max(len(keys) - ENTRIES_EXAMINED, 0)
    for at in range(len(keys) - 1, first - 1, -1):
        if len(found) >= most:
            return
        name = keys[at][: len(keys[at]) - type_octets]
        if name != zone and is_subdomain(name, zone):
            found[suffix(name, labels)] = True
