"""From a name to the zone cut to start at, and from referrals to new zone cuts."""

from holdfast.base.instant import FOREVER_US, Instant
from holdfast.base.limits import ADDRESSES_PER_NAME_SERVER, NAME_SERVERS_PER_ZONE
from holdfast.base.security_status import UNCHECKED
from holdfast.base.settings import AccessRule, ZoneServers
from holdfast.cache.delegation_cache import Delegation, NameServer
from holdfast.cache.negative_cache import NODATA, NegativeEntry
from holdfast.cache.rrset_cache import RANK_REFERRAL, CachedRRset
from holdfast.cache.server_cache import PORT_OCTETS, address_of
from holdfast.dns.iana import TYPE_A, TYPE_AAAA, TYPE_DS, TYPE_NS
from holdfast.dns.message import Message
from holdfast.dns.name import ROOT, is_subdomain, parent
from holdfast.dns.rdata import rdata_name
from holdfast.resolve.classify import ANSWER, Classified
from holdfast.resolve.recall import remember_delegation
from holdfast.resolve.state import ResolverState


def configured_delegation(state: ResolverState, zone_servers: ZoneServers) -> Delegation:
    """Turn a forward or stub zone of the configuration into a delegation."""
    servers: list[NameServer] = []
    port = state.settings.upstream_port
    addresses = [
        server.address if server.port == port else server.address + server.port.to_bytes(PORT_OCTETS, "big")
        for server in zone_servers.servers
    ]
    if addresses:
        servers.append(NameServer(ROOT, addresses))
    for name in zone_servers.server_names:
        servers.append(NameServer(name, []))
    delegation = Delegation(zone_servers.zone, servers, FOREVER_US, port, zone_servers.forward)
    delegation.fallback = zone_servers.fallback
    delegation.tcp_only = zone_servers.tcp_only
    return delegation


def hints_delegation(state: ResolverState, expires_us: int) -> Delegation:
    """Return the root as the hints file knows it."""
    servers = [NameServer(hint.name, hint.addresses) for hint in state.settings.root_servers]
    return Delegation(ROOT, servers, expires_us, state.settings.upstream_port, False)


def find_configured(state: ResolverState, name: bytes) -> ZoneServers | None:
    """Return the deepest forward or stub zone at or above ``name``."""
    best: ZoneServers | None = None
    for candidate in state.settings.zone_servers:
        if is_subdomain(name, candidate.zone) and (best is None or len(candidate.zone) > len(best.zone)):
            best = candidate
    return best


def is_separate(state: ResolverState, name: bytes, ancestor: bytes) -> bool:
    """Tell whether a forward or stub zone at or above ``name`` begins below ``ancestor``.

    What is known of ``ancestor`` (that it does not exist, or is renamed) says nothing about names in such a zone.
    """
    if not state.settings.zone_servers:
        return False
    configured = find_configured(state, name)
    return configured is not None and len(configured.zone) > len(ancestor)


def starting_point(
    state: ResolverState, name: bytes, rtype: int, without_forward: bool, now: Instant
) -> Delegation | None:
    """Return the deepest known delegation for a question; None: even the root is unknown (prime first).

    DS records live in the parent (RFC 4035 section 3.1.4.1), so their search starts above the name.
    """
    start = name
    if rtype == TYPE_DS and name != ROOT:
        start = parent(name)
    learned = state.delegations.deepest(start, now.monotonic_us)
    if not without_forward and state.settings.zone_servers:
        configured = find_configured(state, start)
        if configured is not None and (
            learned is None or configured.forward or len(learned.zone) <= len(configured.zone)
        ):
            return configured_delegation(state, configured)
    return learned


def learn_referral(
    state: ResolverState, found: Classified, message: Message, port: int, now: Instant
) -> Delegation | None:
    """Store the zone cut of a referral with its glue, and the DS RRset or its denial for later validation."""
    cut = found.cut
    if cut is None:
        return None
    ttl_s = min(max(cut.ttl, state.settings.minimum_ttl_s), state.settings.maximum_ttl_s)
    delegation = make_delegation(state, cut.name, [rdata_name(TYPE_NS, rdata) for rdata in cut.rdatas], message, port)
    fresh = Delegation(cut.name, delegation, now.monotonic_us + ttl_s * 1_000_000, port, False)
    state.delegations.put(fresh)
    remember_delegation(state, fresh, now)
    old = state.cuts.cuts.get(fresh.zone)
    if old is not None and not old.has_ds_state:
        state.cuts.close(fresh.zone)
    learn_ds(state, found, cut.name, now)
    return fresh


def learn_root(state: ResolverState, found: Classified, message: Message, now: Instant) -> None:
    """Take the root's name servers from the priming response (RFC 9609 section 3.3)."""
    rrset = found.rrset
    if found.kind != ANSWER or rrset is None:
        return
    port = state.settings.upstream_port
    servers = make_delegation(state, ROOT, [rdata_name(TYPE_NS, rdata) for rdata in rrset.rdatas], message, port)
    for hint in state.settings.root_servers:
        for server in servers:
            if server.name == hint.name and not server.addresses:
                server.addresses.extend(hint.addresses)
    if not any(server.addresses for server in servers):
        return
    expires_us = now.monotonic_us + min(rrset.ttl, state.settings.maximum_ttl_s) * 1_000_000
    state.delegations.put(Delegation(ROOT, servers, expires_us, port, False))


def make_delegation(
    state: ResolverState, zone: bytes, names: list[bytes], message: Message, port: int
) -> list[NameServer]:
    """Pair name servers with the addresses in the additional section, within limits."""
    servers: list[NameServer] = []
    for name in names[:NAME_SERVERS_PER_ZONE]:
        addresses: list[bytes] = []
        for rrset in message.additional:
            if rrset.name == name and (rrset.rtype == TYPE_A or rrset.rtype == TYPE_AAAA):
                addresses.extend(rrset.rdatas)
        servers.append(NameServer(name, addresses[:ADDRESSES_PER_NAME_SERVER]))
    return servers


def learn_ds(state: ResolverState, found: Classified, zone: bytes, now: Instant) -> None:
    """Keep the DS RRset of a referral, or the signed denial of it, unchecked; validation looks at it when needed."""
    now_us = now.monotonic_us
    if found.ds is not None and found.ds.signatures:
        ttl_s = min(found.ds.ttl, state.settings.maximum_ttl_s)
        entry = CachedRRset(found.ds, UNCHECKED, RANK_REFERRAL, now_us, now_us + ttl_s * 1_000_000, None, [])
        old = state.rrsets.get(zone, TYPE_DS, now_us)
        if old is None or old.status == UNCHECKED:
            state.rrsets.put(entry, now_us)
            state.negatives.discard_attempt(zone, TYPE_DS)
    elif found.ds is None and found.denial:
        ttl_s = min(*(rrset.ttl for rrset in found.denial), state.settings.negative_maximum_ttl_s)
        if state.rrsets.get(zone, TYPE_DS, now_us) is None and state.negatives.get(zone, TYPE_DS, now_us) is None:
            expires_us = now_us + ttl_s * 1_000_000
            state.negatives.put(
                NegativeEntry(zone, NODATA, None, found.denial, UNCHECKED, None, now_us, expires_us), TYPE_DS
            )


def may_query(state: ResolverState, server: bytes, learned: bool) -> bool:
    """Tell whether a server may be asked: family in use, not excluded, and no special address if a zone names it."""
    address = address_of(server)
    if learned and not state.settings.query_special_addresses and is_special_address(address):
        return False
    if len(address) == 4:
        if not state.settings.use_ipv4:
            return False
    elif len(address) != 16 or not state.settings.use_ipv6:
        return False
    return not any(in_prefix(address, rule) for rule in state.settings.never_query)


def is_special_address(address: bytes) -> bool:
    """Tell whether no name server of the Internet can have an address (RFC 6890): this host, loopback, multicast.

    A zone that delegates there would have the resolver ask itself, or services that trust the machine that they are on.
    """
    first = address[0]
    if len(address) == 4:
        return first in (0, 127) or first >= 224
    return first == 0xFF or address[:15] == bytes(15) or address[:12] == bytes(10) + b"\xff\xff"


def in_prefix(address: bytes, rule: AccessRule) -> bool:
    """Tell whether a packed address lies inside a prefix of the same family."""
    if len(address) != len(rule.prefix):
        return False
    whole = rule.length >> 3
    if address[:whole] != rule.prefix[:whole]:
        return False
    rest = rule.length & 7
    return rest == 0 or (address[whole] ^ rule.prefix[whole]) >> (8 - rest) == 0
