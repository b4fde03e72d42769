"""The versions of a zone that an outage file describes: which keys are published, who signs what, and what is wrong."""

from dataclasses import dataclass
from hashlib import blake2b

from holdfast.crypto.signing import FLAG_SECURE_ENTRY_POINT, FLAG_ZONE_KEY, SigningKey, ZoneKey
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS, TYPE_NS, TYPE_NUMBERS
from holdfast.dns.name import from_text
from holdfast.dns.rrset import RRset
from holdfast.lab.outage import Outage, OutageError, Version
from holdfast.lab.recorded_tag import RecordedTagKey
from holdfast.registry.signer import KeySet, prepare
from holdfast.registry.zone import Nsec3Parameters, Zone

DAY_S = 86400
BACKDATED_S = 5400  # inception lies this long before the signing, as in the signatures of de (Knot DNS's constant)
VALID_S = 14 * DAY_S
EXPIRED_AGO_S = 3600  # for signatures that ran out, or start late
KSK_FLAGS = FLAG_ZONE_KEY | FLAG_SECURE_ENTRY_POINT
DRAW_RANGE = 1 << 32
STAND_IN_TYPE = 65280  # for private use (RFC 6895 section 3.1): nobody asks for it


def draw(*parts: bytes | str | int) -> int:
    """Return a number below 2**32 that depends on the parts only: chance without an order of events."""
    text = b"|".join(part if isinstance(part, bytes) else str(part).encode() for part in parts)
    return int.from_bytes(blake2b(text, digest_size=4).digest(), "big")


def make_keys(outage: Outage, seed: int) -> dict[str, SigningKey]:
    """Return the key pairs of an outage by their names. Raises OutageError."""
    keys: dict[str, SigningKey] = {}
    for one in outage.keys:
        flags = FLAG_ZONE_KEY if one.role == "zsk" else KSK_FLAGS
        try:
            if one.primes:
                p, q = (int(prime, 16) for prime in one.primes)
                keys[one.name] = SigningKey.from_primes(one.algorithm, p, q, flags)
            else:
                keys[one.name] = SigningKey.derive(one.algorithm, f"{outage.zone}/{one.name}/{seed}".encode(), flags)
        except ValueError as error:
            raise OutageError(f"key {one.name}: {error}") from None
    return keys


@dataclass(frozen=True)
class SigningChoices:
    """What decides over signatures beside the version: seed, when they are made (POSIX seconds), TTL of the keys."""

    seed: int
    signed_s: int
    key_ttl_s: int


class VersionSigner:
    """Signs one version of a zone, RRset by RRset, when asked.

    Which back end signs an RRset is drawn from the seed, the version and the data: the same RRset keeps its signer
    until the zone is signed anew, and an RRset that changes, as SOA does with every update, draws again.
    """

    def __init__(self, zone: Zone, version: Version, keys: dict[str, SigningKey], choices: SigningChoices) -> None:
        self.zone = zone
        self.version = version
        self.seed = choices.seed
        self.signed_s = choices.signed_s
        self._keys = keys
        self._data_keys: list[ZoneKey] = [*self._named(version.sign)]
        if version.record_as:
            published = keys[version.record_as]
            self._data_keys = [
                key if key is published else RecordedTagKey(published.dnskey, key) for key in self._named(version.sign)
            ]
        self._types = {TYPE_NUMBERS[name] for name in version.affected if name != "all"}
        chain = zone.matching(zone.name)
        self._apex_denial = chain.name + bytes([chain.rtype]) if chain is not None else b""

    def _named(self, names: tuple[str, ...]) -> list[SigningKey]:
        return [self._keys[name] for name in names]

    def __call__(self, rrset: RRset) -> list[bytes]:
        """Return the RRSIG RDATA over an RRset."""
        version = self.version
        if rrset.rtype == TYPE_DNSKEY and version.sign_keys:
            return [self._sign(key, rrset, self.signed_s) for key in self._named(version.sign_keys)]
        if not self._is_affected(rrset):
            healthy = self._keys[version.also_sign] if version.also_sign else self._data_keys[0]
            return [self._sign(healthy, rrset, self.signed_s)]
        if version.signatures == "missing" or not self._data_keys:
            return []
        moment_s = self.signed_s
        if version.signatures == "expired":
            moment_s -= VALID_S + EXPIRED_AGO_S
        elif version.signatures == "early":
            moment_s += BACKDATED_S + VALID_S
        made = self._sign(self._signer_of(rrset), rrset, moment_s)
        if version.signatures == "spoiled":
            made = made[:-1] + bytes([made[-1] ^ 0x55])
        return [made]

    def _is_affected(self, rrset: RRset) -> bool:
        if self._types and rrset.rtype not in self._types:
            return False
        chance = draw(self.seed, "affected", rrset.name, rrset.rtype) / DRAW_RANGE
        return chance * 100 < self.version.share_percent

    def _signer_of(self, rrset: RRset) -> ZoneKey:
        forced = self.version.apex_denial
        if forced and rrset.name + bytes([rrset.rtype]) == self._apex_denial:
            return self._data_keys[self.version.sign.index(forced)]
        chance = draw(self.seed, self.version.name, rrset.name, rrset.rtype, *sorted(rrset.rdatas))
        return self._data_keys[chance % len(self._data_keys)]

    def _sign(self, key: ZoneKey, rrset: RRset, moment_s: int) -> bytes:
        return key.sign(rrset, self.zone.name, moment_s - BACKDATED_S, moment_s + VALID_S)


def make_version(
    base: Zone, denial: str, version: Version, keys: dict[str, SigningKey], choices: SigningChoices
) -> Zone:
    """Return one version of the zone whose unsigned data ``base`` holds."""
    nodes: dict[bytes, dict[int, RRset]] = {}
    for owner, node in base.nodes.items():
        if owner != base.name and TYPE_NS in node and not _kept(owner, version, choices.seed):
            continue
        nodes[owner] = {kind: RRset(one.name, kind, one.ttl, one.rdatas, []) for kind, one in node.items()}
    zone = Zone(base.name, nodes)
    if not version.publish and not version.sign:
        return zone
    nsec3 = None if denial == "nsec" else Nsec3Parameters(opt_out=denial == "nsec3-opt-out")
    hidden = _hide_types(zone, version)
    zone.keys = [keys[name] for name in version.publish]
    published = [key.dnskey for key in zone.keys]
    prepare(zone, KeySet(published, [], [], key_ttl_s=choices.key_ttl_s), nsec3)
    for rrset in hidden:
        node = zone.nodes[rrset.name]
        node[rrset.rtype] = node.pop(STAND_IN_TYPE)
    zone.sign_on_demand = VersionSigner(zone, version, keys, choices)
    return zone


def _kept(owner: bytes, version: Version, seed: int) -> bool:
    return draw(seed, "kept", owner) / DRAW_RANGE * 100 < version.keep_percent


def _hide_types(zone: Zone, version: Version) -> list[RRset]:
    """Put RRsets of the denied type under another one while the denial chain is made, and return them."""
    if not version.deny_type:
        return []
    rtype = TYPE_NUMBERS[version.deny_type]
    hidden = []
    for node in zone.nodes.values():
        if rtype in node:
            node[STAND_IN_TYPE] = node.pop(rtype)
            hidden.append(node[STAND_IN_TYPE])
    return hidden


def ds_rrset(name: bytes, keys: list[SigningKey], ttl_s: int) -> RRset:
    """Return the DS RRset for a child's keys."""
    return RRset(name, TYPE_DS, ttl_s, [key.ds(name) for key in keys], [])


def wire(text: str) -> bytes:
    """Return a name in wire format. Raises OutageError."""
    name = from_text(text)
    if name is None:
        raise OutageError(f"not a domain name: {text!r}")
    return name
