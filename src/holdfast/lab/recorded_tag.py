"""The fault of 5 May 2026: a signing device holds another private key than the one that was published.

The devices of .de looked keys up by label, and wrote the key tag recorded for that label into the signatures that they
made. The tag is part of the signed data, so such a signature is sound: under a public key that nobody has.
"""

from holdfast.crypto.signing import SigningKey, ZoneKey


class RecordedTagKey(ZoneKey):
    """Looks like the published key in every field, its tag included, and signs with another private key."""

    def __init__(self, published: bytes, held: SigningKey) -> None:
        super().__init__(published)
        self._held = held

    def sign_octets(self, data: bytes) -> bytes:
        """Sign with the key that the device really holds."""
        return self._held.sign_octets(data)
