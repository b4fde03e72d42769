"""The private name space of the benchmark: a root, one TLD, and thousands of small signed and unsigned zones.

Everything is derived from the zone's name and a fixed validity window, so the same count gives the same zones on every
machine. Each signed zone has a key of its own: a shared one would flatter a resolver that caches parsed keys.
"""

import hashlib
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import dns.dnssec
import dns.name
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY

TLD = "bench."

_INCEPTION = datetime(2024, 1, 1, tzinfo=UTC)
_EXPIRATION = datetime(2035, 1, 1, tzinfo=UTC)
_FORMAT = "1"  # part of the folder's name: raise it when the zones' content changes
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CHUNK = 500  # zones per work item: large enough to hide the cost of handing it to another process

# The TTL is longer than any run: nothing expires or is prefetched while measuring.
_ROOT_TEXT = """
$TTL 86400
@ SOA a.root-servers. hostmaster.root-servers. 1 7200 3600 1209600 86400
@ NS a.root-servers.
a.root-servers. A {root}
bench. NS a.nic.bench.
a.nic.bench. A {tld}
"""
_TLD_TEXT = """
$TTL 86400
@ SOA a.nic hostmaster.nic 1 7200 3600 1209600 86400
@ NS a.nic
a.nic A {tld}
ns.hoster A {hoster}
"""
_CHILD_TEXT = """
$TTL 86400
@ SOA ns.hoster.bench. hostmaster.hoster.bench. 1 7200 3600 1209600 86400
@ NS ns.hoster.bench.
www A 192.0.2.1
"""


@dataclass(frozen=True)
class ZoneSet:
    """The zone files below `folder`: `count` signed and as many unsigned zones, on servers in the /24 called `network`.

    All small zones share a server, so that a resolver's server statistics are warm, as they are for a real hoster.
    """

    folder: Path
    count: int
    network: str

    @property
    def root_address(self) -> str:
        """Where the root is served."""
        return f"{self.network}.1"

    @property
    def tld_address(self) -> str:
        """Where the TLD is served."""
        return f"{self.network}.2"

    @property
    def hoster_address(self) -> str:
        """Where all small zones are served."""
        return f"{self.network}.3"

    @property
    def root_hints(self) -> Path:
        """Hints file that names the private root's server."""
        return self.folder / "root.hints"

    @property
    def trust_anchor(self) -> Path:
        """File with the private root's key as one DS line."""
        return self.folder / "root.ds"

    @property
    def trust_anchor_key(self) -> Path:
        """File with the same key as one DNSKEY line, for resolvers that take no DS."""
        return self.folder / "root.key"

    @property
    def children(self) -> list[str]:
        """Every small zone's name, signed ones first."""
        return [zone_name(signed, index) for signed in (True, False) for index in range(self.count)]

    @cached_property
    def root_ds(self) -> str:
        """The trust anchor's DS RDATA in presentation format."""
        return self.trust_anchor.read_text().split("DS", 1)[1].strip()

    def zone_file(self, name: str) -> Path:
        """Where the zone called `name` (absolute, with its dot) is stored."""
        return self.folder / "zones" / f"{name.rstrip('.') or 'root'}.zone"


def zone_name(signed: bool, index: int) -> str:
    """Name of a small zone."""
    return f"{'s' if signed else 'u'}{index:06}.{TLD}"


def query_name(signed: bool, index: int) -> str:
    """The name to ask for in a small zone; it has an A record."""
    return f"www.{zone_name(signed, index)}"


def build(cache: Path, count: int, network: str) -> ZoneSet:
    """Return the zone set with `count` zones of each kind, generated below `cache` unless it is there already."""
    zones = ZoneSet(cache / f"zones-{_FORMAT}-{network}-{count}", count, network)
    if zones.folder.exists():
        return zones
    unfinished = ZoneSet(cache / f"{zones.folder.name}.unfinished", count, network)
    shutil.rmtree(unfinished.folder, ignore_errors=True)
    unfinished.zone_file("").parent.mkdir(parents=True)
    starts = range(0, count, _CHUNK)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tld = pool.submit(_write_tld, unfinished)
        for _ in pool.map(_write_children, [unfinished] * len(starts), starts):
            pass
        tld.result()
    _write_root(unfinished)
    unfinished.folder.rename(zones.folder)
    return zones


def _key(zone: str) -> tuple[ec.EllipticCurvePrivateKey, DNSKEY]:
    """The zone's only key (a CSK), derived from its name."""
    secret = int.from_bytes(hashlib.sha512(zone.encode()).digest()) % (_P256_ORDER - 1) + 1
    private_key = ec.derive_private_key(secret, ec.SECP256R1())
    public_key = dns.dnssec.make_dnskey(private_key.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    return private_key, public_key


def _ds(zone: str) -> str:
    return dns.dnssec.make_ds(dns.name.from_text(zone), _key(zone)[1], "SHA256").to_text()


def _write_zone(zones: ZoneSet, name: str, text: str, signed: bool) -> None:
    zone = dns.zone.from_text(text, origin=name, relativize=False, check_origin=False)
    if signed:
        dns.dnssec.sign_zone(zone, keys=[_key(name)], inception=_INCEPTION, expiration=_EXPIRATION)
    zone.to_file(str(zones.zone_file(name)), sorted=False, want_origin=True)


def _write_children(zones: ZoneSet, start: int) -> None:
    """Write both kinds of the zones from `start` on, a chunk of them."""
    for index in range(start, min(start + _CHUNK, zones.count)):
        _write_zone(zones, zone_name(True, index), _CHILD_TEXT, signed=True)
        _write_zone(zones, zone_name(False, index), _CHILD_TEXT, signed=False)


def _write_tld(zones: ZoneSet) -> None:
    """Write the TLD: signed with NSEC, so an unsigned delegation is proven insecure by an NSEC record of its own."""
    delegations = [f"{name} NS ns.hoster" for name in zones.children]
    delegations += [f"{name} DS {_ds(name)}" for name in zones.children[: zones.count]]
    _write_zone(
        zones,
        TLD,
        _TLD_TEXT.format(tld=zones.tld_address, hoster=zones.hoster_address) + "\n".join(delegations),
        signed=True,
    )


def _write_root(zones: ZoneSet) -> None:
    """Write the root, and the two files that a resolver needs to begin: hints and trust anchor."""
    text = _ROOT_TEXT.format(root=zones.root_address, tld=zones.tld_address)
    _write_zone(zones, ".", f"{text}{TLD} DS {_ds(TLD)}\n", signed=True)
    zones.root_hints.write_text(f". 86400 IN NS a.root-servers.\na.root-servers. 86400 IN A {zones.root_address}\n")
    zones.trust_anchor.write_text(f". 86400 IN DS {_ds('.')}\n")
    zones.trust_anchor_key.write_text(f". 86400 IN DNSKEY {_key('.')[1].to_text()}\n")
