"""Signing back ends: where private keys are, and the only way to have something signed.

A key is asked for by the hash of its public half. A device that looks it up by label, key tag or the like has to check
what it found (`SoftwareBackend` does): on 5 May 2026 three devices of .de had the same label for three different keys.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from holdfast.crypto.signing import (
    PrivateKey,
    ZoneKey,
    dnskey_rdata,
    generate_private_key,
    public_key_hash,
    sign_octets,
)
from holdfast.registry.atomic_file import PRIVATE_DIRECTORY, PRIVATE_FILE, require_private, write_atomically
from holdfast.registry.problems import RegistryError


class SigningBackend(ABC):
    """A device, or a stand-in for one, that holds private keys of a zone."""

    name: str

    @abstractmethod
    def generate(self, algorithm: int, flags: int, rsa_bits: int) -> bytes:
        """Make a key pair, keep it, and return its DNSKEY RDATA. Raises `RegistryError`."""

    @abstractmethod
    def export(self, key_hash: str, algorithm: int) -> bytes:
        """Return a private key, as PKCS #8 in DER, to be stored in the other back ends. Raises `RegistryError`."""

    @abstractmethod
    def store(self, key_hash: str, algorithm: int, pkcs8: bytes) -> None:
        """Keep a private key that another back end made. Raises `RegistryError`."""

    @abstractmethod
    def sign(self, key_hash: str, algorithm: int, data: bytes) -> bytes:
        """Sign with the key of that hash. Raises `RegistryError` if it is not here or is another."""

    @abstractmethod
    def holds(self, key_hash: str) -> bool:
        """Say whether the key is here."""

    @abstractmethod
    def destroy(self, key_hash: str) -> None:
        """Forget a private key for good; one that is not here is no mistake."""


class SoftwareBackend(SigningBackend):
    """Keeps each key in a file of its own, ``HASH.pem`` in PKCS #8, readable by its owner only."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._keys: dict[str, PrivateKey] = {}

    @classmethod
    def create(cls, name: str, folder: Path) -> "SoftwareBackend":
        """Make the folder, or use it if it is there and private. Raises `RegistryError`."""
        try:
            folder.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        except OSError as error:
            raise RegistryError([f"{folder}: cannot be made: {error.strerror}"]) from None
        require_private(folder, PRIVATE_DIRECTORY)
        return cls(name, folder)

    def _path(self, key_hash: str) -> Path:
        return self._folder / f"{key_hash}.pem"

    def generate(self, algorithm: int, flags: int, rsa_bits: int) -> bytes:
        """Make a key pair and write it down."""
        private = generate_private_key(algorithm, rsa_bits)
        dnskey = dnskey_rdata(algorithm, private, flags)
        self._write(public_key_hash(dnskey), private)
        return dnskey

    def export(self, key_hash: str, algorithm: int) -> bytes:
        """Return the private key."""
        return self._load(key_hash, algorithm).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def store(self, key_hash: str, algorithm: int, pkcs8: bytes) -> None:
        """Check that the private key is that of the hash, and write it down."""
        private = _private_key(pkcs8, self.name)
        if public_key_hash(dnskey_rdata(algorithm, private, 0)) != key_hash:
            raise RegistryError([f"back end {self.name}: the key to store is not {key_hash}"])
        self._write(key_hash, private)

    def sign(self, key_hash: str, algorithm: int, data: bytes) -> bytes:
        """Sign with the key of that hash."""
        return sign_octets(self._load(key_hash, algorithm), algorithm, data)

    def holds(self, key_hash: str) -> bool:
        """Say whether its file is there."""
        return self._path(key_hash).exists()

    def destroy(self, key_hash: str) -> None:
        """Delete the file."""
        self._keys.pop(key_hash, None)
        self._path(key_hash).unlink(missing_ok=True)

    def _write(self, key_hash: str, private: PrivateKey) -> None:
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_atomically(self._path(key_hash), pem, PRIVATE_FILE)

    def _load(self, key_hash: str, algorithm: int) -> PrivateKey:
        """Return a key, after a look at its permissions and at whether it is the key that the file's name promises."""
        found = self._keys.get(key_hash)
        if found is not None:
            return found
        path = self._path(key_hash)
        require_private(path, PRIVATE_FILE)
        try:
            private = _known(serialization.load_pem_private_key(path.read_bytes(), None), str(path))
            actual = public_key_hash(dnskey_rdata(algorithm, private, 0))
        except (OSError, ValueError, TypeError) as error:
            raise RegistryError([f"{path}: cannot be used as a private key: {error}"]) from None
        if actual != key_hash:
            raise RegistryError([f"{path}: holds another key than its name says; nothing is signed with it"])
        self._keys[key_hash] = private
        return private


def _private_key(pkcs8: bytes, place: str) -> PrivateKey:
    try:
        return _known(serialization.load_der_private_key(pkcs8, None), place)
    except (ValueError, TypeError) as error:
        raise RegistryError([f"back end {place}: not a private key: {error}"]) from None


def _known(private: object, place: str) -> PrivateKey:
    if not isinstance(private, PrivateKey):
        raise RegistryError([f"{place}: {type(private).__name__} is not a kind of key for DNSSEC"])
    return private


class BackendKey(ZoneKey):
    """A key that the back ends hold; they take turns in signing."""

    def __init__(self, dnskey: bytes, backends: Sequence[SigningBackend]) -> None:
        super().__init__(dnskey)
        self._turns = cycle(backends)

    def sign_octets(self, data: bytes) -> bytes:
        """Let the next back end sign."""
        return next(self._turns).sign(self.key_hash, self.algorithm, data)


def generate_everywhere(backends: Sequence[SigningBackend], algorithm: int, flags: int, rsa_bits: int) -> bytes:
    """Make *one* key pair, in the first back end, and copy it to all others; return its DNSKEY RDATA."""
    first, *others = backends
    dnskey = first.generate(algorithm, flags, rsa_bits)
    key_hash = public_key_hash(dnskey)
    if others:
        pkcs8 = first.export(key_hash, algorithm)
        for backend in others:
            backend.store(key_hash, algorithm, pkcs8)
    return dnskey
