"""Validating a second-level cache offline: is everything that it calls secure really signed, link by link?

Every secure record is verified with the DNSKEY RRset of its signer from the same store, and that with the DS RRset of
its zone or a trust anchor. Signatures are judged at the time when the record was stored.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.limits import SIGNATURE_CHECKS_PER_REQUEST
from holdfast.base.security_status import SECURE
from holdfast.base.settings import EngineSettings
from holdfast.cache.negative_cache import NegativeEntry
from holdfast.cache.rrset_cache import CachedRRset
from holdfast.cache.second_level import KIND_DENIAL, KIND_RRSET, decode_denial, decode_rrset, record_key
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS, type_name
from holdfast.dns.name import to_text
from holdfast.dns.rdata import DNSKEY, parse_dnskey, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.ds import verify_dnskey_rrset
from holdfast.dnssec.rrsig import verify_rrset
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.store.lmdb_cache import LmdbCache

VERIFIED: Final = "verified"
WRONG: Final = "wrong"
UNCHECKABLE: Final = "key not in the store"
INSECURE_RECORD: Final = "insecure"
DAMAGED: Final = "damaged"


@dataclass
class Findings:
    """What became of the records: how many of each kind, and a line for each that is wrong or damaged."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class StoreCheck:
    """One walk through a store."""

    def __init__(self, cache: LmdbCache, settings: EngineSettings, verifier: SignatureVerifier, now: Instant) -> None:
        self._cache = cache
        self._settings = settings
        self._verifier = verifier
        self._policy = AlgorithmPolicy(settings.enabled_algorithms, settings.enabled_digests)
        self._now = now
        self.findings = Findings()

    def run(self) -> Findings:
        """Check every record."""
        for key, value in self._cache.records():
            kind = key[-3]
            entry: CachedRRset | NegativeEntry | None
            if kind == KIND_RRSET:
                entry = decode_rrset(key, value, self._now)
            elif kind == KIND_DENIAL:
                entry = decode_denial(key, value, self._now)
            else:
                continue
            if entry is None:
                self._count(DAMAGED, f"record {key.hex()} cannot be read")
            elif entry.status != SECURE:
                self._count(INSECURE_RECORD)
            elif isinstance(entry, CachedRRset):
                self._check_rrset(entry)
            else:
                self._check_denial(entry)
        return self.findings

    def _count(self, outcome: str, problem: str = "") -> None:
        self.findings.counts[outcome] += 1
        if problem:
            self.findings.problems.append(problem)

    def _check_rrset(self, entry: CachedRRset) -> None:
        rrset = entry.rrset
        at_s = self._stored_s(entry.stored_us)
        outcome = self._keys_outcome(rrset, at_s) if rrset.rtype == TYPE_DNSKEY else self._outcome(rrset, at_s)
        for proof in entry.wildcard_proof:
            outcome = _worse(outcome, self._outcome(proof, at_s))
        self._report(outcome, f"{to_text(rrset.name)} {type_name(rrset.rtype)}")

    def _check_denial(self, entry: NegativeEntry) -> None:
        at_s = self._stored_s(entry.stored_us)
        outcome = VERIFIED
        for rrset in [*([entry.soa] if entry.soa is not None else []), *entry.proof]:
            outcome = _worse(outcome, self._outcome(rrset, at_s))
        if not entry.proof:
            outcome = WRONG
        self._report(outcome, f"denial of {to_text(entry.name)}")

    def _report(self, outcome: str, what: str) -> None:
        self._count(outcome, f"{what} is called secure, but does not verify" if outcome == WRONG else "")

    def _stored_s(self, stored_us: int) -> int:
        return self._now.wall_s - (self._now.monotonic_us - stored_us) // 1_000_000

    def _outcome(self, rrset: RRset, at_s: int) -> str:
        """Verify one RRset with any signer's keys that the store has."""
        outcome = WRONG
        for rdata in rrset.signatures:
            signature = parse_rrsig(rdata)
            if signature is None:
                continue
            keys = self._keys(signature.signer)
            if not keys:
                outcome = UNCHECKABLE
                continue
            budget = WorkBudget(SIGNATURE_CHECKS_PER_REQUEST)
            verdict = verify_rrset(rrset, signature.signer, keys, self._verifier, budget, at_s, self._policy)
            if verdict.status == SECURE:
                return VERIFIED
        return outcome

    def _keys(self, zone: bytes) -> list[DNSKEY]:
        entry = self._stored(zone, TYPE_DNSKEY)
        keys = [parse_dnskey(rdata) for rdata in entry.rrset.rdatas] if entry is not None else []
        return [key for key in keys if key is not None]

    def _stored(self, name: bytes, rtype: int) -> CachedRRset | None:
        key = record_key(KIND_RRSET, name, rtype)
        value = self._cache.get(key)
        return decode_rrset(key, value, self._now) if value is not None else None

    def _keys_outcome(self, dnskeys: RRset, at_s: int) -> str:
        """Verify a DNSKEY RRset with the DS RRset or the trust anchor of its zone."""
        zone = dnskeys.name
        anchors = [anchor for anchor in self._settings.trust_anchors if anchor.zone == zone]
        ds = [rdata for anchor in anchors for rdata in anchor.ds]
        anchor_keys = [rdata for anchor in anchors for rdata in anchor.dnskey]
        if not anchors:
            entry = self._stored(zone, TYPE_DS)
            if entry is None:
                return UNCHECKABLE
            ds = entry.rrset.rdatas
        verdict = verify_dnskey_rrset(dnskeys, ds, anchor_keys, zone, self._verifier, WorkBudget(), at_s, self._policy)
        return VERIFIED if verdict.status == SECURE else WRONG


def _worse(left: str, right: str) -> str:
    """Combine the outcomes of two parts of a record."""
    for outcome in (WRONG, UNCHECKABLE):
        if outcome in (left, right):
            return outcome
    return VERIFIED
