"""A verifier for test data only: RSA keys of any size, and DSA, which RFC 8624 section 3.1 forbids resolvers."""

from hashlib import sha1, sha256, sha512

from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dnssec.verifier import INVALID, UNSUPPORTED, VALID, SignatureVerifier

DSA_ALGORITHMS = (3, 6)
DIGEST_OCTETS = 20
_PREFIXES = {
    5: (sha1, bytes.fromhex("3021300906052b0e03021a05000414")),
    7: (sha1, bytes.fromhex("3021300906052b0e03021a05000414")),
    8: (sha256, bytes.fromhex("3031300d060960864801650304020105000420")),
    10: (sha512, bytes.fromhex("3051300d060960864801650304020305000440")),
}


class SmallKeyVerifier(SignatureVerifier):
    """The production verifier first; what it refuses is calculated here."""

    def __init__(self) -> None:
        self._production = CryptographyVerifier()

    def verify(self, algorithm: int, public_key: bytes, signed_data: bytes, signature: bytes) -> int:
        """Verify one signature; see SignatureVerifier."""
        if algorithm in DSA_ALGORITHMS:
            return VALID if verify_dsa(public_key, signed_data, signature) else INVALID
        verdict = self._production.verify(algorithm, public_key, signed_data, signature)
        if verdict == UNSUPPORTED and algorithm in _PREFIXES:
            return VALID if verify_rsa(algorithm, public_key, signed_data, signature) else INVALID
        return verdict


def verify_rsa(algorithm: int, public_key: bytes, signed_data: bytes, signature: bytes) -> bool:
    """Verify RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2) with a key in the format of RFC 3110 section 2."""
    if len(public_key) < 4:
        return False
    length, at = public_key[0], 1
    if length == 0:
        length, at = public_key[1] << 8 | public_key[2], 3
    exponent = int.from_bytes(public_key[at : at + length], "big")
    modulus = int.from_bytes(public_key[at + length :], "big")
    octets = (modulus.bit_length() + 7) // 8
    if modulus < 3 or exponent < 3 or len(signature) != octets:
        return False
    function, prefix = _PREFIXES[algorithm]
    digest = prefix + function(signed_data).digest()
    padding = octets - len(digest) - 3
    if padding < 8:
        return False
    expected = b"\x00\x01" + b"\xff" * padding + b"\x00" + digest
    return pow(int.from_bytes(signature, "big"), exponent, modulus) == int.from_bytes(expected, "big")


def verify_dsa(public_key: bytes, signed_data: bytes, signature: bytes) -> bool:
    """Verify DSA (RFC 2536 sections 2 and 3); signatures in ASN.1 DER are taken as well."""
    if not public_key:
        return False
    size = 64 + 8 * public_key[0]
    if len(public_key) != 1 + DIGEST_OCTETS + 3 * size:
        return False
    q = int.from_bytes(public_key[1:21], "big")
    p, g, y = (int.from_bytes(public_key[21 + at * size : 21 + (at + 1) * size], "big") for at in range(3))
    pair = _dsa_pair(signature)
    if pair is None or q < 2 or p < 2:
        return False
    r, s = pair
    if not (0 < r < q and 0 < s < q):
        return False
    w = pow(s, -1, q)
    h = int.from_bytes(sha1(signed_data).digest(), "big")
    return pow(g, h * w % q, p) * pow(y, r * w % q, p) % p % q == r


def _dsa_pair(signature: bytes) -> tuple[int, int] | None:
    """Return r and s."""
    if len(signature) == 1 + 2 * DIGEST_OCTETS:
        return int.from_bytes(signature[1:21], "big"), int.from_bytes(signature[21:], "big")
    if len(signature) < 8 or signature[0] != 0x30 or signature[2] != 0x02:
        return None
    end = 4 + signature[3]
    if end + 2 > len(signature):
        return None
    r = int.from_bytes(signature[4:end], "big")
    return r, int.from_bytes(signature[end + 2 : end + 2 + signature[end + 1]], "big")
