"""One zone's registry: policy, key ring, back ends and journal in a directory of its own, and what is done with them.

The directory belongs to one user and is closed to others (mode 0700)::

    policy.toml        how the zone is signed; for people to edit
    keys.json          the keys and their states
    journal.json       what was published, and until when (`publication_journal`)
    backends/NAME/     private keys of each software back end

Every change of a key's state takes effect with the next signed version, and that has to pass the publication gate.
"""

import fcntl
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.crypto.signing import CDNSKEY_DELETE, FLAG_SECURE_ENTRY_POINT, FLAG_ZONE_KEY, public_key_hash
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns import iana
from holdfast.registry.atomic_file import (
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    PUBLIC_FILE,
    require_private,
    write_atomically,
)
from holdfast.registry.backend import BackendKey, SigningBackend, SoftwareBackend, generate_everywhere
from holdfast.registry.canary import sing
from holdfast.registry.findings import ERROR, Finding, GateReport
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.key_ring import CSK, KSK, ZSK, Key, KeyRing
from holdfast.registry.key_states import Method, Row, State
from holdfast.registry.parent_ds import ParentDs
from holdfast.registry.policy import SIGNING_ALGORITHMS, Policy, policy_text, read_policy
from holdfast.registry.problems import RegistryError
from holdfast.registry.publication_journal import Journal
from holdfast.registry.rollover import Progress, Rollover
from holdfast.registry.serial import next_serial, set_serial
from holdfast.registry.signer import KeySet, SignatureStore, SigningCounts, Validity, sign_with
from holdfast.registry.zone import Zone, wire_name
from holdfast.registry.zone_file import read_zone, write_zone

POLICY_FILE = "policy.toml"
KEYS_FILE = "keys.json"
JOURNAL_FILE = "journal.json"
BACKENDS_FOLDER = "backends"
LOCK_FILE = ".lock"
DESTROY_AFTER_S = 90 * 86400  # private keys outlive their removal by this, should one have to go back to them


@dataclass
class SigningResult:
    """What became of a signing run: the gate's report; ``written`` only if that let it pass and something changed."""

    report: GateReport
    counts: SigningCounts
    serial: int
    written: bool


class ZoneRegistry:
    """The registry of one zone. All methods take the time as POSIX seconds, and raise `RegistryError`."""

    def __init__(
        self, folder: Path, policy: Policy, ring: KeyRing, backends: Sequence[SigningBackend], journal: Journal
    ) -> None:
        self.folder = folder
        self.policy = policy
        self.ring = ring
        self.backends = backends
        self.journal = journal
        self.zone = wire_name(policy.zone)

    @classmethod
    def create(cls, folder: Path, policy: Policy, now_s: int) -> "ZoneRegistry":
        """Make the directory with policy and first keys."""
        if (folder / POLICY_FILE).exists():
            raise RegistryError([f"{folder}: has a registry already"])
        try:
            folder.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        except OSError as error:
            raise RegistryError([f"{folder}: cannot be made: {error.strerror}"]) from None
        require_private(folder, PRIVATE_DIRECTORY)
        ring = KeyRing(folder / KEYS_FILE)
        registry = cls(folder, policy, ring, _backends(folder, policy), _journal(folder, policy))
        roles = {CSK: Method.FIRST_CSK} if policy.combined else {KSK: Method.FIRST_KSK, ZSK: Method.FIRST_ZSK}
        for role, method in roles.items():
            ring.keys.append(Key(role, registry._generate(role), method, State.GENERATED, now_s, now_s))
        progress = registry.rollover(now_s).advance()
        if progress.findings:
            raise RegistryError([finding.text for finding in progress.findings])
        ring.save()
        write_atomically(folder / POLICY_FILE, policy_text(policy).encode(), PRIVATE_FILE)
        return registry

    @classmethod
    def open(cls, folder: Path) -> "ZoneRegistry":
        """Open the directory; refuses one that others can read."""
        policy = read_policy(folder / POLICY_FILE)
        require_private(folder, PRIVATE_DIRECTORY)
        require_private(folder / KEYS_FILE, PRIVATE_FILE)
        ring = KeyRing.open(folder / KEYS_FILE)
        return cls(folder, policy, ring, _backends(folder, policy), _journal(folder, policy))

    def _generate(self, role: str) -> bytes:
        flags = FLAG_ZONE_KEY | (0 if role == ZSK else FLAG_SECURE_ENTRY_POINT)
        return generate_everywhere(self.backends, self.policy.algorithm_number, flags, self.policy.rsa_bits)

    def canary(self, key: Key, now_s: int) -> list[Finding]:
        """Let every back end sign with a key, and verify that by the key as it is published, if it is."""
        dnskey = key.dnskey
        if key.row.dnskey and not key.pending and self.journal.versions:
            published = self.journal.versions[-1].dnskeys.rdatas
            found = next((rdata for rdata in published if public_key_hash(rdata) == key.key_hash), None)
            if found is None:
                text = f"key {key.key_tag} is not in the DNSKEY RRset that was published last"
                return [
                    Finding(
                        ERROR,
                        "canary.not-published",
                        self.zone,
                        iana.TYPE_DNSKEY,
                        text,
                        key_tag=key.key_tag,
                        key_hash=key.key_hash,
                    )
                ]
            dnskey = found
        return sing(self.backends, dnskey, self.zone, now_s)

    def rollover(self, now_s: int) -> Rollover:
        """Return the keys as they are to be moved at a time."""
        return Rollover(self.ring, self.policy, now_s, lambda key: self.canary(key, now_s))

    def observe_parent(self, parent: ParentDs, now_s: int) -> None:
        """Take note of the DS records that the parent publishes now."""
        self.ring.observe_ds(parent.rdatas, parent.ttl_s, self.zone, now_s)
        self.ring.save()

    def roll(
        self, now_s: int, start: str = "", algorithm: str = "", back: bool = False, unsign: bool = False
    ) -> Progress:
        """Start what is asked for and what is due, and move all keys as far as may be.

        ``start`` is a role, ``algorithm`` that of an algorithm rollover, ``back`` returns to the previous ZSK, and
        ``unsign`` sets out to make the zone unsigned.
        """
        rollover = self.rollover(now_s)
        if back:
            rollover.roll_back()
        elif unsign:
            rollover.leave()
        elif algorithm:
            self._start_algorithm(rollover, algorithm)
        else:
            for role in dict.fromkeys([start] if start else rollover.due()):
                rollover.may_start(role)
                rollover.start(role, self._generate(role))
        progress = rollover.advance()
        self._destroy_old(now_s)
        self.ring.save()
        return progress

    def _start_algorithm(self, rollover: Rollover, algorithm: str) -> None:
        if algorithm not in SIGNING_ALGORITHMS:
            raise RegistryError([f"{algorithm!r} is no algorithm to sign with: {', '.join(SIGNING_ALGORITHMS)}"])
        if algorithm == self.policy.algorithm:
            raise RegistryError([f"the zone is signed with {algorithm} already"])
        roles = [CSK] if self.policy.combined else [KSK, ZSK]
        for role in roles:
            rollover.may_start(role)
        self.policy = self.policy.model_copy(update={"algorithm": algorithm})
        for role in roles:
            rollover.start(role, self._generate(role), algorithm_rollover=True)
        write_atomically(self.folder / POLICY_FILE, policy_text(self.policy).encode(), PRIVATE_FILE)

    def _destroy_old(self, now_s: int) -> None:
        for key in list(self.ring.keys):
            if key.state == State.REMOVED and not key.pending and key.entered_s + DESTROY_AFTER_S <= now_s:
                for backend in self.backends:
                    backend.destroy(key.key_hash)
                self.ring.keys.remove(key)

    def key_set(self) -> KeySet:
        """Return what each key does now, by its row in the table of its method."""
        rows = [(key, key.row) for key in self.ring.keys]
        signers = {key.key_hash: BackendKey(key.dnskey, self.backends) for key in self.ring.keys}
        return KeySet(
            [key.dnskey for key, row in rows if row.dnskey],
            [signers[key.key_hash] for key, row in rows if row.signs_keys],
            [signers[key.key_hash] for key, row in rows if row.signs_zone],
            self._announced(rows),
            self.policy.dnskey_ttl_s,
            self.policy.ds_digest_types,
        )

    def _announced(self, rows: list[tuple[Key, Row]]) -> list[bytes]:
        leaving = any(key.method in (Method.LEAVE_KSK, Method.LEAVE_CSK) and row.dnskey for key, row in rows)
        return [CDNSKEY_DELETE] if leaving else [key.dnskey for key, row in rows if row.ds]

    def sign(self, source: str, target: Path, now_s: int, jobs: int = 1) -> SigningResult:
        """Sign the zone file ``source`` into ``target``, which keeps its old content if the gate stops the new one.

        Signatures in the old ``target`` are kept where nothing has changed and they last; an unchanged zone is not
        written again.
        """
        zone = read_zone(source, self.zone)
        self._check_ttls(zone, source)
        previous = read_zone(str(target), self.zone) if target.exists() else None
        serial = previous.soa().serial if previous is not None else zone.soa().serial
        set_serial(zone, serial)
        key_set = self.key_set()
        policy = self.policy
        validity = Validity(now_s - policy.inception_offset_s, now_s + policy.signature_validity_s)
        earlier = None
        if previous is not None:
            renewal_s = now_s + policy.signature_renewal_s
            earlier = SignatureStore.of_zone(previous, CryptographyVerifier(), now_s, renewal_s)
        counts = sign_with(zone, key_set, validity, policy.nsec3, earlier)
        unchanged = previous is not None and counts.signed == 0 and _same(zone, previous)
        if not unchanged:
            serial = next_serial(serial, policy.serial, now_s)
            soa = set_serial(zone, serial)
            window = (validity.inception_s, validity.expiration_s)
            soa.signatures = [key.sign(soa, zone.name, *window) for key in key_set.zone_signing]
        report, version = check_zone(zone, self._gate_options(None if unchanged else previous, now_s, jobs))
        if report.stops:
            return SigningResult(report, counts, serial, False)
        if not unchanged:
            text = io.StringIO()
            write_zone(zone, text)
            write_atomically(target, text.getvalue().encode(), PUBLIC_FILE)
        self.journal.record(version, now_s, policy.propagation_s)
        for key in self.ring.keys:
            if key.pending:
                key.pending, key.entered_s = False, now_s
        self.ring.save()
        return SigningResult(report, counts, serial, not unchanged)

    def _check_ttls(self, zone: Zone, source: str) -> None:
        """The waits of rollovers are computed with the policy's TTL, so the zone may not have longer ones."""
        limit_s = self.policy.zone_ttl_s
        longest = max((rrset for rrset, _ in zone.rrsets()), key=lambda rrset: rrset.ttl)
        if longest.ttl > limit_s:
            raise RegistryError([f"{source}: has a TTL of {longest.ttl}, the policy allows {limit_s} (zone_ttl_s)"])

    def _gate_options(self, previous: Zone | None, now_s: int, jobs: int) -> GateOptions:
        rows = [(key.dnskey, key.row) for key in self.ring.keys]
        return GateOptions(
            now_s,
            ds=self.ring.ds,
            ds_ttl_s=self.ring.ds_ttl_s,
            current=previous,
            earlier=self.journal.earlier(now_s),
            propagation_s=self.policy.propagation_s,
            jobs=jobs,
            expected=[dnskey for dnskey, row in rows if row.signs_zone and not row.dnskey],
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from working on this directory meanwhile."""
        descriptor = os.open(self.folder / LOCK_FILE, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RegistryError([f"{self.folder}: another process is working on it"]) from None
            yield
        finally:
            os.close(descriptor)


def _backends(folder: Path, policy: Policy) -> list[SigningBackend]:
    (folder / BACKENDS_FOLDER).mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    return [SoftwareBackend.create(name, folder / BACKENDS_FOLDER / name) for name in policy.backends]


def _journal(folder: Path, policy: Policy) -> Journal:
    return Journal.open(folder / JOURNAL_FILE, wire_name(policy.zone))


def _same(zone: Zone, previous: Zone) -> bool:
    """Say whether two versions hold the same records, signatures included."""
    return _records(zone) == _records(previous)


def _records(zone: Zone) -> dict[tuple[bytes, int], tuple[int, list[bytes], list[bytes]]]:
    return {
        (rrset.name, rrset.rtype): (rrset.ttl, sorted(rrset.rdatas), sorted(rrset.signatures))
        for rrset, _ in zone.rrsets()
    }
