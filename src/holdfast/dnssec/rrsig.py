"""Authenticating one RRset with the keys of its zone (RFC 4035 section 5.3).

One valid signature makes an RRset secure, whatever else is wrong with the others (RFC 6840 section 5.11). When none is
valid, the verdict carries the most telling of the reasons, because that text is what an operator acts upon.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S
from holdfast.base.limits import KEYS_PER_TAG, RRSET_SIGNATURES, SIGNATURE_CHECKS_PER_RRSET
from holdfast.base.security_status import BOGUS, SECURE
from holdfast.dns import iana
from holdfast.dns.name import ROOT, is_subdomain, label_count, suffix, to_text, wildcard_of
from holdfast.dns.rdata import DNSKEY, RRSIG, canonical, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.signature_time import seconds_between, signature_time_text
from holdfast.dnssec.verifier import UNSUPPORTED, VALID, SignatureVerifier
from holdfast.dnssec.work_budget import WorkBudget

UNTIMED: Final = -1  # as validation time: do not judge inception and expiration

# How much a failure tells, rising. What comes later in the list of checks tells more, but time tells most of all bar
# the signature itself: a zone that is not re-signed in time often rolls its keys as well.
_MISSING: Final = 1
_ALGORITHM: Final = 2
_MALFORMED: Final = 3
_NO_KEY: Final = 4
_KEY_NOT_USABLE: Final = 5
_NOT_YET_VALID: Final = 6
_EXPIRED: Final = 7
_INVALID: Final = 8
_WORK_LIMIT: Final = 9


@mypyc_attr(acyclic=True)
class Verdict:
    """What became of one RRset.

    ``status`` is SECURE, or BOGUS with a ``cause``. ``ttl`` is how long the RRset may be kept, in seconds: capped by
    the original TTL and the end of the signature (RFC 4035 section 5.3.3). ``wildcard_labels`` is the labels field of
    the valid RRSIG; ``expanded_from_wildcard``: it is smaller than the owner has labels, so an answer also needs proof
    that no closer name exists, and an NSEC or NSEC3 proves nothing. ``key_tag``: of the key that validated it, -1 if
    none. ``exhausted``: given up at a limit on work, so other keys or signatures might have validated it.
    ``valid_until_s``: POSIX time at which the valid signature ends, `FOREVER_S` if times are not judged.
    """

    def __init__(
        self,
        status: int,
        cause: Cause | None,
        expanded_from_wildcard: bool,
        wildcard_labels: int,
        ttl: int,
        exhausted: bool,
        key_tag: int = -1,
        valid_until_s: int = FOREVER_S,
    ) -> None:
        self.status: Final = status
        self.cause: Final = cause
        self.expanded_from_wildcard: Final = expanded_from_wildcard
        self.wildcard_labels: Final = wildcard_labels
        self.ttl: Final = ttl
        self.exhausted: Final = exhausted
        self.key_tag: Final = key_tag
        self.valid_until_s: Final = valid_until_s


def verify_rrset(
    rrset: RRset,
    zone: bytes,
    keys: list[DNSKEY],
    verifier: SignatureVerifier,
    budget: WorkBudget,
    validation_time_s: int,
    policy: AlgorithmPolicy,
) -> Verdict:
    """Judge ``rrset`` by its signatures, with the already trusted ``keys`` of the ``zone`` that it is in.

    ``validation_time_s`` is POSIX time; `UNTIMED` skips the validity windows.
    """
    examination = _Examination(rrset, zone, keys, verifier, budget, validation_time_s, policy)
    signatures = rrset.signatures
    for position in range(min(len(signatures), RRSET_SIGNATURES)):
        if position and signatures[position] in signatures[:position]:
            continue
        rrsig = parse_rrsig(signatures[position])
        if rrsig is None:
            text = f"malformed RRSIG for {examination.subject()}"
            examination.blame(_MALFORMED, iana.EDE_DNSSEC_BOGUS, text, "rrsig.malformed")
            continue
        key_tag = examination.examine(rrsig)
        if key_tag >= 0:
            return examination.secure(rrsig, key_tag)
        if examination.exhausted:
            break
    return examination.bogus()


def canonical_records(rrset: RRset) -> list[bytes]:
    """Return the RDATA in canonical form and order, without duplicates (RFC 4034 sections 6.2 and 6.3)."""
    rtype = rrset.rtype
    rdatas = [canonical(rtype, rdata) for rdata in rrset.rdatas]
    if len(rdatas) == 1:
        return rdatas
    rdatas.sort()
    unique: list[bytes] = []
    for rdata in rdatas:
        if not unique or unique[-1] != rdata:
            unique.append(rdata)
    return unique


def signed_data(rrset: RRset, records: list[bytes], rrsig: RRSIG) -> bytes:
    """Return what ``rrsig`` signs (RFC 4034 section 3.1.8.1); ``records`` come from `canonical_records`."""
    owner = rrset.name
    if rrsig.labels < owner_labels(owner):
        owner = wildcard_of(suffix(owner, rrsig.labels))
    ttl = rrsig.original_ttl
    rtype = rrset.rtype
    head = owner + (rtype << 48 | iana.CLASS_IN << 32 | ttl).to_bytes(8, "big")
    parts = [rrsig.rdata_prefix]
    for rdata in records:
        parts.append(head)
        parts.append(len(rdata).to_bytes(2, "big"))
        parts.append(rdata)
    return b"".join(parts)


def owner_labels(owner: bytes) -> int:
    """Return the number of labels as RRSIGs count them: without a leading asterisk (RFC 4034 section 3.1.3)."""
    labels = label_count(owner)
    return labels - 1 if owner.startswith(b"\x01*") else labels


def may_be_expanded(rrset: RRset) -> bool:
    """Say whether any RRSIG, valid or not, claims that the RRset was expanded from a wildcard."""
    labels = owner_labels(rrset.name)
    for signature in rrset.signatures:
        if len(signature) > 3 and signature[3] < labels:
            return True
    return False


class _Examination:
    """The signatures of one RRset, tried one by one."""

    def __init__(
        self,
        rrset: RRset,
        zone: bytes,
        keys: list[DNSKEY],
        verifier: SignatureVerifier,
        budget: WorkBudget,
        validation_time_s: int,
        policy: AlgorithmPolicy,
    ) -> None:
        self.rrset: Final = rrset
        self.zone: Final = zone
        self.keys: Final = keys
        self.verifier: Final = verifier
        self.budget: Final = budget
        self.validation_time_s: Final = validation_time_s
        self.policy: Final = policy
        self.labels: Final = owner_labels(rrset.name)
        self.records: list[bytes] = []
        self.checks = 0
        self.exhausted = False
        self.weight = 0
        self.cause: Cause | None = None

    def subject(self) -> str:
        """Return ``owner/TYPE``, as texts of causes name an RRset."""
        return f"{to_text(self.rrset.name)}/{iana.type_name(self.rrset.rtype)}"

    def blame(self, weight: int, info_code: int, text: str, site: str, key_tag: int = -1) -> None:
        """Remember a reason if it tells more than those before; ``key_tag`` is that of the RRSIG, -1: there is none."""
        if weight > self.weight:
            self.weight = weight
            self.cause = Cause(info_code, text, site, self.subject(), key_tag)

    def examine(self, rrsig: RRSIG) -> int:
        """Return the tag of the key that made ``rrsig`` over the RRset; -1 if it does not validate."""
        if not self._concerns_rrset(rrsig):
            return -1
        if not self.policy.algorithm_usable(rrsig.algorithm):
            text = f"no RRSIG with a supported algorithm for {self.subject()} (algorithm {rrsig.algorithm})"
            self.blame(_ALGORITHM, iana.EDE_RRSIGS_MISSING, text, "rrsig.algorithm", rrsig.key_tag)
            return -1
        if self.validation_time_s >= 0 and not self._timely(rrsig):
            return -1
        matched = 0
        for key in self.keys:
            if key.key_tag != rrsig.key_tag or key.algorithm != rrsig.algorithm:
                continue
            matched += 1
            if matched > KEYS_PER_TAG:
                self._give_up()
                break
            if key_usable(key):
                if self._verifies(rrsig, key):
                    return key.key_tag
            else:
                self._blame_key(key)
            if self.exhausted:
                break
        if matched == 0:
            text = f"no DNSKEY of {to_text(self.zone)} matches the RRSIG for {self.subject()} (keytag={rrsig.key_tag})"
            self.blame(_NO_KEY, iana.EDE_DNSKEY_MISSING, text, "rrsig.no-key", rrsig.key_tag)
        return -1

    def _concerns_rrset(self, rrsig: RRSIG) -> bool:
        """Check what RFC 4035 section 5.3.1 wants of type, signer and labels."""
        zone = self.zone
        rrset = self.rrset
        if rrsig.signer != zone or not is_subdomain(rrset.name, zone):
            text = f"no RRSIG by {to_text(zone)} for {self.subject()} (signer is {to_text(rrsig.signer)})"
            self.blame(_MISSING, iana.EDE_RRSIGS_MISSING, text, "rrsig.signer")
            return False
        if rrsig.type_covered != rrset.rtype:
            text = f"RRSIG for {self.subject()} covers {iana.type_name(rrsig.type_covered)} (keytag={rrsig.key_tag})"
            self.blame(_MALFORMED, iana.EDE_DNSSEC_BOGUS, text, "rrsig.type-covered", rrsig.key_tag)
            return False
        if not label_count(zone) <= rrsig.labels <= self.labels:
            text = f"RRSIG for {self.subject()} has an impossible labels field {rrsig.labels} (keytag={rrsig.key_tag})"
            self.blame(_MALFORMED, iana.EDE_DNSSEC_BOGUS, text, "rrsig.labels", rrsig.key_tag)
            return False
        if rrset.rtype == iana.TYPE_DS and rrset.name == zone and zone != ROOT:
            text = f"{self.subject()} is signed by the child zone itself (keytag={rrsig.key_tag})"
            self.blame(_MALFORMED, iana.EDE_DNSSEC_BOGUS, text, "rrsig.ds-by-child", rrsig.key_tag)
            return False
        return True

    def _timely(self, rrsig: RRSIG) -> bool:
        now_s = self.validation_time_s
        if seconds_between(rrsig.inception, rrsig.expiration) < 0:
            text = f"RRSIG expires at {signature_time_text(rrsig.expiration, now_s)} before its inception"
            text += f" at {signature_time_text(rrsig.inception, now_s)} for {self.subject()} (keytag={rrsig.key_tag})"
            code = iana.EDE_SIGNATURE_EXPIRED_BEFORE_VALID
            self.blame(_EXPIRED, code, text, "rrsig.expired-before-valid", rrsig.key_tag)
            return False
        if seconds_between(now_s, rrsig.expiration) < 0:
            text = f"RRSIG expired at {signature_time_text(rrsig.expiration, now_s)} for {self.subject()}"
            text += f" (keytag={rrsig.key_tag})"
            self.blame(_EXPIRED, iana.EDE_SIGNATURE_EXPIRED, text, "rrsig.expired", rrsig.key_tag)
            return False
        if seconds_between(rrsig.inception, now_s) < 0:
            text = f"RRSIG not valid before {signature_time_text(rrsig.inception, now_s)} for {self.subject()}"
            text += f" (keytag={rrsig.key_tag})"
            self.blame(_NOT_YET_VALID, iana.EDE_SIGNATURE_NOT_YET_VALID, text, "rrsig.not-yet-valid", rrsig.key_tag)
            return False
        return True

    def _verifies(self, rrsig: RRSIG, key: DNSKEY) -> bool:
        if self.checks >= SIGNATURE_CHECKS_PER_RRSET or not self.budget.take_signature_check():
            self._give_up()
            return False
        self.checks += 1
        if not self.records:
            self.records = canonical_records(self.rrset)
        data = signed_data(self.rrset, self.records, rrsig)
        result = self.verifier.verify(key.algorithm, key.public_key, data, rrsig.signature)
        if result == VALID:
            return True
        if result == UNSUPPORTED:
            text = f"RRSIG for {self.subject()} is by a key that is not supported (keytag={key.key_tag})"
            self.blame(_ALGORITHM, iana.EDE_UNSUPPORTED_DNSKEY_ALGORITHM, text, "rrsig.key-not-supported", key.key_tag)
        else:
            text = f"RRSIG with invalid signature for {self.subject()} (keytag={key.key_tag})"
            self.blame(_INVALID, iana.EDE_DNSSEC_BOGUS, text, "rrsig.invalid", key.key_tag)
        return False

    def _blame_key(self, key: DNSKEY) -> None:
        owner = to_text(self.zone)
        if key.flags & iana.DNSKEY_FLAG_ZONE == 0:
            text = f"DNSKEY of {owner} has no zone key bit (keytag={key.key_tag}, for {self.subject()})"
            self.blame(_KEY_NOT_USABLE, iana.EDE_NO_ZONE_KEY_BIT_SET, text, "rrsig.no-zone-key-bit", key.key_tag)
        elif key.flags & iana.DNSKEY_FLAG_REVOKE:
            text = f"DNSKEY of {owner} is revoked (keytag={key.key_tag}, for {self.subject()})"
            self.blame(_KEY_NOT_USABLE, iana.EDE_DNSKEY_MISSING, text, "rrsig.revoked", key.key_tag)
        else:
            text = f"DNSKEY of {owner} has protocol {key.protocol}, not 3 (keytag={key.key_tag}, for {self.subject()})"
            self.blame(_KEY_NOT_USABLE, iana.EDE_DNSKEY_MISSING, text, "rrsig.protocol", key.key_tag)

    def _give_up(self) -> None:
        self.exhausted = True
        text = f"validation work limit reached for {self.subject()}"
        self.blame(_WORK_LIMIT, iana.EDE_OTHER, text, "rrsig.budget")

    def secure(self, rrsig: RRSIG, key_tag: int) -> Verdict:
        """Return the verdict on an RRset that ``rrsig`` validates."""
        ttl = min(self.rrset.ttl, rrsig.original_ttl)
        valid_until_s = FOREVER_S
        if self.validation_time_s >= 0:
            left_s = seconds_between(self.validation_time_s, rrsig.expiration)
            valid_until_s = self.validation_time_s + left_s
            ttl = min(ttl, left_s)
        return Verdict(SECURE, None, rrsig.labels < self.labels, rrsig.labels, ttl, False, key_tag, valid_until_s)

    def bogus(self) -> Verdict:
        """Return the verdict when no signature validates."""
        self.blame(_MISSING, iana.EDE_RRSIGS_MISSING, f"no RRSIG for {self.subject()}", "rrsig.missing")
        return Verdict(BOGUS, self.cause, False, 0, self.rrset.ttl, self.exhausted)


def key_usable(key: DNSKEY) -> bool:
    """Say whether a DNSKEY may sign zone data: zone key, protocol 3, not revoked (RFC 4034 section 2.1, RFC 5011)."""
    flags = key.flags & (iana.DNSKEY_FLAG_ZONE | iana.DNSKEY_FLAG_REVOKE)
    return flags == iana.DNSKEY_FLAG_ZONE and key.protocol == iana.DNSKEY_PROTOCOL
