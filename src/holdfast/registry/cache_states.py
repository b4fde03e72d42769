"""Every combination of old and new data that resolvers may hold, and whether it validates.

A resolver that asks for a name today may verify the answer with the DNSKEY RRset that it fetched an hour ago, and a
validator behind a cache may get yesterday's answer with today's keys. Each earlier version of the zone stays in caches
until the moment at which it was replaced everywhere, plus the TTL of the RRset in question (RFC 6781 section 4.1,
RFC 7583 section 3).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.base.security_status import BOGUS
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns import iana
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.ds import DnskeyVerdict, verify_dnskey_rrset
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.registry.findings import ERROR, CacheState, Finding, GateReport, duration_text
from holdfast.registry.zone_signatures import DENIAL, KEYS, Profile, usable_hashes

_KINDS = {0: "answers", DENIAL: "negative answers"}

Profiles = dict[tuple[int, tuple[str, ...]], Profile]


@dataclass
class Version:
    """What caches may hold of one published version of a zone.

    ``dnskeys`` is the DNSKEY RRset with its signatures, without records in an unsigned zone. ``profiles`` tell which
    keys vouch for the other RRsets. ``ds`` is the parent's DS RDATA at the time, None if not known. ``until_s``: POSIX
    time at which the version was replaced.
    """

    serial: int
    dnskeys: RRset
    profiles: Profiles = field(default_factory=dict)
    ds: list[bytes] | None = None
    ds_ttl_s: int = 0
    until_s: int = 0


@dataclass(frozen=True)
class Moment:
    """When and how cache states are judged: POSIX time, how long servers lag behind, and what resolvers support."""

    now_s: int
    propagation_s: int
    policy: AlgorithmPolicy


def verify_link(zone: bytes, dnskeys: RRset, ds: list[bytes], moment: Moment) -> DnskeyVerdict:
    """Judge a DNSKEY RRset by a DS RRset, as a resolver does."""
    return verify_dnskey_rrset(dnskeys, ds, [], zone, CryptographyVerifier(), WorkBudget(), moment.now_s, moment.policy)


def check_cache_states(new: Version, earlier: Sequence[Version], moment: Moment, report: GateReport) -> None:
    """Judge all states in which something of ``earlier`` is still cached; findings and states go to the report."""
    if new.ds == [] and not any(old.ds != [] and _left(old, old.ds_ttl_s, moment) > 0 for old in earlier):
        return  # the parent has no DS, and no cache has one: nobody validates the zone
    seen: set[tuple[object, ...]] = set()
    for old in sorted(earlier, key=lambda version: -version.until_s):
        for check in (_old_keys, _old_data, _old_ds):
            for key, state, findings in check(new, old, moment):
                if state.duration_s <= 0 or key in seen:
                    continue
                seen.add(key)
                state.good = not findings
                report.cache_states.append(state)
                for finding in findings:
                    report.add(finding)


_Judged = tuple[tuple[object, ...], CacheState, list[Finding]]


def _left(old: Version, ttl_s: int, moment: Moment) -> int:
    """Return for how many seconds data of an old version may still be cached."""
    return old.until_s + moment.propagation_s + ttl_s - moment.now_s


def _old_keys(new: Version, old: Version, moment: Moment) -> Iterator[_Judged]:
    """The DNSKEY RRset is cached from before; everything else is fetched now."""
    dnskeys = old.dnskeys
    if not dnskeys.rdatas or sorted(dnskeys.rdatas) == sorted(new.dnskeys.rdatas):
        return
    left_s = _left(old, dnskeys.ttl, moment)
    held = usable_hashes(dnskeys.rdatas)
    findings = []
    for (kind, keys), profile in new.profiles.items():
        if kind == KEYS or not keys or held.intersection(keys):
            continue
        affected = f"resolvers that hold the old {_dnskeys(old)}"
        text = f"its signature is by a key that the DNSKEY RRset of serial {old.serial} does not have"
        findings.append(
            _finding(
                "cache.old-keys", profile, kind, text, keys, left_s, f"resolvers that hold the old {_dnskeys(old)}"
            )
        )
    text = f"DNSKEY RRset of serial {old.serial} with signatures of serial {new.serial}"
    yield ("keys", *sorted(dnskeys.rdatas)), CacheState(text, left_s), findings
    if new.ds and new.ds != old.ds:
        verdict = verify_link(dnskeys.name, dnskeys, new.ds, moment)
        findings = []
        if verdict.status == BOGUS and verdict.cause is not None:
            affected = f"resolvers that hold the old {_dnskeys(old)} and fetch the DS RRset"
            findings.append(
                Finding(
                    ERROR,
                    "cache.old-keys-ds",
                    dnskeys.name,
                    iana.TYPE_DNSKEY,
                    f"{verdict.cause.extra_text}, in the DNSKEY RRset of serial {old.serial}",
                    affected,
                    left_s,
                    verdict.cause.info_code,
                )
            )
        text = f"DNSKEY RRset of serial {old.serial} with the parent's DS RRset"
        yield ("keys-ds", *sorted(dnskeys.rdatas)), CacheState(text, left_s), findings


def _old_data(new: Version, old: Version, moment: Moment) -> Iterator[_Judged]:
    """Answers are cached from before, by a cache that did not validate them; the keys are fetched now."""
    if not new.dnskeys.rdatas:
        return
    held = usable_hashes(new.dnskeys.rdatas)
    for (kind, keys), profile in old.profiles.items():
        if kind == KEYS:
            continue
        if not keys and not new.ds:
            continue  # unsigned data is bogus only where a DS says that it ought to be signed
        left_s = _left(old, profile.ttl_s, moment)
        findings = []
        if not held.intersection(keys):
            affected = f"validators behind a cache that holds {_KINDS[kind]} of serial {old.serial}"
            text = f"{profile.count} RRsets of serial {old.serial} are "
            text += "signed by keys that are not published any more" if keys else "not signed"
            findings.append(_finding("cache.old-data", profile, kind, text, keys, left_s, affected))
        signers = " + ".join(one[:8] for one in keys) or "nobody"
        text = f"{_KINDS[kind]} of serial {old.serial} signed by {signers} with the DNSKEY RRset of serial {new.serial}"
        yield ("data", kind, keys), CacheState(text, left_s), findings


def _old_ds(new: Version, old: Version, moment: Moment) -> Iterator[_Judged]:
    """The DS RRset is cached from before; the DNSKEY RRset is fetched now."""
    if not old.ds or (new.ds is not None and sorted(old.ds) == sorted(new.ds)):
        return
    left_s = _left(old, old.ds_ttl_s, moment)
    verdict = verify_link(new.dnskeys.name, new.dnskeys, old.ds, moment)
    findings = []
    if verdict.status == BOGUS and verdict.cause is not None:
        text = f"{verdict.cause.extra_text}, by the DS RRset that was there with serial {old.serial}"
        affected = "resolvers that hold the old DS RRset, for the whole zone"
        findings.append(
            Finding(
                ERROR,
                "cache.old-ds",
                new.dnskeys.name,
                iana.TYPE_DS,
                text,
                affected,
                left_s,
                verdict.cause.info_code,
            )
        )
    text = f"DS RRset of serial {old.serial} with the DNSKEY RRset of serial {new.serial}"
    yield ("ds", *sorted(old.ds)), CacheState(text, left_s), findings


def _dnskeys(version: Version) -> str:
    return f"DNSKEY RRset (TTL {duration_text(version.dnskeys.ttl)})"


def _finding(
    check: str, profile: Profile, kind: int, text: str, keys: tuple[str, ...], left_s: int, affected: str
) -> Finding:
    more = f", as for {profile.count - 1} more {_KINDS[kind]}" if profile.count > 1 else ""
    code = iana.EDE_DNSKEY_MISSING if keys else iana.EDE_RRSIGS_MISSING
    key_hash = keys[0] if keys else ""
    return Finding(ERROR, check, profile.owner, profile.rtype, text + more, affected, left_s, code, -1, key_hash)
