"""Which server of a zone to ask next: fast ones first, with some exploration, resting ones last."""

from typing import Final

from holdfast.base.instant import FOREVER_US, Instant
from holdfast.base.security_status import BOGUS
from holdfast.cache.delegation_cache import Delegation
from holdfast.dns.iana import TYPE_A, TYPE_AAAA
from holdfast.dns.name import ROOT, parent
from holdfast.resolve.delegation import hints_delegation, may_query
from holdfast.resolve.state import ResolverState

BAND_US: Final = 60_000  # servers this close to the fastest count as equally good and share the load
EXPLORE_ONE_IN: Final = 20  # share of queries that go to any usable server, so that estimates stay fresh
SILENCES: Final = 3  # in all, of a zone's servers, none of which has answered since
TRIES_PER_SERVER: Final = 3  # for one question


def known_addresses(state: ResolverState, delegation: Delegation, now: Instant) -> list[bytes]:
    """Return all addresses known for a delegation: glue and what look-ups of server names found."""
    addresses: list[bytes] = []
    learned = delegation.zone != ROOT and delegation.expires_us != FOREVER_US
    for server in delegation.servers:
        for address in server_addresses(state, server.name, server.addresses, now):
            if address not in addresses and may_query(state, address, learned):
                addresses.append(address)
    return addresses


def server_addresses(state: ResolverState, name: bytes, glue: list[bytes], now: Instant) -> list[bytes]:
    """Return the addresses of one name server: looked-up ones first, they are more credible than glue (RFC 2181 5.4.1).

    Glue counts from the delegation at hand and from those of the zones which the server's name lies in.
    """
    addresses: list[bytes] = []
    for rtype in (TYPE_A, TYPE_AAAA):
        cached = state.rrsets.get(name, rtype, now.monotonic_us)
        if cached is not None and cached.status != BOGUS:
            addresses.extend(cached.rrset.rdatas)
    own = state.delegations.deepest(name, now.monotonic_us)
    while own is not None and not own.forward:
        for server in own.servers:
            if server.name == name:
                glue = glue + server.addresses
        if addresses or glue or own.zone == ROOT:
            break
        own = state.delegations.deepest(parent(own.zone), now.monotonic_us)
    for address in glue:
        if address not in addresses:
            addresses.append(address)
    return addresses


def without_bad_signers(
    state: ResolverState, zone: bytes, addresses: list[bytes], excluded: list[bytes], now_us: int
) -> list[bytes]:
    """Leave out servers whose data for the zone failed validation lately, as long as others are left to ask."""
    bad = state.bad_signatures
    if not bad.signers:
        return addresses
    good: list[bytes] = []
    for address in addresses:
        if address not in excluded and not bad.is_bad_signer(zone, address, now_us):
            good.append(address)
    return good if good else addresses


def choose_server(
    state: ResolverState,
    zone: bytes,
    rtype: int,
    addresses: list[bytes],
    tried: dict[bytes, int],
    excluded: list[bytes],
    now: Instant,
) -> bytes:
    """Return the address to ask next, b"" if none is left. Resting servers are used only when all others were."""
    now_us = now.monotonic_us
    addresses = without_bad_signers(state, zone, addresses, excluded, now_us)
    usable: list[bytes] = []
    costs: list[int] = []
    resting: list[bytes] = []
    best_tries = TRIES_PER_SERVER
    for address in addresses:
        tries = tried.get(address, 0)
        if tries >= TRIES_PER_SERVER or address in excluded:
            continue
        server = state.servers.get(address, now_us)
        if server.is_lame(zone, rtype, now_us):
            continue
        if server.backoff_until_us > now_us:
            if tries == 0:
                resting.append(address)
            continue
        if tries > best_tries:
            continue
        if tries < best_tries:
            best_tries = tries
            usable = []
            costs = []
        usable.append(address)
        costs.append(server.selection_us())
    if not usable:
        return resting[state.entropy.server_choice.below(len(resting))] if resting else b""
    if len(usable) == 1:
        return usable[0]
    stream = state.entropy.server_choice
    if stream.below(EXPLORE_ONE_IN) == 0:
        return usable[stream.below(len(usable))]
    limit = min(costs) + BAND_US
    band = [usable[at] for at in range(len(usable)) if costs[at] <= limit]
    return band[stream.below(len(band))]


def were_silent(state: ResolverState, addresses: list[bytes], now: Instant) -> bool:
    """Tell whether each of these servers left the last query to it unanswered; one lost packet is no silence."""
    silences = 0
    for address in addresses:
        timeouts = state.servers.get(address, now.monotonic_us).timeouts
        if timeouts == 0:
            return False
        silences += timeouts
    return silences >= SILENCES


def hints_were_silent(state: ResolverState, now: Instant) -> bool:
    """Tell whether there is no use in priming: no root server answered when it was asked last."""
    addresses = known_addresses(state, hints_delegation(state, FOREVER_US), now)
    return were_silent(state, addresses, now)
