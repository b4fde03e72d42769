"""The same story with a canary: every back end signs one record with the new key before the key is used.

On 5 May 2026 nobody asked. Here the back ends of an outage file answer the registry's canary, each with the key that it
really holds, and versions that would be signed with a wrong one are not published.
"""

from dataclasses import dataclass, replace

from holdfast.crypto.signing import SigningKey
from holdfast.lab.outage import Outage, Version
from holdfast.lab.zone_versions import make_keys, wire
from holdfast.registry.backend import SigningBackend
from holdfast.registry.canary import sing
from holdfast.registry.findings import Finding


class LabelledBackend(SigningBackend):
    """A device that finds keys by a label that all devices share, and so signs with whatever it holds under it."""

    def __init__(self, name: str, key: SigningKey) -> None:
        self.name = name
        self._key = key

    def generate(self, algorithm: int, flags: int, rsa_bits: int) -> bytes:
        """Return the key that is here already."""
        return self._key.dnskey

    def export(self, key_hash: str, algorithm: int) -> bytes:
        """Refuse: these devices do not give keys away, which is how each came to have one of its own."""
        raise NotImplementedError

    def store(self, key_hash: str, algorithm: int, pkcs8: bytes) -> None:
        """Refuse, for the same reason."""
        raise NotImplementedError

    def sign(self, key_hash: str, algorithm: int, data: bytes) -> bytes:
        """Sign with the key under the label; the hash that was asked for is not looked at."""
        return self._key.sign_octets(data)

    def holds(self, key_hash: str) -> bool:
        """Say yes: there is a key under the label."""
        return True

    def destroy(self, key_hash: str) -> None:
        """Do nothing: the outage ends before anything is destroyed."""


@dataclass(frozen=True)
class StoppedVersion:
    """A version that is not published, when that was found out (POSIX seconds), and why."""

    version: Version
    found_s: int
    findings: list[Finding]


def with_canary(outage: Outage, seed: int) -> tuple[Outage, list[StoppedVersion]]:
    """Return the outage without the versions that a canary stops, and those versions.

    The canary is asked when the key is first published. Raises OutageError for keys that cannot be made.
    """
    keys = make_keys(outage, seed)
    stopped: list[StoppedVersion] = []
    for version in outage.versions:
        if not version.record_as:
            continue
        published_s = min(one.start_s for one in outage.versions if version.record_as in one.publish)
        backends = [LabelledBackend(name, keys[name]) for name in version.sign]
        findings = sing(backends, keys[version.record_as].dnskey, wire(outage.zone), published_s)
        if findings:
            stopped.append(StoppedVersion(version, published_s, findings))
    bad = [one.version for one in stopped]
    return replace(outage, versions=tuple(one for one in outage.versions if one not in bad)), stopped
