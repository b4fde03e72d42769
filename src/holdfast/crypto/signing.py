"""Keys and signatures of the signing side: DNSKEY, DS and RRSIG from private keys (RFC 4034, 5702, 6605, 8080)."""

from abc import ABC, abstractmethod
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from holdfast.dns.rdata import key_tag
from holdfast.dns.rrset import RRset
from holdfast.dnssec.ds import digest
from holdfast.dnssec.rrsig import canonical_records, owner_labels

FLAG_ZONE_KEY = 0x0100
FLAG_SECURE_ENTRY_POINT = 0x0001
PROTOCOL = 3
CDS_DELETE = b"\x00\x00\x00\x00\x00"  # 0 0 0 00: asks the parent to delete the DS RRset (RFC 8078 section 4)
CDNSKEY_DELETE = b"\x00\x00\x03\x00\x00"  # 0 3 0 AA==
RSA_BITS = 2048
RSA_EXPONENT = 65537
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
_RSA_HASHES: dict[int, hashes.HashAlgorithm] = {
    5: hashes.SHA1(),
    7: hashes.SHA1(),
    8: hashes.SHA256(),
    10: hashes.SHA512(),
}
_CURVES: dict[int, tuple[ec.EllipticCurve, hashes.HashAlgorithm, int]] = {
    13: (ec.SECP256R1(), hashes.SHA256(), 32),
    14: (ec.SECP384R1(), hashes.SHA384(), 48),
}
_rsa_keys: dict[bytes, rsa.RSAPrivateKey] = {}


class ZoneKey(ABC):
    """A key pair of a zone, wherever its private half is kept.

    ``flags`` is 256 for a zone signing key, 257 for a key signing or combined key; ``dnskey`` the DNSKEY RDATA;
    ``key_hash`` what identifies the key (see `public_key_hash`): two keys may share a tag, labels may lie.
    """

    def __init__(self, dnskey: bytes) -> None:
        self.dnskey = dnskey
        self.algorithm = dnskey[3]
        self.flags = dnskey[0] << 8 | dnskey[1]
        self.key_tag = key_tag(dnskey)
        self.key_hash = public_key_hash(dnskey)

    @abstractmethod
    def sign_octets(self, data: bytes) -> bytes:
        """Return the signature over ``data``, encoded as the signature field of an RRSIG."""

    def ds(self, zone: bytes, digest_type: int = 2) -> bytes:
        """Return the DS RDATA for this key (RFC 4034 section 5.1). Raises ValueError for unknown digest types."""
        return ds_of(zone, self.dnskey, digest_type)

    def sign(self, rrset: RRset, zone: bytes, inception_s: int, expiration_s: int) -> bytes:
        """Return the RRSIG RDATA over an RRset (RFC 4034 section 3.1.8.1)."""
        prefix = (
            rrset.rtype.to_bytes(2, "big")
            + bytes([self.algorithm, owner_labels(rrset.name)])
            + rrset.ttl.to_bytes(4, "big")
            + (expiration_s & 0xFFFFFFFF).to_bytes(4, "big")
            + (inception_s & 0xFFFFFFFF).to_bytes(4, "big")
            + self.key_tag.to_bytes(2, "big")
            + zone
        )
        fixed = rrset.name + rrset.rtype.to_bytes(2, "big") + b"\x00\x01" + rrset.ttl.to_bytes(4, "big")
        parts = [prefix]
        for rdata in canonical_records(rrset):
            parts.append(fixed + len(rdata).to_bytes(2, "big") + rdata)
        return prefix + self.sign_octets(b"".join(parts))


class SigningKey(ZoneKey):
    """A key whose private half is here, in memory."""

    def __init__(self, algorithm: int, private: PrivateKey, flags: int) -> None:
        super().__init__(dnskey_rdata(algorithm, private, flags))
        self._private = private

    @classmethod
    def derive(cls, algorithm: int, seed: bytes, flags: int = FLAG_ZONE_KEY | FLAG_SECURE_ENTRY_POINT) -> "SigningKey":
        """Make the key that belongs to a seed; RSA keys are random, but stay the same within the process.

        Raises ValueError for an algorithm that cannot be signed with.
        """
        secret = sha256(seed).digest()
        private: PrivateKey
        if algorithm in _RSA_HASHES:
            if seed not in _rsa_keys:
                _rsa_keys[seed] = rsa.generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS)
            private = _rsa_keys[seed]
        elif algorithm in _CURVES:
            private = ec.derive_private_key(int.from_bytes(secret, "big") % (P256_ORDER - 1) + 1, _CURVES[algorithm][0])
        elif algorithm == 15:
            private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
        elif algorithm == 16:
            private = ed448.Ed448PrivateKey.from_private_bytes((secret + secret)[:57])
        else:
            raise ValueError(_cannot_sign(algorithm))
        return cls(algorithm, private, flags)

    @classmethod
    def from_primes(cls, algorithm: int, p: int, q: int, flags: int) -> "SigningKey":
        """Make the RSA key with these primes and the exponent 65537. Raises ValueError if they make none."""
        private = rsa.RSAPrivateNumbers(
            p,
            q,
            d := pow(RSA_EXPONENT, -1, (p - 1) * (q - 1)),
            rsa.rsa_crt_dmp1(d, p),
            rsa.rsa_crt_dmq1(d, q),
            rsa.rsa_crt_iqmp(p, q),
            rsa.RSAPublicNumbers(RSA_EXPONENT, p * q),
        )
        return cls(algorithm, private.private_key(), flags)

    def sign_octets(self, data: bytes) -> bytes:
        """Sign in memory."""
        return sign_octets(self._private, self.algorithm, data)


def generate_private_key(algorithm: int, rsa_bits: int = RSA_BITS) -> PrivateKey:
    """Return a new random private key. Raises ValueError for an algorithm that cannot be signed with."""
    if algorithm in _RSA_HASHES:
        return rsa.generate_private_key(public_exponent=RSA_EXPONENT, key_size=rsa_bits)
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm][0])
    if algorithm == 15:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == 16:
        return ed448.Ed448PrivateKey.generate()
    raise ValueError(_cannot_sign(algorithm))


def dnskey_rdata(algorithm: int, private: PrivateKey, flags: int) -> bytes:
    """Return the DNSKEY RDATA of a key pair (RFC 4034 section 2.1)."""
    return bytes([flags >> 8, flags & 255, PROTOCOL, algorithm]) + _public_octets(private)


def public_key_hash(dnskey: bytes) -> str:
    """Return what identifies the key in a DNSKEY RDATA: SHA-256 over algorithm and public key, in hexadecimal.

    Flags are left out: a key stays the same key when it is revoked.
    """
    return sha256(dnskey[3:]).hexdigest()


def ds_of(zone: bytes, dnskey: bytes, digest_type: int = 2) -> bytes:
    """Return the DS RDATA for a DNSKEY (RFC 4034 section 5.1). Raises ValueError for unknown digest types."""
    value = digest(zone, dnskey, digest_type)
    if value is None:
        raise ValueError(f"cannot make a DS with digest type {digest_type}; use 1, 2 or 4")
    return key_tag(dnskey).to_bytes(2, "big") + bytes([dnskey[3], digest_type]) + value


def sign_octets(private: PrivateKey, algorithm: int, data: bytes) -> bytes:
    """Sign with the encoding that DNSSEC wants (RFC 5702, 6605, 8080)."""
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), _RSA_HASHES[algorithm])
    if isinstance(private, ec.EllipticCurvePrivateKey):
        _, hash_algorithm, octets = _CURVES[algorithm]
        r, s = decode_dss_signature(private.sign(data, _ecdsa(hash_algorithm)))
        return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")
    return private.sign(data)


def _ecdsa(hash_algorithm: hashes.HashAlgorithm) -> ec.ECDSA:
    """Return ECDSA with nonces from key and data (RFC 6979): good ones everywhere, and the same signatures again."""
    try:
        return ec.ECDSA(hash_algorithm, deterministic_signing=True)
    except UnsupportedAlgorithm:  # OpenSSL before 3.2
        return ec.ECDSA(hash_algorithm)


def _cannot_sign(algorithm: int) -> str:
    return f"cannot sign with algorithm {algorithm}; use one of 5, 7, 8, 10, 13, 14, 15, 16"


def _public_octets(private: PrivateKey) -> bytes:
    """Return the public key field of the DNSKEY RDATA."""
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")
        return bytes([len(exponent)]) + exponent + numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
    if isinstance(private, ec.EllipticCurvePrivateKey):
        point = private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return point[1:]
    return private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
