"""A generated Internet around the zone of an outage: root, top-level domains, hosting companies, thousands of zones.

The same outage and seed make the same world. Time changes it: ``Timeline`` says when which server gets which version.
"""

from dataclasses import dataclass, field
from random import Random

from holdfast.base.settings import AccessRule, EngineSettings, RootServer, TrustAnchorSetting
from holdfast.crypto.signing import SigningKey
from holdfast.dns.iana import TYPE_A, TYPE_AAAA, TYPE_DS, TYPE_NS, TYPE_SOA
from holdfast.dns.name import ROOT, is_subdomain
from holdfast.dns.rrset import RRset
from holdfast.lab.authority import Authority
from holdfast.lab.internet import ROOT_SERVERS
from holdfast.lab.on_demand import sign_zone_on_demand
from holdfast.lab.outage import Outage, Server, Version
from holdfast.lab.zone_versions import (
    BACKDATED_S,
    DAY_S,
    SigningChoices,
    ds_rrset,
    make_keys,
    make_version,
    wire,
)
from holdfast.registry.serial import set_serial
from holdfast.registry.signer import KeySet, Validity, prepare
from holdfast.registry.zone import Nsec3Parameters, Zone
from holdfast.server.sockets import packed_address

LABELS = ("", "www", "mail", "shop", "api", "cdn", "img", "static", "blog", "login", "m", "app", "dev", "news", "forum",
          "cloud", "ftp", "smtp", "imap", "vpn", "wiki")  # fmt: skip
ANSWER_TTLS_S = (60, 300, 300, 300, 1800, 3600, 3600, 3600, 86400, 86400)  # drawn for each zone: what operators use
HOSTER_TTL_S = 86400
FOREIGN = ("com", "net")
GTLD_SERVERS = (
    Server("a.gtld-servers.net", ("192.5.6.30", "2001:503:a83e::2:30")),
    Server("b.gtld-servers.net", ("192.33.14.30", "2001:503:231d::2:30")),
)
SIGNED_AHEAD_S = 30 * DAY_S
ALGORITHM = 13
OTHER_TLD_SOA = (86400, 900)


@dataclass(frozen=True)
class LeafZone:
    """A zone that clients ask for: name, names in it, whether it is signed, where its name servers are named."""

    name: bytes
    names: tuple[bytes, ...]
    signed: bool
    hosted_under: bytes

    def depends_on(self, zone: bytes) -> bool:
        """Tell whether the zone needs another one: it lies below it, or its name servers are named below it."""
        return is_subdomain(self.name, zone) or is_subdomain(self.hosted_under, zone)


@dataclass(frozen=True)
class Change:
    """Something that happens to the world: at ``at_s`` (POSIX seconds), a server or the parent takes a zone's state."""

    at_s: int
    address: bytes
    zone: Zone | None = None
    ds: RRset | None = None
    serial: bool = False


@dataclass(frozen=True)
class Pace:
    """How a world fits a clock that runs faster than the outage did.

    TTLs are divided by ``compression``. Signatures are good around ``signed_s`` (POSIX seconds), which is for resolvers
    that know no other time than the present; 0: around the times of the outage.
    """

    compression: int = 1
    signed_s: int = 0

    def ttl_s(self, ttl_s: int) -> int:
        """Return a TTL of this world, in seconds: never 0, which would forbid caching."""
        return max(1, ttl_s // self.compression)


@dataclass
class World:
    """Servers by packed address, the zones that clients ask for, and the outage's versions."""

    outage: Outage
    seed: int
    pace: Pace = Pace()
    servers: dict[bytes, Authority] = field(default_factory=dict)
    leaves: list[LeafZone] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    versions: list[tuple[Version, Zone]] = field(default_factory=list)
    settled_s: int = 0
    _zones: dict[bytes, Zone] = field(default_factory=dict)
    _keys: dict[bytes, SigningKey] = field(default_factory=dict)
    _hosters: list["Hoster"] = field(default_factory=list)

    @classmethod
    def generate(cls, outage: Outage, seed: int, pace: Pace | None = None) -> "World":
        """Build the world as it is at the beginning of the warm-up. Raises OutageError."""
        world = cls(outage, seed, pace or Pace())
        _Builder(world).build()
        return world

    @property
    def subject(self) -> bytes:
        """The zone of the outage."""
        return wire(self.outage.zone)

    def subject_addresses(self) -> list[bytes]:
        """Return the packed addresses of the servers of the outage's zone."""
        return [address for address, server in self.servers.items() if self.subject in server.zones]

    @property
    def root_key(self) -> SigningKey:
        """The key of the root, which is the trust anchor."""
        return self._keys[ROOT]

    def settings(self) -> EngineSettings:
        """Return engine settings for a resolver in this world: its root servers and trust anchor, open to everyone."""
        settings = EngineSettings()
        settings.access_rules = [AccessRule(b"\x00" * 4, 0, True)]
        settings.root_servers = [
            RootServer(wire(name), [packed_address(one) for one in addresses])
            for name, addresses in ROOT_SERVERS.items()
        ]
        settings.trust_anchors = [TrustAnchorSetting(ROOT, [self._keys[ROOT].ds(ROOT)], [], False, "")]
        settings.upstream_cookies = False  # the laboratory's servers have none, and equal queries have equal answers
        return settings

    def apply(self, change: Change) -> list[bytes]:
        """Let a change happen; returns the addresses whose answers may differ now."""
        if change.ds is not None:
            self._publish_ds(change.ds)
            return [address for address, server in self.servers.items() if self._parent() in server.zones]
        if change.zone is not None:
            self.servers[change.address].add(change.zone)
            return [change.address]
        addresses = self.subject_addresses()
        served = [self.servers[address].zones[self.subject] for address in addresses]
        for at, zone in enumerate(served):
            if not any(zone is other for other in served[:at]):
                set_serial(zone, change.at_s)  # the Unix time, as de has it; this alone is signed anew
        return addresses

    def settle(self, until_s: int) -> None:
        """Let everything happen that is due at ``until_s``: for questions to a moment without the time before it."""
        for change in self.changes:
            if self.settled_s < change.at_s <= until_s:
                self.apply(change)
        self.settled_s = max(self.settled_s, until_s)

    def _parent(self) -> bytes:
        return self.subject[self.subject[0] + 1 :]

    def _publish_ds(self, ds: RRset) -> None:
        parent = self._zones[self._parent()]
        node = parent.nodes[self.subject]
        node.pop(TYPE_DS, None)
        if ds.rdatas:
            node[TYPE_DS] = ds
        prepare(parent, KeySet.by_flags(parent.keys), parent.nsec3)  # its denial chain says what the name has


@dataclass(frozen=True)
class Hoster:
    """A hosting company: its domain, its two name servers with an address each."""

    domain: bytes
    servers: tuple[bytes, bytes]
    addresses: tuple[bytes, bytes]


class _Builder:
    """Makes a world: data first, children before parents, then keys and versions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.outage = world.outage
        self.random = Random(f"world {world.seed}")
        self.pace = world.pace
        self.signed_from_s = self.pace.signed_s or self.outage.start_s - self.outage.warm_up_s - DAY_S
        self.subject = wire(self.outage.zone)
        self.tops: dict[bytes, Zone] = {}

    def build(self) -> None:
        """Build everything."""
        self.world._zones[ROOT] = self._zone(ROOT, wire("a.root-servers.net"), (86400, 86400))
        for name, addresses in ROOT_SERVERS.items():
            self._add(self.world._zones[ROOT], ROOT, TYPE_NS, 518400, wire(name))
            self._add_addresses(self.world._zones[ROOT], wire(name), addresses, 518400)
            for address in addresses:
                self._serve(packed_address(address), self.world._zones[ROOT])
        for name in dict.fromkeys((self.outage.zone.rpartition(".")[2], *FOREIGN)):
            self._top_level(name)
        if not self.outage.is_top_level:
            self._second_level_subject()
        self._hosting()
        self._leaves()
        self._sign()
        self._timeline()

    # -- data -----------------------------------------------------------------------------------------------------

    def _zone(self, name: bytes, server: bytes, soa: tuple[int, int]) -> Zone:
        """Return a zone with a SOA record of (TTL, negative TTL) and nothing else."""
        numbers = (self.signed_from_s, 7200, 7200, 3600000, self.pace.ttl_s(soa[1]))
        rname = wire("hostmaster.invalid") if name != wire("de") else wire("dns-operations.denic.de")
        rdata = server + rname + b"".join(number.to_bytes(4, "big") for number in numbers)
        return Zone(name, {name: {TYPE_SOA: RRset(name, TYPE_SOA, self.pace.ttl_s(soa[0]), [rdata], [])}})

    def _add(self, zone: Zone, owner: bytes, rtype: int, ttl_s: int, rdata: bytes) -> None:
        """Add a record."""
        node = zone.nodes.setdefault(owner, {})
        found = node.get(rtype)
        if found is None:
            node[rtype] = RRset(owner, rtype, self.pace.ttl_s(ttl_s), [rdata], [])
        elif rdata not in found.rdatas:
            found.rdatas.append(rdata)

    def _add_addresses(self, zone: Zone, owner: bytes, addresses: list[str] | tuple[str, ...], ttl_s: int) -> None:
        for address in addresses:
            packed = packed_address(address)
            self._add(zone, owner, TYPE_A if len(packed) == 4 else TYPE_AAAA, ttl_s, packed)

    def _serve(self, address: bytes, zone: Zone) -> None:
        self.world.servers.setdefault(address, Authority()).add(zone)

    def _top_level(self, label: str) -> None:
        """Make a top-level domain, delegated from the root with glue for all its servers, as the root has it."""
        name = wire(label)
        is_subject = name == self.subject
        servers = self.outage.servers if is_subject else GTLD_SERVERS
        ttls = self.outage.ttls
        soa = (ttls.soa_s, ttls.negative_s) if is_subject else OTHER_TLD_SOA
        zone = self._zone(name, wire(servers[0].name), soa)
        root = self.world._zones[ROOT]
        for server in servers:
            host = wire(server.name)
            self._add(zone, name, TYPE_NS, ttls.delegation_s, host)
            self._add(root, name, TYPE_NS, ttls.parent_ns_s if is_subject else 172800, host)
            self._add_addresses(root, host, server.addresses, 172800)
            if is_subdomain(host, name):
                self._add_addresses(zone, host, server.addresses, ttls.delegation_s)
            for address in server.addresses:
                self._serve(packed_address(address), zone)
        self.tops[name] = self.world._zones[name] = zone

    def _second_level_subject(self) -> None:
        """Make the outage's zone itself a zone that clients ask for."""
        servers = self.outage.servers
        parent = self.tops[wire(self.outage.zone.rpartition(".")[2])]
        zone = self._zone(self.subject, wire(servers[0].name), (self.outage.ttls.soa_s, self.outage.ttls.negative_s))
        names = [wire(f"{label}.{self.outage.zone}") for label in self.outage.hosts]
        for server in servers:
            host = wire(server.name)
            for where in (zone, parent):
                self._add(where, self.subject, TYPE_NS, self.outage.ttls.delegation_s, host)
                if is_subdomain(host, where.name):
                    self._add_addresses(where, host, server.addresses, self.outage.ttls.delegation_s)
            for address in server.addresses:
                self._serve(packed_address(address), zone)
        for at, name in enumerate([self.subject, *names]):
            self._add(zone, name, TYPE_A, 300, bytes([198, 51, 100, at + 1]))
        self.world._zones[self.subject] = zone
        asked = tuple(name for name in [self.subject, *names] if name[:2] != b"\x01*")
        self.world.leaves.append(LeafZone(self.subject, asked, True, self.subject))

    def _delegate(self, zone: Zone, servers: list[tuple[bytes, list[bytes]]]) -> None:
        """Delegate a zone from its top-level domain, with glue for servers named below that domain."""
        top = self.tops[zone.name[zone.name[0] + 1 :]]
        ttl_s = self.outage.ttls.delegation_s
        for host, addresses in servers:
            self._add(top, zone.name, TYPE_NS, ttl_s, host)
            self._add(zone, zone.name, TYPE_NS, HOSTER_TTL_S, host)
            for address in addresses:
                rtype = TYPE_A if len(address) == 4 else TYPE_AAAA
                if is_subdomain(host, top.name):
                    self._add(top, host, rtype, ttl_s, address)
                if is_subdomain(host, zone.name):
                    self._add(zone, host, rtype, HOSTER_TTL_S, address)
                self._serve(address, zone)

    def _hosting(self) -> None:
        """Make the zones that name servers are named in: the top-level domain's own, and the hosting companies'."""
        own = [(wire(server.name), [packed_address(one) for one in server.addresses]) for server in self.outage.servers]
        if self.outage.is_top_level:
            domains = dict.fromkeys(host[host[0] + 1 :] for host, _ in own)
            for domain in domains:
                if domain[domain[0] + 1 :] in self.tops:
                    self._delegate(self._infrastructure(domain, own[0][0]), own)
        top = wire(self.outage.zone.rpartition(".")[2])
        for number in range(self.outage.population.hosters):
            below = top if number % 5 < 3 else wire(FOREIGN[number % 2])
            label = f"hoster{number}".encode()
            domain = bytes([len(label)]) + label + below
            names = (b"\x03ns1" + domain, b"\x03ns2" + domain)
            addresses = (bytes([185, 10, number % 256, 53]), bytes([185, 11, number % 256, 53]))
            self.world._hosters.append(Hoster(domain, names, addresses))
            zone = self._infrastructure(domain, names[0])
            self._delegate(zone, [(names[0], [addresses[0]]), (names[1], [addresses[1]])])

    def _infrastructure(self, name: bytes, server: bytes) -> Zone:
        zone = self._zone(name, server, (3600, 900))
        self.world._zones[name] = zone
        return zone

    def _leaves(self) -> None:
        """Make the zones that clients ask for."""
        size = self.outage.population
        top = wire(self.outage.zone.rpartition(".")[2])
        for number in range(size.zones):
            self._leaf(f"site{number}", top)
        for number in range(size.foreign_zones):
            self._leaf(f"abroad{number}", wire(FOREIGN[number % 2]))

    def _leaf(self, text: str, top: bytes) -> None:
        size = self.outage.population
        label = text.encode()
        name = bytes([len(label)]) + label + top
        signed = self.random.random() * 100 < size.signed_percent
        ttl_s = self.random.choice(ANSWER_TTLS_S)
        hoster = self.world._hosters[min(int(self.random.paretovariate(0.7)) - 1, len(self.world._hosters) - 1)]
        zone = self._infrastructure(name, hoster.servers[0])
        self._delegate(
            zone, [(host, [address]) for host, address in zip(hoster.servers, hoster.addresses, strict=True)]
        )
        names = []
        for at, prefix in enumerate(LABELS[: size.names_per_zone]):
            owner = (bytes([len(prefix)]) + prefix.encode() if prefix else b"") + name
            self._add(zone, owner, TYPE_A, ttl_s, bytes([203, 0, 113, at + 1]))
            names.append(owner)
        if signed:
            self.world._keys[name] = SigningKey.derive(ALGORITHM, f"leaf {self.world.seed} {text}".encode() + top)
        self.world.leaves.append(LeafZone(name, tuple(names), signed, hoster.domain))

    # -- signatures -----------------------------------------------------------------------------------------------

    def _sign(self) -> None:
        """Give every signed zone its keys, and its parent the DS; the outage's own zone comes in versions."""
        keys = self.world._keys
        for name in [ROOT, *self.tops, *self._own_domains()]:
            if name != self.subject:
                keys[name] = SigningKey.derive(ALGORITHM, f"zone {self.world.seed}".encode() + name)
        ordered = sorted(keys, key=len, reverse=True)
        for name in ordered:
            if name != ROOT:
                parent = self.world._zones[name[name[0] + 1 :]]
                node = parent.nodes[name]
                node[TYPE_DS] = ds_rrset(name, [keys[name]], self.pace.ttl_s(86400))
        for name in ordered:
            nsec3 = Nsec3Parameters(opt_out=True) if name in self.tops else None
            zone = self.world._zones[name]
            expires_s = (self.pace.signed_s or self.outage.end_s) + SIGNED_AHEAD_S
            validity = Validity(self.signed_from_s - BACKDATED_S, expires_s)
            sign_zone_on_demand(zone, [keys[name]], validity, nsec3)

    def _own_domains(self) -> list[bytes]:
        """Return the zones that the outage zone's name servers are named in: registries sign these."""
        if not self.outage.is_top_level:
            return []
        hosts = [wire(server.name) for server in self.outage.servers]
        return [
            domain for domain in dict.fromkeys(host[host[0] + 1 :] for host in hosts) if domain in self.world._zones
        ]

    def _timeline(self) -> None:
        """Make the versions, and the list of what happens when."""
        outage, world = self.outage, self.world
        keys = make_keys(outage, world.seed)
        base = world._zones[self.subject]
        addresses = [[packed_address(one) for one in server.addresses] for server in outage.servers]
        begin_s = outage.start_s - outage.warm_up_s
        for version in outage.versions:
            signed_s = self.pace.signed_s or version.start_s
            key_ttl_s = self.pace.ttl_s(outage.ttls.dnskey_s)
            zone = make_version(base, outage.denial, version, keys, SigningChoices(world.seed, signed_s, key_ttl_s))
            set_serial(zone, version.start_s)
            world.versions.append((version, zone))
            chosen = addresses[: version.servers] if version.servers else addresses
            step_s = (version.complete_s - version.start_s) / max(1, len(chosen) - 1) if version.complete_s else 0
            for at, server in enumerate(chosen):
                at_s = version.start_s + round(at * step_s)
                world.changes.extend(Change(at_s, address, zone) for address in server)
            if version.ds is not None:
                ds = ds_rrset(
                    self.subject, [keys[name] for name in version.ds], self.pace.ttl_s(outage.ttls.parent_ds_s)
                )
                world.changes.append(Change(version.start_s, b"", ds=ds))
        for at_s in range(begin_s, outage.end_s, outage.update_s):
            world.changes.append(Change(at_s, b"", serial=True))
        world.changes.sort(key=lambda change: change.at_s)
        world.settle(begin_s)
