"""A signing device as those of .de on 5 May 2026: it finds keys by a label, and never looks what it has found.

The rollover agent was to make one key pair and load it into each device. It made a pair in each instead, all recorded
under one label and one key tag. Each device answers for the key that was published, and signs with its own.
"""

from holdfast.crypto.signing import SigningKey, public_key_hash
from holdfast.registry.backend import SigningBackend
from holdfast.registry.problems import RegistryError


class LabelledDevice(SigningBackend):
    """Holds keys by label; ``labels`` is the agent's record of which published key has which label."""

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self.name = name
        self._labels = labels
        self._keys: dict[str, SigningKey] = {}

    def load(self, label: str, key: SigningKey) -> None:
        """Put a key under a label."""
        self._keys[label] = key

    def generate(self, algorithm: int, flags: int, rsa_bits: int) -> bytes:
        """Not offered: the agent loads these devices."""
        raise RegistryError([f"back end {self.name}: makes no keys"])

    def export(self, key_hash: str, algorithm: int) -> bytes:
        """Not offered: keys do not leave the device."""
        raise RegistryError([f"back end {self.name}: gives no keys away"])

    def store(self, key_hash: str, algorithm: int, pkcs8: bytes) -> None:
        """Not offered: the agent loads these devices."""
        raise RegistryError([f"back end {self.name}: takes no keys"])

    def holds(self, key_hash: str) -> bool:
        """Say whether there is a key under the label."""
        return self._labels.get(key_hash, "") in self._keys

    def holds_exactly(self, key_hash: str) -> bool:
        """Say whether the key under the label is really the one of that hash, which nobody asked at the time."""
        key = self._keys.get(self._labels.get(key_hash, ""))
        return key is not None and public_key_hash(key.dnskey) == key_hash

    def sign(self, key_hash: str, algorithm: int, data: bytes) -> bytes:
        """Sign with whatever is under the label."""
        if not self.holds(key_hash):
            raise RegistryError([f"back end {self.name}: has nothing under the label of {key_hash}"])
        return self._keys[self._labels[key_hash]].sign_octets(data)

    def destroy(self, key_hash: str) -> None:
        """Forget what is under the label."""
        self._keys.pop(self._labels.get(key_hash, ""), None)
