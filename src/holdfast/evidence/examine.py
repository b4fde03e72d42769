"""Judging every RRset in the messages of a bundle: which verify, with which key, at which server, over which transport.

Pure: the same bundle and a verifier of signatures always give the same sightings, in the same order.
"""

from dataclasses import dataclass

from holdfast.base.cause import Cause
from holdfast.base.security_status import INSECURE, SECURE
from holdfast.dns.iana import (
    FLAG_TC,
    RCODE_NOERROR,
    RCODE_NXDOMAIN,
    TYPE_DNSKEY,
    TYPE_DS,
    TYPE_NS,
    TYPE_NSEC,
    TYPE_NSEC3,
    TYPE_SOA,
    rcode_name,
    type_name,
)
from holdfast.dns.message import Message, parse
from holdfast.dns.name import is_subdomain, to_text
from holdfast.dns.rdata import DNSKEY, RRSIG, parse_dnskey, parse_rrsig, parse_soa
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.denial import INSECURE_PROOF, PROVEN, prove_nodata, prove_nxdomain, prove_wildcard_expansion
from holdfast.dnssec.ds import DnskeyVerdict, verify_dnskey_rrset
from holdfast.dnssec.proof import Proof
from holdfast.dnssec.rrsig import UNTIMED, canonical_records, verify_rrset
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.evidence.bundle import NO_MESSAGE, PARENT, SERVER, Bundle, Question, Reply

SIGNATURE_CHECKS = 4000  # of one bundle: different RRsets times keys; a zone whose servers agree needs about fifty
NSEC3_HASHES = 20_000  # of one bundle, some ten for each different denial
KEY_SETS = 8  # different DNSKEY RRsets looked at; a rollover that spreads shows two

GOOD = "verifies"
UNTIMELY = "out of time"  # cryptographically valid, but expired or not yet valid
INVALID = "invalid signature"
NO_KEY = "no such key"
UNSIGNED = "no signature"
UNPROVEN = "proves nothing"  # the signatures hold, the denial does not
UNDECIDED = "not judged"  # the limit on work was reached

_DENIALS = (TYPE_NSEC, TYPE_NSEC3)
_SIGNED_AUTHORITY = (TYPE_SOA, TYPE_DS, *_DENIALS)
_TIMES = ("rrsig.expired", "rrsig.not-yet-valid", "rrsig.expired-before-valid")
_KEYS = ("rrsig.no-key", "ds.no-match", "ds.no-dnskey", "ds.not-signed-by-linking-key")
_MISSING = ("rrsig.missing", "rrsig.signer")
_LIMITS = ("rrsig.budget", "denial.nsec3-budget")

Source = tuple[int, str]  # a place and a transport


@dataclass(frozen=True)
class Judgement:
    """What became of one RRset: its state, the tag of the key that made or should have made the signature, and why."""

    state: str
    key_tag: int
    cause: Cause | None
    expanded: bool = False

    @property
    def good(self) -> bool:
        """Tell whether it verifies."""
        return self.state == GOOD


@dataclass(frozen=True)
class Sighting:
    """One RRset in one reply: ``data`` are its records in canonical form, ``signatures`` the RRSIG RDATA, sorted."""

    reply: Reply
    name: bytes
    rtype: int
    data: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    judgement: Judgement

    @property
    def source(self) -> Source:
        """Return where it was seen, and over what."""
        return self.reply.place, self.reply.transport

    @property
    def subject(self) -> str:
        """Return owner and type as texts name an RRset."""
        return f"{to_text(self.name)}/{type_name(self.rtype)}"


class Examination:
    """All sightings of a bundle. ``anchored``: the keys that judged them are those that the parent's DS vouches for."""

    def __init__(self, bundle: Bundle, verifier: SignatureVerifier) -> None:
        self.bundle = bundle
        self.zone = bundle.zone
        self._verifier = verifier
        self._policy = AlgorithmPolicy(list(bundle.algorithms), list(bundle.digest_types))
        self._budget = WorkBudget(SIGNATURE_CHECKS, NSEC3_HASHES)
        self._judged: dict[tuple[object, ...], Judgement] = {}
        self._messages = [parse(wire) for wire in bundle.messages]
        self.key_sets: list[tuple[tuple[bytes, ...], DnskeyVerdict]] = []
        self.anchored = False
        self.unsupported = False  # no DS that can be used: insecure (RFC 4035 section 5.2)
        self._keys = self._find_keys()
        self.sightings: list[Sighting] = []
        self.answered: dict[Source, int] = {}
        self.errors: dict[Source, str] = {}
        self.denied: list[tuple[Reply, bool]] = []  # replies without what was asked; whether that was proven
        self.delegations: list[tuple[Source, tuple[bytes, ...]]] = []  # the zone's DS as seen elsewhere
        for reply in bundle.replies:
            self._take(reply)

    def of_servers(self) -> list[Sighting]:
        """Return what the zone's own servers said."""
        return [one for one in self.sightings if self.bundle.places[one.reply.place].kind == SERVER]

    def of_vantage_points(self) -> list[Sighting]:
        """Return what was said elsewhere."""
        return [one for one in self.sightings if self.bundle.places[one.reply.place].kind != SERVER]

    def verifies_known(self, sighting: Sighting, keys: tuple[bytes, ...]) -> bool:
        """Tell whether a sighting verifies with keys that were validated before."""
        rrset = RRset(sighting.name, sighting.rtype, 0, list(sighting.data), list(sighting.signatures))
        return self._verify(rrset, _parsed(keys)).good

    # -- keys ---------------------------------------------------------------------------------------------------------

    def _find_keys(self) -> list[DNSKEY]:
        """Return the zone's keys: of the sets that the parent vouches for; if there are none, of all that were seen."""
        parent = self.bundle.parent
        keys: list[DNSKEY] = []
        others: list[DNSKEY] = []
        for message in self._messages:
            for rrset in message.answer if message is not None else ():
                if rrset.rtype != TYPE_DNSKEY or rrset.name != self.zone or not rrset.rdatas:
                    continue
                data = (*sorted(rrset.rdatas), *sorted(rrset.signatures))
                if len(self.key_sets) >= KEY_SETS or data in [one for one, _ in self.key_sets]:
                    continue
                verdict = verify_dnskey_rrset(
                    rrset,
                    list(parent.ds),
                    list(parent.anchors),
                    self.zone,
                    self._verifier,
                    self._budget,
                    self.bundle.validation_time_s,
                    self._policy,
                )
                self.key_sets.append((data, verdict))
                self.unsupported = self.unsupported or verdict.status == INSECURE
                found = keys if verdict.status == SECURE else others
                found.extend(
                    key for key in _parsed(tuple(rrset.rdatas)) if key.rdata not in [one.rdata for one in found]
                )
        self.anchored = bool(keys)
        return keys or others

    # -- RRsets -------------------------------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        """Judge what one reply holds."""
        source = reply.place, reply.transport
        message = self._messages[reply.message] if reply.message != NO_MESSAGE else None
        if message is None:
            self.errors.setdefault(source, reply.failure or "malformed message")
            return
        question = self.bundle.questions[reply.question]
        if message.qname != question.name or message.qtype != question.rtype:
            self.errors.setdefault(source, "answer to another question")
            return
        if message.rcode not in (RCODE_NOERROR, RCODE_NXDOMAIN):
            self.errors.setdefault(source, rcode_name(message.rcode))
            return
        self.answered[source] = self.answered.get(source, 0) + 1
        if message.flags & FLAG_TC:
            return  # what is missing cannot be told from what was cut off; the same is asked over TCP
        if question.kind == PARENT:
            found = [one.rdatas for one in message.answer if (one.name, one.rtype) == (question.name, question.rtype)]
            self.delegations.append((source, tuple(sorted(rdata for rdatas in found for rdata in rdatas))))
            return
        if any(one.rtype == TYPE_SOA and one.name != self.zone for one in message.authority):
            return  # the server spoke for another zone, below or above
        judged = [(rrset, self._judge(rrset)) for rrset in self._signed_sets(message)]
        for rrset, judgement in judged:
            self._see(reply, rrset, judgement)
        proof = self._proof(message, question, judged)
        if not message.answer:
            self.denied.append((reply, proof is not None and proof.result in (PROVEN, INSECURE_PROOF)))
        if proof is not None and proof.result not in (PROVEN, INSECURE_PROOF):
            site = proof.cause.site if proof.cause is not None else ""
            state = UNDECIDED if site in _LIMITS else UNPROVEN
            self._see(reply, RRset(question.name, question.rtype, 0, [], []), Judgement(state, -1, proof.cause))

    def _see(self, reply: Reply, rrset: RRset, judgement: Judgement) -> None:
        data = tuple(canonical_records(rrset)) if rrset.rdatas else ()
        self.sightings.append(
            Sighting(reply, rrset.name, rrset.rtype, data, tuple(sorted(rrset.signatures)), judgement)
        )

    def _signed_sets(self, message: Message) -> list[RRset]:
        """Return the RRsets that the zone should have signed: the answer, SOA, DS, NSEC and NSEC3."""
        found = [rrset for rrset in message.answer if rrset.rdatas and not self._is_of_child(rrset)]
        found += [one for one in message.authority if one.rtype in _SIGNED_AUTHORITY and one.rdatas]
        return [rrset for rrset in found if is_subdomain(rrset.name, self.zone)]

    def _is_of_child(self, rrset: RRset) -> bool:
        """Tell whether a zone below signed it: a server of both may answer for either."""
        signers = [one.signer for one in map(parse_rrsig, rrset.signatures) if one is not None]
        return any(signer != self.zone and is_subdomain(signer, self.zone) for signer in signers)

    def _judge(self, rrset: RRset) -> Judgement:
        key = (rrset.name, rrset.rtype, tuple(rrset.rdatas), tuple(rrset.signatures))
        known = self._judged.get(key)
        if known is None:
            known = self._judge_keys(rrset) if rrset.rtype == TYPE_DNSKEY else self._verify(rrset, self._keys)
            self._judged[key] = known
        return known

    def _judge_keys(self, rrset: RRset) -> Judgement:
        data = (*sorted(rrset.rdatas), *sorted(rrset.signatures))
        for known, verdict in self.key_sets:
            if known == data:
                if verdict.status == SECURE:
                    return Judgement(GOOD, verdict.key_tag, None)
                return Judgement(_state(verdict.cause), _first_tag(rrset, self.zone), verdict.cause)
        return Judgement(UNDECIDED, -1, None)

    def _verify(self, rrset: RRset, keys: list[DNSKEY]) -> Judgement:
        arguments = (rrset, self.zone, keys, self._verifier, self._budget)
        verdict = verify_rrset(*arguments, self.bundle.validation_time_s, self._policy)
        if verdict.status == SECURE:
            return Judgement(GOOD, verdict.key_tag, None, verdict.expanded_from_wildcard)
        state = _state(verdict.cause)
        if state == UNTIMELY and verify_rrset(*arguments, UNTIMED, self._policy).status != SECURE:
            state = INVALID
        return Judgement(state, _first_tag(rrset, self.zone), verdict.cause)

    def _proof(self, message: Message, question: Question, judged: list[tuple[RRset, Judgement]]) -> Proof | None:
        """Return the proof of a denial whose records all verify; None: nothing is denied, or its records are bad."""
        nsec = [one for one, judgement in judged if one.rtype == TYPE_NSEC and judgement.good]
        nsec3 = [one for one, judgement in judged if one.rtype == TYPE_NSEC3 and judgement.good]
        if any(one.rtype in (*_DENIALS, TYPE_SOA) and not judgement.good for one, judgement in judged):
            return None
        limit = self.bundle.iterations_limit
        for rrset, judgement in judged:
            if judgement.expanded and rrset.rtype not in _DENIALS:
                labels = min((one[3] for one in rrset.signatures if len(one) > 3), default=0)
                return prove_wildcard_expansion(rrset.name, self.zone, labels, nsec, nsec3, self._budget, limit)
        if message.answer or question.name == self.zone == b"\x00":
            return None
        is_referral = any(one.rtype == TYPE_NS and one.name != self.zone for one in message.authority)
        rtype = TYPE_DS if is_referral else question.rtype
        if is_referral and any(one.rtype == TYPE_DS for one in message.authority):
            return None
        if message.rcode == RCODE_NXDOMAIN:
            proof = prove_nxdomain(question.name, self.zone, nsec, nsec3, self._budget, limit)
            if proof.result in (PROVEN, INSECURE_PROOF):
                return proof
        return prove_nodata(question.name, rtype, self.zone, nsec, nsec3, self._budget, limit)


def serial_of(sighting: Sighting) -> int:
    """Return the serial of a sighting of the SOA RRset; -1 if it is none."""
    fields = parse_soa(sighting.data[0]) if sighting.rtype == TYPE_SOA and sighting.data else None
    return fields.serial if fields is not None else -1


def signatures_of(sighting: Sighting) -> list[RRSIG]:
    """Return its signatures, parsed."""
    return [one for one in map(parse_rrsig, sighting.signatures) if one is not None]


def _parsed(rdatas: tuple[bytes, ...]) -> list[DNSKEY]:
    return [key for key in map(parse_dnskey, rdatas) if key is not None]


def _first_tag(rrset: RRset, zone: bytes) -> int:
    """Return the tag in the first signature by the zone; -1 without one."""
    for rrsig in map(parse_rrsig, rrset.signatures):
        if rrsig is not None and rrsig.signer == zone:
            return rrsig.key_tag
    return -1


def _state(cause: Cause | None) -> str:
    """Return the state that a cause stands for."""
    site = cause.site if cause is not None else ""
    if site in _TIMES:
        return UNTIMELY
    if site in _KEYS:
        return NO_KEY
    if site in _MISSING:
        return UNSIGNED
    return UNDECIDED if site in _LIMITS else INVALID
