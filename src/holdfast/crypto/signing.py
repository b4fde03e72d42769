"""Keys and signatures of the signing side: DNSKEY, DS and RRSIG from private keys (RFC 4034, 5702, 6605, 8080)."""

from hashlib import sha256

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from holdfast.dns.name import label_count
from holdfast.dns.rdata import canonical, key_tag
from holdfast.dns.rrset import RRset
from holdfast.dnssec.ds import digest

FLAG_ZONE_KEY = 0x0100
FLAG_SECURE_ENTRY_POINT = 0x0001
PROTOCOL = 3
RSA_BITS = 2048
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


class SigningKey:
    """A private key of a zone; ``flags`` 256 for a zone signing key, 257 for a key signing or combined key."""

    def __init__(self, algorithm: int, private: PrivateKey, flags: int) -> None:
        self.algorithm = algorithm
        self.flags = flags
        self._private = private
        self.dnskey = bytes([flags >> 8, flags & 255, PROTOCOL, algorithm]) + _public_octets(private)
        self.key_tag = key_tag(self.dnskey)

    @classmethod
    def derive(cls, algorithm: int, seed: bytes, flags: int = FLAG_ZONE_KEY | FLAG_SECURE_ENTRY_POINT) -> "SigningKey":
        """Make the key that belongs to a seed; RSA keys are random, but stay the same within the process.

        Raises ValueError for an algorithm that cannot be signed with.
        """
        secret = sha256(seed).digest()
        private: PrivateKey
        if algorithm in _RSA_HASHES:
            if seed not in _rsa_keys:
                _rsa_keys[seed] = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
            private = _rsa_keys[seed]
        elif algorithm in _CURVES:
            private = ec.derive_private_key(int.from_bytes(secret, "big") % (P256_ORDER - 1) + 1, _CURVES[algorithm][0])
        elif algorithm == 15:
            private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
        elif algorithm == 16:
            private = ed448.Ed448PrivateKey.from_private_bytes((secret + secret)[:57])
        else:
            raise ValueError(f"cannot sign with algorithm {algorithm}; use one of 5, 7, 8, 10, 13, 14, 15, 16")
        return cls(algorithm, private, flags)

    def ds(self, zone: bytes, digest_type: int = 2) -> bytes:
        """Return the DS RDATA for this key (RFC 4034 section 5.1). Raises ValueError for unknown digest types."""
        value = digest(zone, self.dnskey, digest_type)
        if value is None:
            raise ValueError(f"cannot make a DS with digest type {digest_type}; use 1, 2 or 4")
        return bytes([self.key_tag >> 8, self.key_tag & 255, self.algorithm, digest_type]) + value

    def sign(self, rrset: RRset, zone: bytes, inception_s: int, expiration_s: int) -> bytes:
        """Return the RRSIG RDATA over an RRset (RFC 4034 section 3.1.8.1)."""
        labels = label_count(rrset.name) - (1 if rrset.name.startswith(b"\x01*") else 0)
        prefix = (
            rrset.rtype.to_bytes(2, "big")
            + bytes([self.algorithm, labels])
            + rrset.ttl.to_bytes(4, "big")
            + expiration_s.to_bytes(4, "big")
            + inception_s.to_bytes(4, "big")
            + self.key_tag.to_bytes(2, "big")
            + zone
        )
        fixed = rrset.name + rrset.rtype.to_bytes(2, "big") + b"\x00\x01" + rrset.ttl.to_bytes(4, "big")
        records = sorted({canonical(rrset.rtype, rdata) for rdata in rrset.rdatas})
        data = prefix + b"".join(fixed + len(rdata).to_bytes(2, "big") + rdata for rdata in records)
        return prefix + self._sign_octets(data)

    def _sign_octets(self, data: bytes) -> bytes:
        """Sign with the encoding that DNSSEC wants."""
        private = self._private
        if isinstance(private, rsa.RSAPrivateKey):
            return private.sign(data, padding.PKCS1v15(), _RSA_HASHES[self.algorithm])
        if isinstance(private, ec.EllipticCurvePrivateKey):
            _, hash_algorithm, octets = _CURVES[self.algorithm]
            r, s = decode_dss_signature(private.sign(data, ec.ECDSA(hash_algorithm)))
            return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")
        return private.sign(data)


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
