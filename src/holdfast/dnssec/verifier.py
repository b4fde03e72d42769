"""The seam between validation and cryptography: validation decides what must be signed, a verifier does the sums."""

from abc import ABC, abstractmethod
from typing import Final

from mypy_extensions import mypyc_attr

INVALID: Final = 0  # the signature is not by this key, or key or signature are malformed
VALID: Final = 1
UNSUPPORTED: Final = 2  # nobody here can tell: algorithm, key size or key parameters are not supported


@mypyc_attr(allow_interpreted_subclasses=True)
class SignatureVerifier(ABC):
    """Checks one signature with one public key."""

    @abstractmethod
    def verify(self, algorithm: int, public_key: bytes, signed_data: bytes, signature: bytes) -> int:
        """Return VALID, INVALID or UNSUPPORTED; never raise.

        ``algorithm`` is the DNSSEC algorithm number, ``public_key`` the public key field of a DNSKEY (RFC 4034 section
        2.1.4), ``signature`` the signature field of an RRSIG. UNSUPPORTED depends on ``algorithm`` and ``public_key``
        only, so asking with empty data tells whether a key can be used at all.
        """
