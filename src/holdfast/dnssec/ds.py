"""Authenticating a zone's DNSKEY RRset from its DS RRset or trust anchor (RFC 4035 sections 5.2 and 5.3)."""

import hashlib
from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S
from holdfast.base.limits import DNSKEYS_PER_ZONE, KEYS_PER_TAG
from holdfast.base.security_status import BOGUS, INSECURE, SECURE
from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.dns.rdata import DNSKEY, DS, parse_dnskey, parse_ds, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.rrsig import key_usable, verify_rrset
from holdfast.dnssec.verifier import UNSUPPORTED, SignatureVerifier
from holdfast.dnssec.work_budget import WorkBudget

__all__ = ["AlgorithmPolicy", "DnskeyVerdict", "digest", "ds_usable", "verify_dnskey_rrset"]

DS_PER_ZONE: Final = 32  # DS records considered; a double algorithm rollover with two digest types needs eight


class DnskeyVerdict:
    """What became of a DNSKEY RRset.

    ``status``: SECURE (then ``keys`` are the zone's keys, also those that may not sign, so that causes can name them),
    BOGUS or INSECURE (then ``cause`` says why). ``ttl`` is the capped TTL in seconds. ``key_tag``: of the key that
    links the parent's DS or the trust anchor to the zone, -1 if none. ``exhausted``: given up at a limit on work.
    ``valid_until_s``: POSIX time at which the signature that proved it ends.
    """

    def __init__(
        self,
        status: int,
        keys: list[DNSKEY],
        cause: Cause | None,
        ttl: int,
        exhausted: bool,
        key_tag: int,
        valid_until_s: int = FOREVER_S,
    ) -> None:
        self.status: Final = status
        self.keys: Final = keys
        self.cause: Final = cause
        self.ttl: Final = ttl
        self.exhausted: Final = exhausted
        self.key_tag: Final = key_tag
        self.valid_until_s: Final = valid_until_s


def digest(zone: bytes, dnskey_rdata: bytes, digest_type: int) -> bytes | None:
    """Return the digest of a DNSKEY for its DS (RFC 4034 section 5.1.4); None for a digest type that is not known."""
    if digest_type == iana.DIGEST_SHA256:
        return hashlib.sha256(zone + dnskey_rdata).digest()
    if digest_type == iana.DIGEST_SHA384:
        return hashlib.sha384(zone + dnskey_rdata).digest()
    if digest_type == iana.DIGEST_SHA1:
        return hashlib.sha1(zone + dnskey_rdata).digest()
    return None


def ds_usable(ds_rdatas: list[bytes], policy: AlgorithmPolicy, zone: bytes = b"") -> Cause | None:
    """Return None if a DS RRset can secure its zone, otherwise why the zone is insecure (RFC 4035 section 5.2).

    ``zone``, if given, is named in the text.
    """
    algorithms: list[str] = []
    digests: list[str] = []
    for rdata in ds_rdatas[:DS_PER_ZONE]:
        ds = parse_ds(rdata)
        if ds is None:
            continue
        if not policy.algorithm_usable(ds.algorithm):
            _add_once(algorithms, str(ds.algorithm))
        elif not policy.digest_usable(ds.digest_type):
            _add_once(digests, str(ds.digest_type))
        else:
            return None
    owner = f" of {to_text(zone)}" if zone else ""
    if digests:
        text = f"no supported digest type in DS{owner} (digest type {', '.join(digests)})"
        return Cause(iana.EDE_UNSUPPORTED_DS_DIGEST_TYPE, text, "ds.digest")
    text = f"no supported DNSKEY algorithm in DS{owner} (algorithm {', '.join(algorithms) or 'unreadable'})"
    return Cause(iana.EDE_UNSUPPORTED_DNSKEY_ALGORITHM, text, "ds.algorithm")


def verify_dnskey_rrset(
    dnskeys: RRset,
    ds_rdatas: list[bytes],
    anchors_dnskey: list[bytes],
    zone: bytes,
    verifier: SignatureVerifier,
    budget: WorkBudget,
    validation_time_s: int,
    policy: AlgorithmPolicy,
) -> DnskeyVerdict:
    """Judge the DNSKEY RRset at the apex of ``zone``.

    It is secure if a key that a usable DS or an anchor names signed it. It is insecure only if nothing that names a key
    can be used here: while one usable DS is left, a missing or failing key is an attack or an accident, so bogus.
    """
    unusable = _anchors_usable(anchors_dnskey, policy, zone) if anchors_dnskey else ds_usable(ds_rdatas, policy, zone)
    if unusable is not None and (not anchors_dnskey or ds_usable(ds_rdatas, policy) is not None):
        return DnskeyVerdict(INSECURE, [], unusable, dnskeys.ttl, False, -1)
    keys = _parse_keys(dnskeys)
    linking = _LinkingKeys(zone, keys, policy)
    for ds in _effective_ds(ds_rdatas, policy):
        linking.add_by_ds(ds)
    for rdata in anchors_dnskey:
        linking.add_by_anchor(rdata)
    if not linking.keys:
        return DnskeyVerdict(BOGUS, [], linking.failure(), dnskeys.ttl, False, -1)
    verdict = verify_rrset(dnskeys, zone, linking.keys, verifier, budget, validation_time_s, policy)
    if verdict.status == SECURE:
        return DnskeyVerdict(SECURE, keys, None, verdict.ttl, False, verdict.key_tag, verdict.valid_until_s)
    if not linking.unmatched and not verdict.exhausted:
        cause = _not_supported(zone, linking.keys, verifier)
        if cause is not None:
            return DnskeyVerdict(INSECURE, [], cause, dnskeys.ttl, False, -1)
    cause = verdict.cause
    if dnskeys.signatures and not _signed_by(dnskeys, linking.keys):
        subject = dnskey_of(zone)
        text = f"no RRSIG for {subject} by a key that {linking.source()} names ({_tags_text(linking.keys)})"
        tag = linking.keys[0].key_tag
        cause = Cause(iana.EDE_RRSIGS_MISSING, text, "ds.not-signed-by-linking-key", subject, tag)
    return DnskeyVerdict(BOGUS, [], cause, dnskeys.ttl, verdict.exhausted, -1)


class _LinkingKeys:
    """The keys of a zone that its DS RRset or trust anchor names."""

    def __init__(self, zone: bytes, keys: list[DNSKEY], policy: AlgorithmPolicy) -> None:
        self.zone: Final = zone
        self.zone_keys: Final = keys
        self.policy: Final = policy
        self.keys: Final[list[DNSKEY]] = []
        self.unmatched: Final[list[str]] = []  # key tags named, for which the zone has no usable key
        self.tag = -1  # the first of them
        self.cause: Cause | None = None
        self.anchored = False

    def source(self) -> str:
        """Return who names the keys, for texts."""
        return "the trust anchor" if self.anchored else "the DS"

    def add_by_ds(self, ds: DS) -> None:
        """Find the key that ``ds`` is the digest of."""
        candidates = 0
        found = False
        for key in self.zone_keys:
            if key.key_tag != ds.key_tag or key.algorithm != ds.algorithm:
                continue
            candidates += 1
            if candidates > KEYS_PER_TAG:
                break
            if digest(self.zone, key.rdata, ds.digest_type) == ds.digest:
                found = self._add(key)
                break
        if not found:
            self._miss(ds.key_tag)

    def add_by_anchor(self, rdata: bytes) -> None:
        """Find the key that is configured as trust anchor itself."""
        self.anchored = True
        anchor = parse_dnskey(rdata)
        if anchor is None or not self.policy.algorithm_usable(anchor.algorithm):
            return
        for key in self.zone_keys:
            if key.rdata == rdata:
                if not self._add(key):
                    break
                return
            if key.rdata[2:] == rdata[2:] and key.flags == anchor.flags | iana.DNSKEY_FLAG_REVOKE:
                self._add(key)  # refused, but this is the one to blame
        self._miss(anchor.key_tag)

    def _miss(self, key_tag: int) -> None:
        if not self.unmatched:
            self.tag = key_tag
        _add_once(self.unmatched, str(key_tag))

    def _add(self, key: DNSKEY) -> bool:
        if key_usable(key):
            if key not in self.keys:
                self.keys.append(key)
            return True
        subject = dnskey_of(self.zone)
        named = f"DNSKEY of {to_text(self.zone)} that {self.source()} names"
        if key.flags & iana.DNSKEY_FLAG_ZONE == 0:
            text = f"{named} has no zone key bit (keytag={key.key_tag})"
            self.cause = Cause(iana.EDE_NO_ZONE_KEY_BIT_SET, text, "ds.no-zone-key-bit", subject, key.key_tag)
        elif key.flags & iana.DNSKEY_FLAG_REVOKE:  # it is there, so not what RFC 8914 section 4.10 calls missing
            text = f"{named} is revoked (keytag={key.key_tag})"
            self.cause = Cause(iana.EDE_DNSSEC_BOGUS, text, "ds.revoked-key", subject, key.key_tag)
        else:
            text = f"{named} has protocol {key.protocol}, not 3 (keytag={key.key_tag})"
            self.cause = Cause(iana.EDE_DNSKEY_MISSING, text, "ds.unusable-key", subject, key.key_tag)
        return False

    def failure(self) -> Cause:
        """Return why no key links the zone to its parent or trust anchor."""
        if self.cause is not None:
            return self.cause
        owner = to_text(self.zone)
        if not self.zone_keys:
            return Cause(iana.EDE_DNSKEY_MISSING, f"{owner} has no DNSKEY", "ds.no-dnskey", dnskey_of(self.zone))
        text = f"no DNSKEY matches {self.source()} of {owner} (keytag={', '.join(self.unmatched)})"
        return Cause(iana.EDE_DNSKEY_MISSING, text, "ds.no-match", dnskey_of(self.zone), self.tag)


def _anchors_usable(anchors_dnskey: list[bytes], policy: AlgorithmPolicy, zone: bytes) -> Cause | None:
    algorithms: list[str] = []
    for rdata in anchors_dnskey:
        anchor = parse_dnskey(rdata)
        if anchor is None:
            continue
        if policy.algorithm_usable(anchor.algorithm):
            return None
        _add_once(algorithms, str(anchor.algorithm))
    named = ", ".join(algorithms) or "unreadable"
    text = f"no supported DNSKEY algorithm in the trust anchor of {to_text(zone)} (algorithm {named})"
    return Cause(iana.EDE_UNSUPPORTED_DNSKEY_ALGORITHM, text, "ds.anchor-algorithm")


def _effective_ds(ds_rdatas: list[bytes], policy: AlgorithmPolicy) -> list[DS]:
    """Return the usable DS records, without those of SHA-1 if there are stronger ones (RFC 4509 section 3)."""
    usable: list[DS] = []
    strong: list[DS] = []
    for rdata in ds_rdatas[:DS_PER_ZONE]:
        ds = parse_ds(rdata)
        if ds is None or not policy.algorithm_usable(ds.algorithm) or not policy.digest_usable(ds.digest_type):
            continue
        usable.append(ds)
        if ds.digest_type != iana.DIGEST_SHA1:
            strong.append(ds)
    return strong if strong else usable


def _parse_keys(dnskeys: RRset) -> list[DNSKEY]:
    keys: list[DNSKEY] = []
    for rdata in dnskeys.rdatas[:DNSKEYS_PER_ZONE]:
        key = parse_dnskey(rdata)
        if key is not None:
            keys.append(key)
    return keys


def _not_supported(zone: bytes, keys: list[DNSKEY], verifier: SignatureVerifier) -> Cause | None:
    """Return a cause if the verifier can use none of ``keys``: then the zone is insecure as by an unknown algorithm."""
    for key in keys:
        if verifier.verify(key.algorithm, key.public_key, b"", b"") != UNSUPPORTED:
            return None
    text = f"DNSKEY of {to_text(zone)} is not supported (algorithm {keys[0].algorithm}, {_tags_text(keys)})"
    return Cause(iana.EDE_UNSUPPORTED_DNSKEY_ALGORITHM, text, "ds.key-not-supported")


def _signed_by(dnskeys: RRset, keys: list[DNSKEY]) -> bool:
    for signature in dnskeys.signatures:
        rrsig = parse_rrsig(signature)
        if rrsig is None:
            return True  # `verify_rrset` has the better words
        for key in keys:
            if key.key_tag == rrsig.key_tag and key.algorithm == rrsig.algorithm:
                return True
    return False


def dnskey_of(zone: bytes) -> str:
    """Return the subject of causes that are about the keys of a zone."""
    return f"{to_text(zone)}/DNSKEY"


def _tags_text(keys: list[DNSKEY]) -> str:
    return "keytag=" + ", ".join([str(key.key_tag) for key in keys])


def _add_once(texts: list[str], text: str) -> None:
    if text not in texts:
        texts.append(text)
