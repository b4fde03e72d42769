"""How a trust anchor fares: its keys with their RFC 5011 states, and what will become, or is, a problem.

A trust anchor that goes wrong takes everything below its zone with it, and the signs come weeks before: a new key whose
hold-down runs, or does not; a trusted key that is not published any more; a revocation.
"""

from typing import Final

from holdfast.base.limits import ANCHOR_FAILING_WARNING_S, DNSKEYS_PER_ZONE, TRUST_ANCHOR_HOLD_DOWN_S
from holdfast.dns.rdata import parse_dnskey, parse_ds
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.signature_time import utc_text
from holdfast.dnssec.trust_anchor import (
    ADD_PENDING,
    MISSING,
    REVOKED,
    STATE_NAMES,
    AnchorKey,
    TrustAnchor,
)

NOTICE: Final = 0  # nothing to do, but good to know
WARNING: Final = 1  # will become a problem unless somebody acts
ERROR: Final = 2  # is a problem
LEVEL_NAMES: Final = ["notice", "warning", "error"]
CONFIGURED: Final = "Configured"  # of a key that is trusted by its DS or DNSKEY record, and has not been followed yet


class AnchorFinding:
    """Something to know about a trust anchor: how bad (one of NOTICE, WARNING, ERROR), and what, in words."""

    def __init__(self, level: int, text: str) -> None:
        self.level: Final = level
        self.text: Final = text


class AnchorKeyReport:
    """A key: tag, algorithm, state by RFC 5011, since when, and when its hold-down ends (POSIX seconds; 0: no time)."""

    def __init__(self, key_tag: int, algorithm: int, state_name: str, since_s: int, trusted_from_s: int) -> None:
        self.key_tag: Final = key_tag
        self.algorithm: Final = algorithm
        self.state_name: Final = state_name
        self.since_s: Final = since_s
        self.trusted_from_s: Final = trusted_from_s


class AnchorReport:
    """One trust anchor: its zone (wire format), its keys, and the findings, the worst first."""

    def __init__(self, anchor: TrustAnchor, policy: AlgorithmPolicy, now_s: int) -> None:
        self.zone: Final = anchor.zone
        self.tracked: Final = anchor.tracked
        self.verified_s: Final = anchor.verified_s
        self.trusted: Final = anchor.trusted_key_tags()
        self.keys: Final = _keys(anchor)
        self.findings: Final = _findings(anchor, policy, now_s)

    def worst(self) -> int:
        """Return the level of the worst finding, -1: there is none."""
        return self.findings[0].level if self.findings else -1


def _keys(anchor: TrustAnchor) -> list[AnchorKeyReport]:
    found: list[AnchorKeyReport] = []
    seen: list[int] = []
    for key in anchor.keys:
        until_s = key.since_s + TRUST_ANCHOR_HOLD_DOWN_S if key.state == ADD_PENDING else 0
        tag = _tag(key)
        seen.append(tag)
        found.append(AnchorKeyReport(tag, key.rdata[3], STATE_NAMES[key.state], key.since_s, until_s))
    for rdata in anchor.usable_ds():
        ds = parse_ds(rdata)
        if ds is not None and ds.key_tag not in seen:
            seen.append(ds.key_tag)
            found.append(AnchorKeyReport(ds.key_tag, ds.algorithm, CONFIGURED, 0, 0))
    for rdata in anchor.usable_dnskey():
        dnskey = parse_dnskey(rdata)
        if dnskey is not None and dnskey.key_tag not in seen:
            seen.append(dnskey.key_tag)
            found.append(AnchorKeyReport(dnskey.key_tag, dnskey.algorithm, CONFIGURED, 0, 0))
    return found


def _findings(anchor: TrustAnchor, policy: AlgorithmPolicy, now_s: int) -> list[AnchorFinding]:
    found: list[AnchorFinding] = []
    if anchor.problem:
        found.append(AnchorFinding(ERROR, anchor.problem))
    if anchor.deleted():
        text = "every trusted key is revoked: the zone and all below it count as unsigned (RFC 5011 section 5)"
        found.append(AnchorFinding(ERROR, text))
        return found
    if not _is_usable(anchor, policy):
        text = "no trusted key has an algorithm and a digest type that count here: the zone counts as unsigned"
        found.append(AnchorFinding(ERROR, text))
    trusted = anchor.trusted_key_tags()
    gone = anchor.unpublished
    if anchor.observed_s and len(gone) >= len(trusted):
        text = f"no trusted key ({_tags(trusted)}) is in the zone's DNSKEY RRset: nothing in it can be validated"
        found.append(AnchorFinding(ERROR, text))
    if anchor.failing_since_s and now_s - anchor.failing_since_s >= ANCHOR_FAILING_WARNING_S:
        text = f"its keys could not be fetched and validated since {utc_text(anchor.failing_since_s)}"
        found.append(AnchorFinding(WARNING, text))
    for key in anchor.keys:
        finding = _key_finding(key, anchor, now_s)
        if finding is not None:
            found.append(finding)
    if len(anchor.keys) >= DNSKEYS_PER_ZONE:
        text = f"{DNSKEYS_PER_ZONE} keys are remembered: new ones are not followed any more"
        found.append(AnchorFinding(WARNING, text))
    if anchor.unknown:
        text = f"new key-signing key {_tags(anchor.unknown)} is published, and rollovers are not followed here"
        found.append(AnchorFinding(WARNING, text))
    if gone and len(gone) < len(trusted) and not anchor.is_missing(gone):
        found.append(AnchorFinding(NOTICE, f"trusted key {_tags(gone)} is not published"))
    if not anchor.tracked:
        found.append(AnchorFinding(NOTICE, "key rollovers are not followed (RFC 5011)"))
    return sorted(found, key=_urgency)


def _urgency(finding: AnchorFinding) -> int:
    return -finding.level


def _key_finding(key: AnchorKey, anchor: TrustAnchor, now_s: int) -> AnchorFinding | None:
    """Return what there is to say about a followed key."""
    tag = _tag(key)
    since = utc_text(key.since_s)
    if key.state == MISSING:
        return AnchorFinding(WARNING, f"trusted key {tag} is not published since {since}")
    if key.state == REVOKED:
        return AnchorFinding(WARNING, f"key {tag} was revoked by its owner; seen {since}")
    if key.state != ADD_PENDING:  # also Removed: it was revoked a month ago
        return None
    end_s = key.since_s + TRUST_ANCHOR_HOLD_DOWN_S
    if now_s < key.since_s:
        text = f"hold-down of new key {tag} is blocked: this machine's clock is before {since}, when it was seen"
        return AnchorFinding(WARNING, text)
    if now_s >= end_s and anchor.verified_s < end_s:
        text = f"hold-down of new key {tag} is blocked: over since {utc_text(end_s)}, but its zone does not validate"
        return AnchorFinding(WARNING, text)
    return AnchorFinding(NOTICE, f"new key {tag} was first seen {since} and is trusted from {utc_text(end_s)} on")


def _is_usable(anchor: TrustAnchor, policy: AlgorithmPolicy) -> bool:
    for rdata in anchor.usable_ds():
        ds = parse_ds(rdata)
        if ds is not None and policy.algorithm_usable(ds.algorithm) and policy.digest_usable(ds.digest_type):
            return True
    for rdata in anchor.usable_dnskey():
        key = parse_dnskey(rdata)
        if key is not None and policy.algorithm_usable(key.algorithm):
            return True
    return False


def _tag(key: AnchorKey) -> int:
    parsed = parse_dnskey(key.rdata)
    return parsed.key_tag if parsed is not None else 0


def _tags(tags: list[int]) -> str:
    return ", ".join([str(tag) for tag in tags])
