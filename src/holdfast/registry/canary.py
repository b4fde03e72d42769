"""The canary: before a key is used, each back end signs one RRset with it, and the published key has to verify it.

One question to each device tells, days before the first real signature, that a device holds another key. It takes no
knowledge of why it might: three devices with three keys under one label, a restored backup, a mixed-up slot.
"""

import secrets
from collections.abc import Sequence

from holdfast.base.security_status import SECURE
from holdfast.crypto.signing import public_key_hash
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns import iana
from holdfast.dns.rdata import parse_dnskey
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.rrsig import verify_rrset
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.registry.backend import BackendKey, SigningBackend
from holdfast.registry.findings import ERROR, Finding
from holdfast.registry.problems import RegistryError

VALID_S = 300  # of the canary's signature, which nobody but this check ever sees
_LABEL = b"\x10_holdfast-canary"


def sing(backends: Sequence[SigningBackend], dnskey: bytes, zone: bytes, now_s: int) -> list[Finding]:
    """Return a finding for each back end whose signature the key in ``dnskey`` (DNSKEY RDATA) does not verify."""
    return [finding for backend in backends if (finding := _ask(backend, dnskey, zone, now_s)) is not None]


def _ask(backend: SigningBackend, dnskey: bytes, zone: bytes, now_s: int) -> Finding | None:
    nonce = secrets.token_hex(16).encode("ascii")  # an old signature must not be able to answer
    rrset = RRset(_LABEL + zone, iana.TYPE_TXT, 0, [bytes([len(nonce)]) + nonce], [])
    key = parse_dnskey(dnskey)
    if key is None:
        raise AssertionError("a DNSKEY of the key ring is well-formed")
    key_hash = public_key_hash(dnskey)
    try:
        rrset.signatures = [BackendKey(dnskey, [backend]).sign(rrset, zone, now_s - VALID_S, now_s + VALID_S)]
    except RegistryError as error:
        text = f"back end {backend.name} does not sign with key {key.key_tag}: {error}"
        return Finding(ERROR, "canary.no-signature", rrset.name, rrset.rtype, text, "", -1, -1, key.key_tag, key_hash)
    policy = AlgorithmPolicy([key.algorithm], [])
    verdict = verify_rrset(rrset, zone, [key], CryptographyVerifier(), WorkBudget(), now_s, policy)
    if verdict.status == SECURE:
        return None
    reason = verdict.cause.extra_text if verdict.cause is not None else "not secure"
    return Finding(
        ERROR,
        "canary.wrong-key",
        rrset.name,
        rrset.rtype,
        f"back end {backend.name} holds another key than the one to be used: {reason}",
        f"every validating resolver, for all that {backend.name} would sign",
        info_code=iana.EDE_DNSSEC_BOGUS,
        key_tag=key.key_tag,
        key_hash=key_hash,
    )
