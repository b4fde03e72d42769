"""Unit tests of holdfast.crypto.verifier."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dnssec.verifier import INVALID, UNSUPPORTED, VALID
from tests.support.dnssec_records import ZoneKey

DATA = b"what was signed"


def rsa_key_field(key: rsa.RSAPrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)
    return bytes((len(exponent),)) + exponent + numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)


RSA_1024 = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P256_FIELD = P256.public_key().public_numbers().x.to_bytes(32) + P256.public_key().public_numbers().y.to_bytes(32)


def ecdsa_signature(data: bytes) -> bytes:
    r, s = utils.decode_dss_signature(P256.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_ecdsa_signatures_of_every_shape(data: bytes) -> None:
    # Random signatures have r or s with leading zeros or the highest bit set, which DER writes differently.
    assert CryptographyVerifier().verify(13, P256_FIELD, data, ecdsa_signature(data)) == VALID


@pytest.mark.parametrize("algorithm", [5, 7, 8, 10])
def test_rsa(algorithm: int) -> None:
    algorithms: dict[int, hashes.HashAlgorithm] = {
        5: hashes.SHA1(),
        7: hashes.SHA1(),
        8: hashes.SHA256(),
        10: hashes.SHA512(),
    }
    signature = RSA_1024.sign(DATA, padding.PKCS1v15(), algorithms[algorithm])
    verifier = CryptographyVerifier()
    assert verifier.verify(algorithm, rsa_key_field(RSA_1024), DATA, signature) == VALID
    assert verifier.verify(algorithm, rsa_key_field(RSA_1024), DATA + b"!", signature) == INVALID
    assert verifier.verify(algorithm, rsa_key_field(RSA_1024), DATA, signature[:-1]) == INVALID


def test_rsa_exponent_with_long_length() -> None:
    signature = RSA_1024.sign(DATA, padding.PKCS1v15(), hashes.SHA256())
    field = rsa_key_field(RSA_1024)
    assert CryptographyVerifier().verify(8, b"\x00\x00" + field, DATA, signature) == VALID


@pytest.mark.parametrize(
    "field", [b"", b"\x03", b"\x03\x01\x00\x01", b"\x00\x00", b"\x00\xff\xff\x01", b"\x01\x00\x01"]
)
def test_malformed_rsa_keys(field: bytes) -> None:
    assert CryptographyVerifier().verify(8, field, DATA, b"\x01" * 128) == INVALID


def test_oversized_rsa_keys_are_not_supported() -> None:
    verifier = CryptographyVerifier()
    assert verifier.verify(8, b"\x03\x01\x00\x01" + b"\xff" * 513, DATA, b"\x01" * 513) == UNSUPPORTED
    assert verifier.verify(8, b"\x09" + b"\xff" * 9 + b"\xff" * 256, DATA, b"\x01" * 256) == UNSUPPORTED
    assert verifier.verify(8, b"\x01\x02" + b"\xff" * 256, DATA, b"\x01" * 256) == UNSUPPORTED


@pytest.mark.parametrize(
    ("algorithm", "field"),
    [
        (13, b""),
        (13, b"\x01" * 64),
        (13, b"\x01" * 63),
        (14, b"\x01" * 64),
        (15, b"\x01" * 31),
        (16, b"\x01" * 56),
    ],
)
def test_malformed_keys(algorithm: int, field: bytes) -> None:
    assert CryptographyVerifier().verify(algorithm, field, DATA, b"\x01" * 64) == INVALID


@pytest.mark.parametrize(
    "signature", [b"", b"\x00" * 64, b"\x01" * 63, b"\x01" * 65, b"\xff" * 64, b"\x00" * 32 + b"\x01" * 32]
)
def test_malformed_ecdsa_signatures(signature: bytes) -> None:
    assert CryptographyVerifier().verify(13, P256_FIELD, DATA, signature) == INVALID


@pytest.mark.parametrize("algorithm", [15, 16])
def test_edwards_curves(algorithm: int) -> None:
    key = ZoneKey("example", algorithm)
    assert not isinstance(key.private, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
    verifier = CryptographyVerifier()
    signature = key.private.sign(DATA)
    field = key.rdata[4:]
    assert verifier.verify(algorithm, field, DATA, signature) == VALID
    assert verifier.verify(algorithm, field, DATA + b"!", signature) == INVALID
    assert verifier.verify(algorithm, field, DATA, signature[1:]) == INVALID


@pytest.mark.parametrize("algorithm", [-1, 0, 1, 3, 6, 12, 17, 23, 253, 255, 256])
def test_other_algorithms_are_not_supported(algorithm: int) -> None:
    assert CryptographyVerifier().verify(algorithm, P256_FIELD, DATA, ecdsa_signature(DATA)) == UNSUPPORTED


def test_the_same_key_octets_under_two_algorithms_are_two_keys() -> None:
    verifier = CryptographyVerifier()
    assert verifier.verify(12, P256_FIELD, DATA, ecdsa_signature(DATA)) == UNSUPPORTED
    assert verifier.verify(13, P256_FIELD, DATA, ecdsa_signature(DATA)) == VALID


def test_the_key_cache_is_bounded() -> None:
    verifier = CryptographyVerifier(keys_remembered=3)
    for octet in range(10):
        assert verifier.verify(15, bytes((octet,)) * 31, DATA, b"") == INVALID
    assert verifier.verify(13, P256_FIELD, DATA, ecdsa_signature(DATA)) == VALID
    assert len(verifier._keys) == 3


@settings(deadline=None)
@given(st.integers(0, 20), st.binary(max_size=200), st.binary(max_size=100), st.binary(max_size=200))
def test_no_input_raises(algorithm: int, field: bytes, data: bytes, signature: bytes) -> None:
    assert CryptographyVerifier().verify(algorithm, field, data, signature) in (INVALID, UNSUPPORTED)
