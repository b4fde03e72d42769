"""Verifying the signatures of a zone, by the very code that the resolver validates with, on all processors.

The zone is read once; worker processes are forked off and see it without any copying, each takes every n-th RRset.
"""

import gc
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection

from holdfast.base.security_status import SECURE
from holdfast.crypto.signing import public_key_hash
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.dns.rdata import DNSKEY, RRSIG, parse_dnskey, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.rrsig import UNTIMED, Verdict, key_usable, verify_rrset
from holdfast.dnssec.signature_time import seconds_between, signature_time_text
from holdfast.dnssec.work_budget import WorkBudget

FAILURES_KEPT = 200  # by each worker; all are counted, the first are named
PARALLEL_MINIMUM = 4000  # RRsets below which starting processes costs more than it saves

DATA = 0
DENIAL = 1  # NSEC, NSEC3 and SOA: what negative answers are made of
KEYS = 2  # the DNSKEY RRset, which the chain of trust is followed through
_DENIAL_TYPES = (iana.TYPE_NSEC, iana.TYPE_NSEC3, iana.TYPE_SOA)


@dataclass(frozen=True)
class Failure:
    """A signature, or the lack of one, that is not as it should be. Plain data: it crosses from process to process.

    ``algorithm`` and ``key_tag`` are what the RRSIG states, -1 if there is none; ``key_hash`` names the key that has
    that tag, "" if none has. ``fatal``: resolvers fail, or a published key did not make what bears its name.
    """

    owner: bytes
    rtype: int
    check: str
    info_code: int
    text: str
    algorithm: int = -1
    key_tag: int = -1
    key_hash: str = ""
    fatal: bool = True


@dataclass
class Profile:
    """RRsets that the same keys vouch for: how many, the longest TTL in seconds, and one of them."""

    count: int = 0
    ttl_s: int = 0
    owner: bytes = b""
    rtype: int = 0


@dataclass
class Outcome:
    """What came out of verifying some RRsets.

    ``profiles`` is by kind (`DATA`, `DENIAL`, `KEYS`) and the hashes of the keys that made a good signature.
    """

    rrsets: int = 0
    signatures: int = 0
    bad: int = 0
    failures: list[Failure] = field(default_factory=list)
    failures_dropped: dict[str, int] = field(default_factory=dict)
    by_key: dict[str, int] = field(default_factory=dict)
    profiles: dict[tuple[int, tuple[str, ...]], Profile] = field(default_factory=dict)

    def fail(self, failure: Failure) -> None:
        """Take a failure."""
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(failure)
        else:
            self.failures_dropped[failure.check] = self.failures_dropped.get(failure.check, 0) + 1

    def merge(self, other: "Outcome") -> None:
        """Add what another worker found."""
        self.rrsets += other.rrsets
        self.signatures += other.signatures
        self.bad += other.bad
        self.failures += other.failures
        for check, count in other.failures_dropped.items():
            self.failures_dropped[check] = self.failures_dropped.get(check, 0) + count
        for key_hash, count in other.by_key.items():
            self.by_key[key_hash] = self.by_key.get(key_hash, 0) + count
        for key, profile in other.profiles.items():
            self.count(key, profile.count, profile.ttl_s, profile.owner, profile.rtype)

    def count(self, key: tuple[int, tuple[str, ...]], number: int, ttl_s: int, owner: bytes, rtype: int) -> None:
        """Count RRsets under a profile."""
        profile = self.profiles.get(key)
        if profile is None:
            self.profiles[key] = Profile(number, ttl_s, owner, rtype)
            return
        profile.count += number
        profile.ttl_s = max(profile.ttl_s, ttl_s)


class Examination:
    """How the signatures of a zone are judged.

    ``published`` are the DNSKEY RDATA of the version in question, ``others`` those of other versions that resolvers may
    hold: signatures by them count for cache states only, and are worth a remark unless ``expected`` has the key's
    hash (algorithm rollovers sign before they publish). ``now_s`` is POSIX time, `UNTIMED` to ignore validity windows;
    ``minimum_remaining_s`` how long signatures have to stay valid.
    """

    def __init__(
        self,
        zone: bytes,
        published: Sequence[bytes],
        others: Sequence[bytes],
        now_s: int,
        minimum_remaining_s: int,
        policy: AlgorithmPolicy,
        expected: Sequence[str] = (),
    ) -> None:
        self._expected = set(expected)
        self.zone = zone
        self.now_s = now_s
        self.minimum_remaining_s = minimum_remaining_s
        self.policy = policy
        self.published = [key for rdata in published if (key := parse_dnskey(rdata)) is not None]
        self.algorithms = sorted({key.algorithm for key in self.published if policy.algorithm_usable(key.algorithm)})
        self._published_hashes = {public_key_hash(key.rdata) for key in self.published}
        self._hashes: dict[bytes, str] = {}
        self._candidates: dict[tuple[int, int], list[DNSKEY]] = {}
        everyone = list(dict.fromkeys([*published, *others]))
        for key in (parse_dnskey(rdata) for rdata in everyone):
            if key is not None:
                self._hashes[key.rdata] = public_key_hash(key.rdata)
                self._candidates.setdefault((key.key_tag, key.algorithm), []).append(key)
        self._verifier = CryptographyVerifier()

    def run(self, rrsets: Sequence[RRset]) -> Outcome:
        """Judge RRsets, each of which ought to be signed, in this process."""
        outcome = Outcome()
        for rrset in rrsets:
            self._examine(rrset, outcome)
        return outcome

    def believe(self, rrsets: Sequence[RRset], outcome: Outcome) -> None:
        """Count RRsets that are not verified now under the keys that their signatures claim, for cache states."""
        for rrset in rrsets:
            claimed = [parse_rrsig(signature) for signature in rrset.signatures]
            candidates = [self._candidates.get((one.key_tag, one.algorithm), []) for one in claimed if one is not None]
            hashes = {self._hashes[key.rdata] for keys in candidates for key in keys}
            outcome.count((_kind(rrset.rtype), tuple(sorted(hashes))), 1, rrset.ttl, rrset.name, rrset.rtype)

    def _examine(self, rrset: RRset, outcome: Outcome) -> None:
        outcome.rrsets += 1
        good: list[str] = []
        covered: list[int] = []  # algorithms by which a published key signed
        failures: list[Failure] = []
        signatures = rrset.signatures
        for signature in signatures:
            outcome.signatures += 1
            alone = rrset
            if len(signatures) > 1:
                alone = RRset(rrset.name, rrset.rtype, rrset.ttl, rrset.rdatas, [signature])
            key_hash = self._judge(alone, failures, covered)
            if key_hash:
                good.append(key_hash)
                outcome.by_key[key_hash] = outcome.by_key.get(key_hash, 0) + 1
            else:
                outcome.bad += 1
        missing = [algorithm for algorithm in self.algorithms if algorithm not in covered]
        if missing:
            self._explain_missing(rrset, missing, failures)
        for failure in failures:
            fatal = bool(missing) or failure.key_hash in self._published_hashes
            outcome.fail(failure if fatal else replace(failure, fatal=False))
        outcome.count((_kind(rrset.rtype), tuple(sorted(good))), 1, rrset.ttl, rrset.name, rrset.rtype)

    def _judge(self, alone: RRset, failures: list[Failure], covered: list[int]) -> str:
        """Return the hash of the key that made the one signature; "" after noting why it is not good."""
        rrsig = parse_rrsig(alone.signatures[0])
        if rrsig is None:
            failures.append(_failure(alone, self._verdict(alone, self.published), None, ""))
            return ""
        candidates = self._candidates.get((rrsig.key_tag, rrsig.algorithm), [])
        verdict = None
        for key in candidates:
            verdict = self._verdict(alone, [key])
            if verdict.status == SECURE:
                return self._accept(alone, rrsig, self._hashes[key.rdata], failures, covered)
        key_hash = self._hashes[candidates[0].rdata] if candidates else ""
        failures.append(_failure(alone, verdict or self._verdict(alone, self.published), rrsig, key_hash))
        return ""

    def _verdict(self, alone: RRset, keys: list[DNSKEY]) -> Verdict:
        return verify_rrset(alone, self.zone, keys, self._verifier, WorkBudget(), self.now_s, self.policy)

    def _accept(self, alone: RRset, rrsig: RRSIG, key_hash: str, failures: list[Failure], covered: list[int]) -> str:
        """Look at what makes a valid signature unfit for publication; return the hash of its key if it is fit."""
        subject = _subject(alone)
        if self.now_s != UNTIMED and seconds_between(self.now_s, rrsig.expiration) < self.minimum_remaining_s:
            text = f"RRSIG expires at {signature_time_text(rrsig.expiration, self.now_s)} for {subject}, less than "
            text += f"{self.minimum_remaining_s} s from now (keytag={rrsig.key_tag})"
            failures.append(_problem(alone, "gate.expires-soon", iana.EDE_SIGNATURE_EXPIRED, text, rrsig, key_hash))
            return ""
        if rrsig.original_ttl != alone.ttl:
            text = f"RRSIG for {subject} is over TTL {rrsig.original_ttl}, but the RRset has TTL {alone.ttl}"
            failures.append(_problem(alone, "gate.original-ttl", -1, text, rrsig, key_hash))
        if key_hash in self._published_hashes:
            covered.append(rrsig.algorithm)
        elif key_hash not in self._expected:
            text = f"RRSIG for {subject} is by a key that this version does not publish (keytag={rrsig.key_tag})"
            failures.append(_problem(alone, "gate.key-not-published", iana.EDE_DNSKEY_MISSING, text, rrsig, key_hash))
        return key_hash

    def _explain_missing(self, rrset: RRset, missing: list[int], failures: list[Failure]) -> None:
        """Every algorithm among the DNSKEYs has to sign every RRset (RFC 4035 section 2.2): say so if nothing has."""
        if not rrset.signatures:
            text = f"no RRSIG for {_subject(rrset)}"
            failures.append(Failure(rrset.name, rrset.rtype, "rrsig.missing", iana.EDE_RRSIGS_MISSING, text))
            return
        told = {failure.algorithm for failure in failures}
        silent = [iana.algorithm_name(algorithm) for algorithm in missing if algorithm not in told]
        if silent:
            text = f"no RRSIG by {', '.join(silent)} for {_subject(rrset)}, although a DNSKEY has that algorithm"
            check = "gate.algorithm-incomplete"
            failures.append(Failure(rrset.name, rrset.rtype, check, iana.EDE_RRSIGS_MISSING, text))


def _kind(rtype: int) -> int:
    return KEYS if rtype == iana.TYPE_DNSKEY else DENIAL if rtype in _DENIAL_TYPES else DATA


def _subject(rrset: RRset) -> str:
    return f"{to_text(rrset.name)}/{iana.type_name(rrset.rtype)}"


def _problem(rrset: RRset, check: str, info_code: int, text: str, rrsig: RRSIG, key_hash: str) -> Failure:
    return Failure(rrset.name, rrset.rtype, check, info_code, text, rrsig.algorithm, rrsig.key_tag, key_hash)


def _failure(rrset: RRset, verdict: Verdict, rrsig: RRSIG | None, key_hash: str) -> Failure:
    """Return why the resolver's own code does not accept a signature."""
    cause = verdict.cause
    if cause is None:
        raise AssertionError(f"a verdict that is not SECURE has a cause: {_subject(rrset)}")
    algorithm, key_tag = (rrsig.algorithm, rrsig.key_tag) if rrsig is not None else (-1, -1)
    return Failure(rrset.name, rrset.rtype, cause.site, cause.info_code, cause.extra_text, algorithm, key_tag, key_hash)


def examine(examination: Examination, rrsets: Sequence[RRset], jobs: int) -> Outcome:
    """Judge RRsets with ``jobs`` processes."""
    if jobs <= 1 or len(rrsets) < PARALLEL_MINIMUM:
        return examination.run(rrsets)
    context = multiprocessing.get_context("fork")
    gc.freeze()  # a collection in a worker would touch, and so copy, every page of the zone
    workers = []
    for number in range(1, jobs):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(examination, rrsets, number, jobs, sender), daemon=True)
        process.start()
        sender.close()
        workers.append((process, receiver))
    outcome = examination.run(rrsets[::jobs])
    for process, receiver in workers:
        try:
            outcome.merge(receiver.recv())
        except EOFError:
            process.join()
            raise RuntimeError(f"a verifying process ended early (exit code {process.exitcode})") from None
        process.join()
    gc.unfreeze()
    return outcome


def _work(examination: Examination, rrsets: Sequence[RRset], first: int, jobs: int, sender: Connection) -> None:
    outcome = examination.run(rrsets[first::jobs])
    sender.send(outcome)
    sender.close()


def usable_hashes(dnskeys: Sequence[bytes]) -> set[str]:
    """Return the hashes of the keys in DNSKEY RDATA that may sign zone data."""
    keys = (parse_dnskey(rdata) for rdata in dnskeys)
    return {public_key_hash(key.rdata) for key in keys if key is not None and key_usable(key)}
