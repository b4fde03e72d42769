"""Trust anchors, and how a zone rolls them over without anybody's help (RFC 5011).

A key that the zone publishes, validated by a key already trusted, waits 30 days (AddPend) and is then trusted (Valid);
while its owner does not publish it, it stays trusted (Missing); a key that signs its own revocation is never trusted
again (Revoked, later Removed). The configured seeds are trusted at once, unless they were revoked.

Limitations: the hold-down is as good as the wall clock; a seed taken out of the configuration stays trusted as the key
that was learned from it until the state text is taken away, too.
"""

import binascii
from typing import Final

from holdfast.base.limits import (
    DNSKEYS_PER_ZONE,
    RRSET_SIGNATURES,
    TRUST_ANCHOR_HOLD_DOWN_S,
    TRUST_ANCHOR_REMOVE_S,
)
from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.dns.rdata import DNSKEY, parse_dnskey, parse_ds, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.ds import digest
from holdfast.dnssec.rrsig import canonical_records, signed_data
from holdfast.dnssec.signature_time import seconds_between, utc_text
from holdfast.dnssec.verifier import VALID as SIGNATURE_VALID
from holdfast.dnssec.verifier import SignatureVerifier

# The states of RFC 5011 section 4.2; a key that is not listed is in its state Start.
ADD_PENDING: Final = 1
VALID: Final = 2
MISSING: Final = 3
REVOKED: Final = 4
REMOVED: Final = 5
STATE_NAMES: Final = ["Start", "AddPend", "Valid", "Missing", "Revoked", "Removed"]

_HOUR_S: Final = 3600
_DAY_S: Final = 86400
_LATEST_S: Final = 1 << 48  # an instant beyond any that a state text can mean
_REVOKE_OCTET: Final = 0xFF ^ iana.DNSKEY_FLAG_REVOKE


class AnchorKey:
    """A key that was seen in the zone: RDATA (without the REVOKE flag), state, and since when (POSIX seconds)."""

    def __init__(self, rdata: bytes, key_state: int, since_s: int) -> None:
        self.rdata: Final = rdata
        self.state = key_state
        self.since_s = since_s


class TrustAnchor:
    """The trust anchor of one zone.

    ``problem`` is "" unless the state text of an earlier run was unreadable and therefore ignored, or the present one
    cannot be stored; then it says why. ``observed_s`` is when the zone's DNSKEY RRset was seen last (POSIX; 0: never),
    ``unpublished`` are the tags of trusted keys that were not in it, ``unknown`` those of key-signing keys that were,
    but are neither trusted nor followed, ``verified_s`` is when a trusted key had signed it, and ``failing_since_s``
    since when that is not so (0: it is).
    """

    def __init__(self, setting: TrustAnchorSetting) -> None:
        self.zone: Final = setting.zone
        self.tracked: Final = setting.tracked
        self.keys: list[AnchorKey] = []
        self.problem = ""
        self.observed_s = 0
        self.verified_s = 0
        self.failing_since_s = 0
        self.unpublished: list[int] = []
        self.unknown: list[int] = []
        self._seed_ds: Final = setting.ds
        self._seed_dnskey: Final = setting.dnskey
        self._usable_ds: list[bytes] = []
        self._usable_dnskey: list[bytes] = []
        if setting.tracked and setting.state:
            self._restore(setting.state)
        self._choose_usable()

    def usable_ds(self) -> list[bytes]:
        """Return the DS RDATA to trust."""
        return self._usable_ds

    def usable_dnskey(self) -> list[bytes]:
        """Return the DNSKEY RDATA to trust."""
        return self._usable_dnskey

    def trusted_key_tags(self) -> list[int]:
        """Return the key tags of what is trusted, rising, each once."""
        tags = [rdata[0] << 8 | rdata[1] for rdata in self._usable_ds]
        for rdata in self._usable_dnskey:
            tags.append(_tag_of(rdata))
        return sorted(set(tags))

    def deleted(self) -> bool:
        """Say whether every key was revoked: the zone is then as if it never had an anchor (RFC 5011 section 5)."""
        return not self._usable_ds and not self._usable_dnskey

    def observe(
        self, dnskeys: RRset, verified: bool, verifier: SignatureVerifier, validation_time_s: int, now_s: int
    ) -> bool:
        """Take note of a DNSKEY RRset of the zone; True: the state changed, so save `state_text`.

        ``verified``: a trusted key signed it. Without that only revocations count, as they prove themselves.
        ``validation_time_s`` is as for `rrsig.verify_rrset`, ``now_s`` is POSIX time for the hold-down.
        """
        self._note(dnskeys, verified, now_s)
        if not self.tracked:
            return False
        changed = False
        present: list[bytes] = []
        for rdata in dnskeys.rdatas[:DNSKEYS_PER_ZONE]:
            key = parse_dnskey(rdata)
            if key is None or key.protocol != iana.DNSKEY_PROTOCOL or key.flags & iana.DNSKEY_FLAG_ZONE == 0:
                continue
            if key.flags & iana.DNSKEY_FLAG_REVOKE:
                if self._revocable(key) and _self_signed(dnskeys, key, self.zone, verifier, validation_time_s):
                    self._set_state(_without_revoke(rdata), REVOKED, now_s)
                    changed = True
            elif verified:
                present.append(rdata)
                if self._see(key, max(TRUST_ANCHOR_HOLD_DOWN_S, dnskeys.ttl), now_s):
                    changed = True
        if self._age(present, verified, now_s):
            changed = True
        if changed:
            self._choose_usable()
            self._note(dnskeys, verified, now_s)
        return changed

    def _note(self, dnskeys: RRset, verified: bool, now_s: int) -> None:
        """Remember which keys are published, for those who look after the anchor."""
        self.observed_s = now_s
        if verified:
            self.verified_s = now_s
            self.failing_since_s = 0
        published = dnskeys.rdatas[:DNSKEYS_PER_ZONE]
        missing: list[int] = []
        for ds_rdata in self._usable_ds:
            if not self._any_of(ds_rdata, published):
                missing.append(ds_rdata[0] << 8 | ds_rdata[1])
        for rdata in self._usable_dnskey:
            if rdata not in published:
                missing.append(_tag_of(rdata))
        self.unpublished = sorted(set(missing))
        self.unknown = []
        for rdata in published:
            key = parse_dnskey(rdata)
            if key is None or not verified or self.tracked or key.flags & iana.DNSKEY_FLAG_SEP == 0:
                continue
            if key.flags & iana.DNSKEY_FLAG_REVOKE == 0 and not self._is_seed(rdata):
                self.unknown.append(key.key_tag)

    def _any_of(self, ds_rdata: bytes, rdatas: list[bytes]) -> bool:
        for rdata in rdatas:
            if self._is_digest_of(ds_rdata, rdata):
                return True
        return False

    def note_failure(self, now_s: int) -> None:
        """The zone's keys could not be fetched and validated."""
        if self.failing_since_s == 0:
            self.failing_since_s = now_s

    def is_missing(self, tags: list[int]) -> bool:
        """Say whether all these trusted keys were published once (RFC 5011's state Missing)."""
        missing = [_tag_of(key.rdata) for key in self.keys if key.state == MISSING]
        for tag in tags:
            if tag not in missing:
                return False
        return True

    def withdraw_seeds_missing_from(self, old: "TrustAnchor") -> bool:
        """Trust no key that was learned from a seed of ``old`` that is none here; True: there was such a seed.

        The seeds of this one are what somebody has decided to trust now.
        """
        withdrawn = [rdata for rdata in old._seed_ds if rdata not in self._seed_ds]
        keys = [rdata for rdata in old._seed_dnskey if rdata not in self._seed_dnskey]
        kept: list[AnchorKey] = []
        for key in self.keys:
            is_withdrawn = key.rdata in keys
            for ds_rdata in withdrawn:
                if self._is_digest_of(ds_rdata, key.rdata):
                    is_withdrawn = True
            if not is_withdrawn or self._is_seed(key.rdata):
                kept.append(key)
        self.keys = kept
        self._choose_usable()
        return bool(withdrawn) or bool(keys)

    def _see(self, key: DNSKEY, hold_down_s: int, now_s: int) -> bool:
        """Note a key that is published without REVOKE flag; True: its state changed."""
        known = self._find(key.rdata)
        if known is None:
            if self._is_seed(key.rdata):
                self._set_state(key.rdata, VALID, now_s)
                return True
            if key.flags & iana.DNSKEY_FLAG_SEP and len(self.keys) < DNSKEYS_PER_ZONE:
                self._set_state(key.rdata, ADD_PENDING, now_s)
                return True
            return False
        held = known.state == ADD_PENDING and now_s - known.since_s >= hold_down_s
        if held or known.state == MISSING:
            self._set_state(key.rdata, VALID, now_s)
            return True
        return False

    def _age(self, present: list[bytes], verified: bool, now_s: int) -> bool:
        """Move the keys that are not published any more, and those revoked long ago; True: a state changed."""
        changed = False
        kept: list[AnchorKey] = []
        for key in self.keys:
            if verified and key.state == ADD_PENDING and key.rdata not in present:
                changed = True
                continue
            if verified and key.state == VALID and key.rdata not in present:
                key.state = MISSING
                key.since_s = now_s
                changed = True
            elif key.state == REVOKED and now_s - key.since_s >= TRUST_ANCHOR_REMOVE_S:
                key.state = REMOVED
                key.since_s = now_s
                changed = True
            kept.append(key)
        self.keys = kept
        return changed

    def _revocable(self, key: DNSKEY) -> bool:
        """Say whether a key with REVOKE flag is one that is trusted without it."""
        rdata = _without_revoke(key.rdata)
        known = self._find(rdata)
        if known is None:
            return self._is_seed(rdata)
        return known.state in (VALID, MISSING)

    def _find(self, rdata: bytes) -> AnchorKey | None:
        for key in self.keys:
            if key.rdata == rdata:
                return key
        return None

    def _set_state(self, rdata: bytes, key_state: int, now_s: int) -> None:
        known = self._find(rdata)
        if known is None:
            self.keys.append(AnchorKey(rdata, key_state, now_s))
        else:
            known.state = key_state
            known.since_s = now_s

    def _is_seed(self, rdata: bytes) -> bool:
        if rdata in self._seed_dnskey:
            return True
        for ds_rdata in self._seed_ds:
            if self._is_digest_of(ds_rdata, rdata):
                return True
        return False

    def _is_digest_of(self, ds_rdata: bytes, rdata: bytes) -> bool:
        ds = parse_ds(ds_rdata)
        key = parse_dnskey(rdata)
        if ds is None or key is None or ds.key_tag != key.key_tag or ds.algorithm != key.algorithm:
            return False
        return digest(self.zone, rdata, ds.digest_type) == ds.digest

    def _choose_usable(self) -> None:
        """Work out what is trusted: seeds that are not revoked, and keys that are Valid or Missing."""
        revoked = [key.rdata for key in self.keys if key.state in (REVOKED, REMOVED)]
        self._usable_ds = []
        for ds_rdata in self._seed_ds:
            for rdata in revoked:
                if self._is_digest_of(ds_rdata, rdata):
                    break
            else:
                self._usable_ds.append(ds_rdata)
        self._usable_dnskey = [rdata for rdata in self._seed_dnskey if rdata not in revoked]
        for key in self.keys:
            if key.state in (VALID, MISSING) and key.rdata not in self._usable_dnskey:
                self._usable_dnskey.append(key.rdata)

    def state_text(self) -> str:
        """Return the state as lines of text, to be given back as `TrustAnchorSetting.state` at the next start."""
        lines = [_header(self.zone)]
        for key in self.keys:
            flags = key.rdata[0] << 8 | key.rdata[1]
            public_key = binascii.b2a_base64(key.rdata[4:], newline=False).decode("ascii")
            fields = f"{STATE_NAMES[key.state]} {key.since_s} {flags} {key.rdata[2]} {key.rdata[3]} {public_key}"
            lines.append(f"{fields} ; keytag={_tag_of(key.rdata)} since {utc_text(key.since_s)}")
        return "\n".join(lines) + "\n"

    def _restore(self, text: str) -> None:
        """Take over the state of an earlier run; a text that is not wholly understood is not used at all."""
        lines = text.splitlines()
        if lines[0] != _header(self.zone):
            self.problem = f"trust anchor state: line 1 is not {_header(self.zone)!r}"
            return
        keys: list[AnchorKey] = []
        for number in range(1, len(lines)):
            key = _parse_line(lines[number])
            if key is None:
                self.problem = f"trust anchor state of {to_text(self.zone)}: line {number + 1} is not understood"
                return
            keys.append(key)
        self.keys = keys


def next_refresh_s(original_ttl_s: int, signature_remaining_s: int, failed: bool) -> int:
    """Return in how many seconds to look at the keys again, after success or failure (RFC 5011 section 2.3).

    ``signature_remaining_s`` is how long the RRSIG over the DNSKEY RRset is still valid.
    """
    if failed:
        return max(_HOUR_S, min(_DAY_S, original_ttl_s // 10, signature_remaining_s // 10))
    return max(_HOUR_S, min(15 * _DAY_S, original_ttl_s // 2, signature_remaining_s // 2))


def _header(zone: bytes) -> str:
    return f"; holdfast trust anchor state, version 1, zone {to_text(zone)}"


def _parse_line(line: str) -> AnchorKey | None:
    """Return the key of a line: state, since, flags, protocol, algorithm, public key, comment; None if malformed."""
    fields = line.partition(";")[0].split()
    if len(fields) != 6 or fields[0] not in STATE_NAMES[1:]:
        return None
    since_s = iana.decimal(fields[1], _LATEST_S)
    flags = iana.decimal(fields[2], 0xFFFF)
    protocol = iana.decimal(fields[3], 255)
    algorithm = iana.decimal(fields[4], 255)
    if since_s < 0 or flags < 0 or protocol < 0 or algorithm < 0:
        return None
    try:
        public_key = binascii.a2b_base64(fields[5].encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    rdata = bytes((flags >> 8, flags & 255, protocol, algorithm)) + public_key
    return AnchorKey(rdata, STATE_NAMES.index(fields[0]), since_s) if parse_dnskey(rdata) is not None else None


def _tag_of(rdata: bytes) -> int:
    key = parse_dnskey(rdata)
    return key.key_tag if key is not None else 0


def _without_revoke(rdata: bytes) -> bytes:
    return bytes((rdata[0], rdata[1] & _REVOKE_OCTET)) + rdata[2:]


def _self_signed(dnskeys: RRset, key: DNSKEY, zone: bytes, verifier: SignatureVerifier, validation_time_s: int) -> bool:
    """Say whether ``key``, revoked or not, signed the RRset that it is in."""
    for rdata in dnskeys.signatures[:RRSET_SIGNATURES]:
        rrsig = parse_rrsig(rdata)
        if rrsig is None or rrsig.key_tag != key.key_tag or rrsig.algorithm != key.algorithm or rrsig.signer != zone:
            continue
        if rrsig.type_covered != iana.TYPE_DNSKEY or dnskeys.name != zone:
            continue
        if validation_time_s >= 0 and (
            seconds_between(validation_time_s, rrsig.expiration) < 0
            or seconds_between(rrsig.inception, validation_time_s) < 0
        ):
            continue
        data = signed_data(dnskeys, canonical_records(dnskeys), rrsig)
        if verifier.verify(key.algorithm, key.public_key, data, rrsig.signature) == SIGNATURE_VALID:
            return True
    return False
