"""DNSSEC records for tests: RRsets from zone file text, and a signer built on dnspython, so independent of holdfast."""

import struct
from collections.abc import Iterable

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from holdfast.dns.name import from_text
from holdfast.dns.rdata import DNSKEY, parse_dnskey
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.verifier import INVALID, SignatureVerifier
from holdfast.dnssec.work_budget import WorkBudget

INCEPTION = 1_777_000_000  # 2026-04-24T03:06:40Z
EXPIRATION = 1_779_000_000  # 2026-05-17T06:40:00Z
NOW = 1_778_000_000  # 2026-05-05T16:53:20Z
EVERYTHING = AlgorithmPolicy([5, 7, 8, 10, 13, 14, 15, 16], [1, 2, 4])


def wire_name(text: str) -> bytes:
    name = from_text(text)
    assert name is not None, text
    return name


def rdata(rtype: str, text: str) -> bytes:
    record = dns.rdata.from_text("IN", rtype, text, relativize=False, origin=dns.name.root)
    wire = record.to_wire()
    assert wire is not None
    return wire


def rrset(owner: str, rtype: str, *texts: str, ttl: int = 3600) -> RRset:
    """An unsigned RRset."""
    return RRset(wire_name(owner), dns.rdatatype.from_text(rtype), ttl, [rdata(rtype, text) for text in texts], [])


def read_rrsets(text: str) -> list[RRset]:
    """RRsets of lines ``owner TTL IN type RDATA``, in order, with their signatures attached."""
    found: dict[tuple[bytes, int], RRset] = {}
    for line in text.splitlines():
        if not line or line.startswith(";"):
            continue
        owner, ttl, _, rtype, data = line.split(maxsplit=4)
        covered = data.split()[0] if rtype == "RRSIG" else rtype
        key = (wire_name(owner), dns.rdatatype.from_text(covered))
        ours = found.setdefault(key, RRset(*key, int(ttl), [], []))
        (ours.signatures if rtype == "RRSIG" else ours.rdatas).append(rdata(rtype, data))
    return list(found.values())


def find(rrsets: Iterable[RRset], owner: str, rtype: str) -> RRset:
    wanted = (wire_name(owner), dns.rdatatype.from_text(rtype))
    return next(one for one in rrsets if (one.name, one.rtype) == wanted)


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


def private_key(algorithm: int) -> PrivateKey:
    if algorithm == 13:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == 14:
        return ec.generate_private_key(ec.SECP384R1())
    if algorithm == 15:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == 16:
        return ed448.Ed448PrivateKey.generate()
    return rsa.generate_private_key(65537, 1024)


class ZoneKey:
    """A key pair of a zone."""

    def __init__(self, zone: str, algorithm: int = 15, flags: int = 257, private: PrivateKey | None = None) -> None:
        self.zone = zone
        self.private = private or private_key(algorithm)
        self.record = dns.dnssec.make_dnskey(self.private.public_key(), algorithm, flags=flags)
        self.rdata = self.record.to_wire() or b""

    def with_flags(self, flags: int) -> "ZoneKey":
        return ZoneKey(self.zone, int(self.record.algorithm), flags, self.private)

    def dnskey(self) -> DNSKEY:
        key = parse_dnskey(self.rdata)
        assert key is not None
        return key

    @property
    def tag(self) -> int:
        return dns.dnssec.key_id(self.record)

    def ds(self, digest: str = "SHA256") -> bytes:
        record = dns.dnssec.make_ds(
            dns.name.from_text(self.zone), self.record, digest, policy=dns.dnssec.allow_all_policy
        )
        return record.to_wire() or b""

    def sign(self, target: RRset, inception: int = INCEPTION, expiration: int = EXPIRATION) -> RRset:
        """Add a signature to ``target``, and return it."""
        rtype = dns.rdatatype.RdataType.make(target.rtype)
        records = dns.rrset.RRset(dns.name.from_wire(target.name, 0)[0], dns.rdataclass.IN, rtype)
        records.update_ttl(target.ttl)
        for wire in target.rdatas:
            records.add(dns.rdata.from_wire(dns.rdataclass.IN, rtype, wire, 0, len(wire)))
        signature = dns.dnssec.sign(
            records,
            self.private,
            dns.name.from_text(self.zone),
            self.record,
            inception=inception,
            expiration=expiration,
            policy=dns.dnssec.allow_all_policy,
        )
        target.signatures.append(signature.to_wire() or b"")
        return target


def patched(signature: bytes, offset: int, octets: bytes) -> bytes:
    """An RRSIG with other octets at ``offset``: 2 algorithm, 3 labels, 8 expiration, 12 inception, 16 key tag."""
    return signature[:offset] + octets + signature[offset + len(octets) :]


def u32(value: int) -> bytes:
    return struct.pack(">I", value & 0xFFFFFFFF)


class ScriptedVerifier(SignatureVerifier):
    """Gives fixed answers, and remembers what it was asked."""

    def __init__(self, results: dict[bytes, int] | None = None, otherwise: int = INVALID) -> None:
        self.results = results or {}
        self.otherwise = otherwise
        self.calls: list[tuple[int, bytes, bytes, bytes]] = []

    def verify(self, algorithm: int, public_key: bytes, signed_data: bytes, signature: bytes) -> int:
        self.calls.append((algorithm, public_key, signed_data, signature))
        return self.results.get(public_key, self.otherwise)


def plenty() -> WorkBudget:
    return WorkBudget(1000, 1000)
