"""The shelf of broken names: what is wrong, and what a validating resolver must say about it (RFC 8914)."""

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.crypto.signing import SigningKey
from holdfast.dns.iana import (
    EDE_DNSKEY_MISSING,
    EDE_DNSSEC_BOGUS,
    EDE_NETWORK_ERROR,
    EDE_NO_ZONE_KEY_BIT_SET,
    EDE_NSEC_MISSING,
    EDE_OTHER,
    EDE_RRSIGS_MISSING,
    EDE_SIGNATURE_EXPIRED,
    EDE_SIGNATURE_NOT_YET_VALID,
    EDE_UNSUPPORTED_DNSKEY_ALGORITHM,
    EDE_UNSUPPORTED_DS_DIGEST_TYPE,
    EDE_UNSUPPORTED_NSEC3_ITERATIONS,
    RCODE_NOERROR,
    RCODE_SERVFAIL,
    TYPE_A,
    TYPE_DNSKEY,
)
from holdfast.lab.authority import Faults
from holdfast.registry.signer import sign_rrset, sign_zone
from holdfast.registry.zone import Nsec3Parameters, Zone

DAY_S = 86400
VALID_BEFORE_S = DAY_S
VALID_AFTER_S = 30 * DAY_S

Signer = Callable[[Zone, int], list[bytes]]


@dataclass(frozen=True)
class BrokenName:
    """A zone with one fault.

    ``query`` is the name to ask (type A), ``text`` a regular expression that the EDE text matches, ``sign`` builds the
    signed zone and returns the DS RDATA for the parent, ``faults`` are those of its server.
    """

    zone: str
    query: str
    fault: str
    rcode: int
    info_code: int
    text: str
    sign: Signer
    faults: Faults | None = None


def key_of(zone: Zone, algorithm: int = 13, purpose: bytes = b"zone") -> SigningKey:
    """Return the key of a zone, the same in every run."""
    return SigningKey.derive(algorithm, purpose + b"/" + zone.name)


def sign_well(zone: Zone, now_s: int, nsec3: Nsec3Parameters | None = None, algorithm: int = 13) -> list[bytes]:
    """Sign as it should be; returns the DS RDATA."""
    key = key_of(zone, algorithm)
    sign_zone(zone, [key], now_s - VALID_BEFORE_S, now_s + VALID_AFTER_S, nsec3)
    return [key.ds(zone.name)]


def sign_nsec3(zone: Zone, now_s: int) -> list[bytes]:
    """Sign with NSEC3."""
    return sign_well(zone, now_s, Nsec3Parameters())


def www(zone: Zone) -> bytes:
    """Return the name that is asked."""
    return b"\x03www" + zone.name


def sign_expired(zone: Zone, now_s: int) -> list[bytes]:
    """The address record's signature ran out yesterday."""
    ds = sign_well(zone, now_s)
    sign_rrset(zone, zone.nodes[www(zone)][TYPE_A], now_s - 30 * DAY_S, now_s - DAY_S)
    return ds


def sign_not_yet(zone: Zone, now_s: int) -> list[bytes]:
    """The address record's signature starts tomorrow."""
    ds = sign_well(zone, now_s)
    sign_rrset(zone, zone.nodes[www(zone)][TYPE_A], now_s + DAY_S, now_s + 30 * DAY_S)
    return ds


def spoil(signature: bytes) -> bytes:
    """Change the last octet of a signature."""
    return signature[:-1] + bytes([signature[-1] ^ 0x55])


def sign_bad_signature(zone: Zone, now_s: int) -> list[bytes]:
    """The address record's signature does not verify."""
    ds = sign_well(zone, now_s)
    rrset = zone.nodes[www(zone)][TYPE_A]
    rrset.signatures = [spoil(one) for one in rrset.signatures]
    return ds


def sign_missing_dnskey(zone: Zone, now_s: int) -> list[bytes]:
    """The parent vouches for a key, but the zone publishes none."""
    ds = sign_well(zone, now_s)
    del zone.nodes[zone.name][TYPE_DNSKEY]
    return ds


def sign_bad_ds(zone: Zone, now_s: int) -> list[bytes]:
    """The DS in the parent belongs to another key."""
    sign_well(zone, now_s)
    return [key_of(zone, purpose=b"other").ds(zone.name)]


def sign_missing_rrsig(zone: Zone, now_s: int) -> list[bytes]:
    """The address record has no signature."""
    ds = sign_well(zone, now_s)
    zone.nodes[www(zone)][TYPE_A].signatures = []
    return ds


def sign_no_zone_key_bit(zone: Zone, now_s: int) -> list[bytes]:
    """The only key lacks the Zone Key flag (RFC 4034 section 2.1.1)."""
    key = SigningKey.derive(13, b"zone/" + zone.name, 1)
    sign_zone(zone, [key], now_s - VALID_BEFORE_S, now_s + VALID_AFTER_S)
    return [key.ds(zone.name)]


def sign_missing_nsec(zone: Zone, now_s: int) -> list[bytes]:
    """Negative answers carry no proof."""
    ds = sign_well(zone, now_s)
    zone.chain = [zone.chain[0]]
    zone.chain_keys = [zone.chain_keys[0]]
    zone.chain[0] = zone.nodes[zone.name][TYPE_DNSKEY]
    return ds


def sign_missing_nsec3(zone: Zone, now_s: int) -> list[bytes]:
    """Of the NSEC3 chain only one record is left, and it matches nothing that is asked."""
    ds = sign_nsec3(zone, now_s)
    at = next(at for at, rrset in enumerate(zone.chain) if rrset is zone.matching(www(zone)))
    zone.chain = [zone.chain[at]]
    zone.chain_keys = [zone.chain_keys[at]]
    return ds


def sign_bogus_nsec3(zone: Zone, now_s: int) -> list[bytes]:
    """The signatures of the NSEC3 chain do not verify, as those of de on 5 May 2026."""
    ds = sign_nsec3(zone, now_s)
    for rrset in zone.chain:
        rrset.signatures = [spoil(one) for one in rrset.signatures]
    return ds


def sign_many_iterations(zone: Zone, now_s: int) -> list[bytes]:
    """NSEC3 with so many iterations that validators treat it as insecure (RFC 9276 section 3.2)."""
    return sign_well(zone, now_s, Nsec3Parameters(iterations=500, salt=b"\xab\xcd"))


def sign_unknown_algorithm(zone: Zone, now_s: int) -> list[bytes]:
    """The DS names an algorithm that nobody implements (252 is reserved for indirect keys)."""
    ds = sign_well(zone, now_s)
    return [ds[0][:2] + b"\xfc" + ds[0][3:]]


def sign_unknown_digest(zone: Zone, now_s: int) -> list[bytes]:
    """The DS uses a digest that nobody implements."""
    ds = sign_well(zone, now_s)
    return [ds[0][:3] + b"\xfa" + ds[0][4:]]


def leave_unsigned(_zone: Zone, _now_s: int) -> list[bytes]:
    """Do not sign."""
    return []


BOGUS, EXPIRED, EARLY = EDE_DNSSEC_BOGUS, EDE_SIGNATURE_EXPIRED, EDE_SIGNATURE_NOT_YET_VALID
UNKNOWN_ALGORITHM, UNKNOWN_DIGEST = EDE_UNSUPPORTED_DNSKEY_ALGORITHM, EDE_UNSUPPORTED_DS_DIGEST_TYPE
FAIL, GOOD = RCODE_SERVFAIL, RCODE_NOERROR
NO_NAME = "missing.{zone}"
WWW = "www.{zone}"

_TABLE: list[tuple[str, str, str, int, int, str, Signer, Faults | None]] = [
    ("expired.de", WWW, "signature expired", FAIL, EXPIRED, r"www\.expired\.de/A", sign_expired, None),
    ("not-yet-valid.de", WWW, "signature not yet valid", FAIL, EARLY, r"www\.not-yet-valid\.de/A", sign_not_yet, None),
    ("bad-signature.de", WWW, "signature does not verify", FAIL, BOGUS, r"invalid signature", sign_bad_signature, None),
    ("no-dnskey.de", WWW, "DNSKEY is missing", FAIL, EDE_DNSKEY_MISSING, r"no-dnskey\.de", sign_missing_dnskey, None),
    ("bad-ds.de", WWW, "DS matches no DNSKEY", FAIL, EDE_DNSKEY_MISSING, r"bad-ds\.de", sign_bad_ds, None),
    (
        "no-rrsig.de",
        WWW,
        "RRSIG is missing",
        FAIL,
        EDE_RRSIGS_MISSING,
        r"www\.no-rrsig\.de/A",
        sign_missing_rrsig,
        None,
    ),
    ("no-zone-key.de", WWW, "Zone Key bit not set", FAIL, EDE_NO_ZONE_KEY_BIT_SET, "", sign_no_zone_key_bit, None),
    (
        "no-nsec.de",
        NO_NAME,
        "NSEC is missing",
        FAIL,
        EDE_NSEC_MISSING,
        r"missing\.no-nsec\.de",
        sign_missing_nsec,
        None,
    ),
    ("no-nsec3.de", NO_NAME, "NSEC3 is missing", FAIL, EDE_NSEC_MISSING, r"no-nsec3\.de", sign_missing_nsec3, None),
    ("bogus-nsec3.de", NO_NAME, "NSEC3 does not verify", FAIL, BOGUS, r"bogus-nsec3\.de/NSEC3", sign_bogus_nsec3, None),
    (
        "iterations.de",
        NO_NAME,
        "too many NSEC3 iterations",
        3,
        EDE_UNSUPPORTED_NSEC3_ITERATIONS,
        "iteration",
        sign_many_iterations,
        None,
    ),
    ("new-algorithm.de", WWW, "unsupported algorithm", GOOD, UNKNOWN_ALGORITHM, "252", sign_unknown_algorithm, None),
    ("new-digest.de", WWW, "unsupported DS digest", GOOD, UNKNOWN_DIGEST, "250", sign_unknown_digest, None),
    (
        "silent.de",
        WWW,
        "servers do not answer",
        FAIL,
        EDE_NETWORK_ERROR,
        "no response",
        leave_unsigned,
        Faults(drop_all=True),
    ),
    ("refused.de", WWW, "servers refuse", FAIL, EDE_NETWORK_ERROR, "REFUSED", leave_unsigned, Faults(refuse_all=True)),
    ("servfail.de", WWW, "servers fail", FAIL, EDE_NETWORK_ERROR, "SERVFAIL", leave_unsigned, Faults(fail_all=True)),
    ("loop.de", "alias.{zone}", "CNAME loop", FAIL, EDE_OTHER, "loop", sign_well, None),
]
SHELF: list[BrokenName] = [
    BrokenName(zone, query.format(zone=zone), fault, rcode, code, text, sign, faults)
    for zone, query, fault, rcode, code, text, sign, faults in _TABLE
]
