"""Zone signing (RFC 4035 section 2): which keys sign what, the denial chain, and re-signing of what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from holdfast.base.security_status import SECURE
from holdfast.crypto.signing import CDNSKEY_DELETE, CDS_DELETE, FLAG_SECURE_ENTRY_POINT, ZoneKey, ds_of
from holdfast.dns.iana import (
    TYPE_CDNSKEY,
    TYPE_CDS,
    TYPE_DNSKEY,
    TYPE_NSEC,
    TYPE_NSEC3PARAM,
    TYPE_RRSIG,
    TYPE_SOA,
)
from holdfast.dns.rdata import DNSKEY, parse_dnskey, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.rrsig import verify_rrset
from holdfast.dnssec.signature_time import seconds_between
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.registry.denial_chain import build_nsec3_chain, build_nsec_chain, nsec3_fields
from holdfast.registry.zone import Nsec3Parameters, Zone

_SIGNER_TYPES = (TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY, TYPE_NSEC, TYPE_NSEC3PARAM, TYPE_RRSIG)  # made here


@dataclass(frozen=True)
class Validity:
    """The validity window of signatures to be made, POSIX seconds."""

    inception_s: int
    expiration_s: int


@dataclass(frozen=True)
class KeySet:
    """What each key does in one version of a zone.

    ``published`` are the DNSKEY RDATA at the apex. ``key_signing`` sign the DNSKEY RRset, ``zone_signing`` everything
    else, and both sign CDS and CDNSKEY (the former by RFC 7344 section 4.1, the latter because a resolver may hold a
    DNSKEY RRset from before a double-DS rollover, which has a single key signing key). Neither has to be published, as
    algorithm rollovers have steps in which signatures come before their key (RFC 6781 section 4.1.4). ``announced``
    are the DNSKEY RDATA that the parent should have DS records for (RFC 7344), [`CDNSKEY_DELETE`] to ask for their
    deletion (RFC 8078), None to say nothing; ``key_ttl_s`` is the TTL of these RRsets, None for the TTL of the SOA.
    Without any key the zone becomes an unsigned one.
    """

    published: Sequence[bytes]
    key_signing: Sequence[ZoneKey]
    zone_signing: Sequence[ZoneKey]
    announced: Sequence[bytes] | None = None
    key_ttl_s: int | None = None
    digest_types: Sequence[int] = (2,)

    @classmethod
    def by_flags(cls, keys: Sequence[ZoneKey]) -> "KeySet":
        """Return the usual roles: keys with the Secure Entry Point flag sign keys, the others the zone.

        If all are of one kind, they do both.
        """
        entry = [key for key in keys if key.flags & FLAG_SECURE_ENTRY_POINT]
        others = [key for key in keys if not key.flags & FLAG_SECURE_ENTRY_POINT]
        return cls([key.dnskey for key in keys], entry or others, others or entry)

    def signing(self, rtype: int) -> Sequence[ZoneKey]:
        """Return the keys that sign RRsets of a type."""
        if rtype == TYPE_DNSKEY:
            return self.key_signing
        if rtype in (TYPE_CDS, TYPE_CDNSKEY):
            both = {key.key_hash: key for key in (*self.key_signing, *self.zone_signing)}
            return list(both.values())
        return self.zone_signing


@dataclass
class SigningCounts:
    """What a signing run did: RRsets signed anew, and those whose signatures were kept."""

    signed: int = 0
    kept: int = 0


@dataclass
class SignatureStore:
    """Signatures of an earlier version of the zone, for RRsets that have not changed.

    A signature is kept only if its window is good until ``renew_before_s`` (POSIX seconds) and it *verifies* with the
    very key that would sign now: its key tag proves nothing, as the outage of .de on 5 May 2026 showed.
    """

    verifier: SignatureVerifier
    now_s: int
    renew_before_s: int
    rrsets: dict[tuple[bytes, int], RRset] = field(default_factory=dict)

    @classmethod
    def of_zone(cls, zone: Zone, verifier: SignatureVerifier, now_s: int, renew_before_s: int) -> "SignatureStore":
        """Return the signatures in a zone."""
        store = cls(verifier, now_s, renew_before_s)
        for rrset, to_be_signed in zone.rrsets():
            if to_be_signed and rrset.signatures:
                store.rrsets[rrset.name, rrset.rtype] = rrset
        return store

    def find(self, rrset: RRset, zone: bytes, key: ZoneKey) -> bytes | None:
        """Return the stored signature over exactly this RRset by exactly this key."""
        old = self.rrsets.get((rrset.name, rrset.rtype))
        if old is None or old.ttl != rrset.ttl or sorted(old.rdatas) != sorted(rrset.rdatas):
            return None
        public = parse_dnskey(key.dnskey)
        for signature in old.signatures:
            rrsig = parse_rrsig(signature)
            if (
                rrsig is not None
                and public is not None
                and rrsig.key_tag == key.key_tag
                and rrsig.original_ttl == rrset.ttl
                and seconds_between(self.renew_before_s, rrsig.expiration) > 0
                and self._verifies(rrset, zone, signature, public)
            ):
                return signature
        return None

    def _verifies(self, rrset: RRset, zone: bytes, signature: bytes, key: DNSKEY) -> bool:
        alone = RRset(rrset.name, rrset.rtype, rrset.ttl, rrset.rdatas, [signature])
        policy = AlgorithmPolicy([key.algorithm], [])
        return verify_rrset(alone, zone, [key], self.verifier, WorkBudget(), self.now_s, policy).status == SECURE


def sign_zone(
    zone: Zone,
    keys: Sequence[ZoneKey],
    inception_s: int,
    expiration_s: int,
    nsec3: Nsec3Parameters | None = None,
) -> None:
    """Sign a zone in place with keys in their usual roles (`KeySet.by_flags`); see `sign_with`."""
    zone.keys = list(keys)
    sign_with(zone, KeySet.by_flags(keys), Validity(inception_s, expiration_s), nsec3)


def sign_with(
    zone: Zone,
    key_set: KeySet,
    validity: Validity,
    nsec3: Nsec3Parameters | None = None,
    earlier: SignatureStore | None = None,
) -> SigningCounts:
    """Sign a zone in place: apex records of DNSSEC, denial chain, RRSIGs over all authoritative data.

    Signatures in ``earlier`` that are still good are kept.
    """
    counts = SigningCounts()
    prepare(zone, key_set, nsec3)
    for rrset, to_be_signed in zone.rrsets():
        rrset.signatures = []
        if not to_be_signed:
            continue
        for key in key_set.signing(rrset.rtype):
            signature = earlier.find(rrset, zone.name, key) if earlier is not None else None
            if signature is None:
                counts.signed += 1
                signature = key.sign(rrset, zone.name, validity.inception_s, validity.expiration_s)
            else:
                counts.kept += 1
            rrset.signatures.append(signature)
    return counts


def prepare(zone: Zone, key_set: KeySet, nsec3: Nsec3Parameters | None) -> None:
    """Give a zone all records that signing adds, RRSIGs aside."""
    zone.names_changed()
    for name, node in list(zone.nodes.items()):
        for rtype in _SIGNER_TYPES:
            node.pop(rtype, None)
        if not node:
            del zone.nodes[name]
    zone.nsec3 = nsec3
    apex = zone.nodes[zone.name]
    soa = apex[TYPE_SOA]
    ttl_s = soa.ttl if key_set.key_ttl_s is None else key_set.key_ttl_s
    if key_set.published:
        apex[TYPE_DNSKEY] = RRset(zone.name, TYPE_DNSKEY, ttl_s, list(key_set.published), [])
    if key_set.announced:
        digests = [CDS_DELETE]
        if list(key_set.announced) != [CDNSKEY_DELETE]:
            digests = [ds_of(zone.name, key, kind) for key in key_set.announced for kind in key_set.digest_types]
        apex[TYPE_CDS] = RRset(zone.name, TYPE_CDS, ttl_s, digests, [])
        apex[TYPE_CDNSKEY] = RRset(zone.name, TYPE_CDNSKEY, ttl_s, list(key_set.announced), [])
    if not key_set.published and not key_set.zone_signing:
        zone.nsec3, zone.chain, zone.chain_keys = None, [], []
        return
    negative_ttl_s = zone.negative_ttl_s()
    if nsec3 is None:
        build_nsec_chain(zone, negative_ttl_s)
        return
    apex[TYPE_NSEC3PARAM] = RRset(zone.name, TYPE_NSEC3PARAM, 0, [nsec3_fields(nsec3, 0)], [])
    build_nsec3_chain(zone, nsec3, negative_ttl_s)


def sign_rrset(zone: Zone, rrset: RRset, inception_s: int, expiration_s: int) -> None:
    """Sign one RRset of a zone that `sign_zone` signed, with the same keys."""
    keys = KeySet.by_flags(zone.keys).signing(rrset.rtype)
    rrset.signatures = [key.sign(rrset, zone.name, inception_s, expiration_s) for key in keys]
