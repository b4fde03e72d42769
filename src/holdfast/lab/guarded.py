"""The same story with the registry's checks: the canary before a key is used, the gate before a zone is published.

On 5 May 2026 nobody asked. Here the back ends of an outage file answer the canary, each with the key that it really
holds, and every version of the zone passes the publication gate; what one of them stops is not published.
"""

from dataclasses import dataclass, replace

from holdfast.crypto.signing import SigningKey
from holdfast.lab.outage import Outage, Version
from holdfast.lab.world import World
from holdfast.lab.zone_versions import make_keys, wire
from holdfast.registry.backend import SigningBackend
from holdfast.registry.cache_states import Version as PublishedVersion
from holdfast.registry.canary import sing
from holdfast.registry.findings import ERROR, Finding
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.zone import Zone


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
    """A version that is not published, when that was found out (POSIX seconds), by which check, and why."""

    version: Version
    found_s: int
    check: str
    findings: list[Finding]


def with_gate(outage: Outage, seed: int) -> tuple[Outage, list[StoppedVersion]]:
    """Return the outage without the versions that canary or gate stop, and those versions.

    The first version is where the story starts, and not asked about. Raises OutageError for keys that cannot be made.
    """
    keys = make_keys(outage, seed)
    earlier: list[PublishedVersion] = []
    stopped: list[StoppedVersion] = []
    kept: list[Version] = []
    ds: list[bytes] = []
    for version, zone in World.generate(outage, seed).versions:
        subject = wire(outage.zone)
        new_ds = ds if version.ds is None else [keys[name].ds(subject) for name in version.ds]
        bad = _ask_canary(outage, version, keys)
        if not bad:
            _sign_all(zone)
            for one in earlier[-1:]:
                one.until_s = version.start_s
            options = GateOptions(version.start_s, new_ds, outage.ttls.parent_ds_s, earlier=earlier[::-1])
            report, published = check_zone(zone, options)
            errors = [finding for finding in report.findings if finding.severity == ERROR]
            bad = StoppedVersion(version, version.start_s, "gate", errors) if errors else None
        if bad and kept:
            stopped.append(bad)
            continue
        kept.append(version)
        earlier.append(published)
        ds = new_ds
    return replace(outage, versions=tuple(kept)), stopped


def _ask_canary(outage: Outage, version: Version, keys: dict[str, SigningKey]) -> StoppedVersion | None:
    """Ask the back ends of a version for a signature, at the time when the key was first published."""
    if not version.record_as:
        return None
    published_s = min(one.start_s for one in outage.versions if version.record_as in one.publish)
    backends = [LabelledBackend(name, keys[name]) for name in version.sign]
    findings = sing(backends, keys[version.record_as].dnskey, wire(outage.zone), published_s)
    return StoppedVersion(version, published_s, "canary", findings) if findings else None


def _sign_all(zone: Zone) -> None:
    """Sign everything that the laboratory would have signed when asked."""
    for rrset, to_be_signed in zone.rrsets():
        if to_be_signed:
            zone.complete(rrset)
