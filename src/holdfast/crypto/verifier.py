"""Signature checks with pyca/cryptography (OpenSSL): RSA, ECDSA and EdDSA as DNSSEC encodes them."""

from abc import ABC, abstractmethod
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from holdfast.dns.iana import (
    ALGORITHM_ECDSAP256SHA256,
    ALGORITHM_ECDSAP384SHA384,
    ALGORITHM_ED448,
    ALGORITHM_ED25519,
    ALGORITHM_RSASHA1,
    ALGORITHM_RSASHA1_NSEC3_SHA1,
    ALGORITHM_RSASHA256,
    ALGORITHM_RSASHA512,
)
from holdfast.dnssec.verifier import INVALID, UNSUPPORTED, VALID, SignatureVerifier

KEYS_REMEMBERED: Final = 4096  # parsed public keys, about 2 KiB each; a busy resolver meets some thousand zones an hour
RSA_MODULUS_MAXIMUM_BITS: Final = 4096  # RFC 3110 section 2; the work grows with the square of the size
RSA_EXPONENT_MAXIMUM_BITS: Final = 64  # 65537 is what everyone uses; a huge exponent costs as much as signing

_RSA_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    ALGORITHM_RSASHA1: hashes.SHA1(),
    ALGORITHM_RSASHA1_NSEC3_SHA1: hashes.SHA1(),
    ALGORITHM_RSASHA256: hashes.SHA256(),
    ALGORITHM_RSASHA512: hashes.SHA512(),
}
_PADDING: Final = padding.PKCS1v15()


class _PublicKey(ABC):
    """A parsed key that checks signatures in DNSSEC's encoding."""

    @abstractmethod
    def check(self, signature: bytes, signed_data: bytes) -> None:
        """Return if the signature is valid.

        Raises:
            InvalidSignature: it is not.
            UnsupportedAlgorithm: the library is built without the algorithm.
            ValueError: the signature is malformed.

        """


class _RsaKey(_PublicKey):
    """RFC 3110, RFC 5702: PKCS #1 version 1.5 signatures."""

    def __init__(self, key: rsa.RSAPublicKey, hash_algorithm: hashes.HashAlgorithm) -> None:
        self._verify: Final = key.verify
        self._hash: Final = hash_algorithm

    def check(self, signature: bytes, signed_data: bytes) -> None:
        self._verify(signature, signed_data, _PADDING, self._hash)


class _EcdsaKey(_PublicKey):
    """RFC 6605 section 4: a signature is r and s, each as long as the curve's order; the library wants them in DER."""

    def __init__(self, key: ec.EllipticCurvePublicKey, hash_algorithm: hashes.HashAlgorithm, octets: int) -> None:
        self._verify: Final = key.verify
        self._scheme: Final = ec.ECDSA(hash_algorithm)
        self._octets: Final = octets

    def check(self, signature: bytes, signed_data: bytes) -> None:
        octets = self._octets
        if len(signature) != 2 * octets:
            raise InvalidSignature
        self._verify(_der(signature[:octets], signature[octets:]), signed_data, self._scheme)


class _EdwardsKey(_PublicKey):
    """RFC 8080: keys and signatures are used as they are."""

    def __init__(self, key: ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) -> None:
        self._verify: Final = key.verify

    def check(self, signature: bytes, signed_data: bytes) -> None:
        self._verify(signature, signed_data)


class CryptographyVerifier(SignatureVerifier):
    """Verifies algorithms 5, 7, 8, 10, 13, 14, 15 and 16, and remembers parsed keys.

    Limitations: RSA keys above 4096 bits or with an exponent above 64 bits are UNSUPPORTED, and so is whatever the
    linked OpenSSL refuses (its security level may exclude SHA-1 or short RSA keys).
    """

    def __init__(self, keys_remembered: int = KEYS_REMEMBERED) -> None:
        self._keys: Final[dict[bytes, _PublicKey | int]] = {}
        self._capacity: Final = keys_remembered

    def verify(self, algorithm: int, public_key: bytes, signed_data: bytes, signature: bytes) -> int:
        """Return VALID, INVALID or UNSUPPORTED (see `SignatureVerifier`)."""
        if not 0 <= algorithm <= 255:
            return UNSUPPORTED
        cache_key = b"%c%b" % (algorithm, public_key)
        key = self._keys.get(cache_key)
        if key is None:
            key = self._remember(cache_key, _parse_key(algorithm, public_key))
        if isinstance(key, int):
            return key
        try:
            key.check(signature, signed_data)
        except (InvalidSignature, ValueError):
            return INVALID
        except UnsupportedAlgorithm:
            self._keys[cache_key] = UNSUPPORTED
            return UNSUPPORTED
        return VALID

    def _remember(self, cache_key: bytes, key: _PublicKey | int) -> _PublicKey | int:
        if len(self._keys) >= self._capacity:
            del self._keys[next(iter(self._keys))]
        self._keys[cache_key] = key
        return key


def _parse_key(algorithm: int, public_key: bytes) -> _PublicKey | int:
    """Return the key, or the verdict on every signature by it."""
    try:
        if algorithm in _RSA_HASHES:
            return _parse_rsa_key(public_key, _RSA_HASHES[algorithm])
        if algorithm == ALGORITHM_ECDSAP256SHA256:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public_key)
            return _EcdsaKey(point, hashes.SHA256(), 32)
        if algorithm == ALGORITHM_ECDSAP384SHA384:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), b"\x04" + public_key)
            return _EcdsaKey(point, hashes.SHA384(), 48)
        if algorithm == ALGORITHM_ED25519:
            return _EdwardsKey(ed25519.Ed25519PublicKey.from_public_bytes(public_key))
        if algorithm == ALGORITHM_ED448:
            return _EdwardsKey(ed448.Ed448PublicKey.from_public_bytes(public_key))
    except ValueError:
        return INVALID
    except UnsupportedAlgorithm:
        return UNSUPPORTED
    return UNSUPPORTED


def _parse_rsa_key(public_key: bytes, hash_algorithm: hashes.HashAlgorithm) -> _PublicKey | int:
    """Parse RFC 3110 section 2: length of the exponent in one octet, or 0 and two octets; exponent; modulus."""
    if len(public_key) < 3:
        return INVALID
    start, exponent_octets = 1, public_key[0]
    if exponent_octets == 0:
        start, exponent_octets = 3, public_key[1] << 8 | public_key[2]
    exponent = int.from_bytes(public_key[start : start + exponent_octets])
    modulus = int.from_bytes(public_key[start + exponent_octets :])
    if exponent == 0 or modulus == 0:
        return INVALID
    if modulus.bit_length() > RSA_MODULUS_MAXIMUM_BITS or exponent.bit_length() > RSA_EXPONENT_MAXIMUM_BITS:
        return UNSUPPORTED
    numbers = rsa.RSAPublicNumbers(exponent, modulus)
    try:
        return _RsaKey(numbers.public_key(), hash_algorithm)
    except ValueError:
        # The numbers are well-formed, so it is their size or kind that the library will not have.
        return UNSUPPORTED


def _der(r: bytes, s: bytes) -> bytes:
    """Return SEQUENCE { INTEGER r, INTEGER s }; short enough on these curves for one-octet lengths."""
    r = r.lstrip(b"\x00")
    s = s.lstrip(b"\x00")
    if not r or not s:
        raise InvalidSignature
    if r[0] & 0x80:
        r = b"\x00" + r
    if s[0] & 0x80:
        s = b"\x00" + s
    return b"\x30%c\x02%c%b\x02%c%b" % (len(r) + len(s) + 4, len(r), r, len(s), s)
