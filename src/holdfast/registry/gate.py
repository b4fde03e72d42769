"""The publication gate: whether a version of a zone may be published, given what resolvers may still hold.

Everything is judged by the code that the resolver validates with (`dnssec`), with the keys that are really in the
zone: a key tag, a label or the signer's own opinion count for nothing.
"""

import os
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from holdfast.base.security_status import BOGUS, SECURE
from holdfast.base.settings import EngineSettings
from holdfast.crypto.signing import CDNSKEY_DELETE, CDS_DELETE, ds_of, public_key_hash
from holdfast.dns import iana
from holdfast.dns.rdata import parse_dnskey, parse_ds
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.rrsig import UNTIMED
from holdfast.registry.cache_states import Moment, Version, check_cache_states, verify_link
from holdfast.registry.chain_check import check_chain
from holdfast.registry.findings import ERROR, WARNING, Finding, GateReport, KeyUse, consequence
from holdfast.registry.zone import Zone
from holdfast.registry.zone_signatures import Examination, Outcome, examine

MINIMUM_REMAINING_S = 3600  # a signature that ends sooner than an hour from now leaves no time to repair anything
PROPAGATION_S = 3600  # how long servers may go on serving the version before; DENIC's recovery took 67 minutes
_ALWAYS = (iana.TYPE_SOA, iana.TYPE_DNSKEY, iana.TYPE_NSEC3PARAM)  # of the apex: verified whatever the sample


def default_policy() -> AlgorithmPolicy:
    """Return the algorithms and digests that this project's resolver supports by default."""
    settings = EngineSettings()
    return AlgorithmPolicy(settings.enabled_algorithms, settings.enabled_digests)


@dataclass
class GateOptions:
    """What the gate is to know and do.

    ``now_s``: POSIX time of the check. ``ds`` is the parent's DS RDATA, an empty list if it has none, None if not
    known; ``ds_ttl_s`` its TTL. ``current`` is the version published now, ``earlier`` what the journal knows of
    versions before. ``sample``: number of RRsets to verify at random beside the apex, 0 for all. ``changed_only``:
    verify what differs from ``current``. ``expected``: DNSKEY RDATA of keys that sign without being published, as in
    algorithm rollovers.
    """

    now_s: int
    ds: list[bytes] | None = None
    ds_ttl_s: int = 86400
    current: Zone | None = None
    earlier: Sequence[Version] = ()
    minimum_remaining_s: int = MINIMUM_REMAINING_S
    propagation_s: int = PROPAGATION_S
    sample: int = 0
    seed: int | None = None
    changed_only: bool = False
    jobs: int = 1
    expected: Sequence[bytes] = ()
    policy: AlgorithmPolicy = field(default_factory=default_policy)


def check_zone(zone: Zone, options: GateOptions) -> tuple[GateReport, Version]:
    """Judge a version of a zone; returns the report, and what the journal has to remember if it is published."""
    report = GateReport(zone.name, zone.soa().serial, options.now_s)
    moment = Moment(options.now_s, options.propagation_s, options.policy)
    dnskeys = zone.apex.get(iana.TYPE_DNSKEY) or RRset(
        zone.name, iana.TYPE_DNSKEY, zone.apex[iana.TYPE_SOA].ttl, [], []
    )
    new = Version(report.serial, dnskeys, {}, options.ds, options.ds_ttl_s, options.now_s)
    if options.current is not None:
        _check_serial(zone, options.current, report)
    if not dnskeys.rdatas:
        _check_unsigned(zone, options, report)
        outcome = Outcome()
        Examination(zone.name, [], [], options.now_s, 0, options.policy).believe(
            [one for one, _ in zone.rrsets()], outcome
        )
        new.profiles = outcome.profiles
        return report, new
    others = [*options.expected, *(rdata for version in options.earlier for rdata in version.dnskeys.rdatas)]
    earlier = list(options.earlier)
    if options.current is not None:
        others += _dnskey_rrset(options.current).rdatas
    outcome = _check_signatures(zone, others, options, report)
    new.profiles = outcome.profiles
    if options.current is not None:
        earlier.insert(0, _current_version(zone, options.current, new, others, options))
    _check_keys(zone, dnskeys, outcome, others, report)
    _check_link(zone, dnskeys, options, moment, report)
    _check_cds(zone, dnskeys, moment, report)
    for finding in check_chain(zone):
        report.add(finding)
    check_cache_states(new, earlier, moment, report)
    return report, new


def _dnskey_rrset(zone: Zone) -> RRset:
    return zone.apex.get(iana.TYPE_DNSKEY) or RRset(zone.name, iana.TYPE_DNSKEY, 0, [], [])


def _check_serial(zone: Zone, current: Zone, report: GateReport) -> None:
    """Secondaries take a version only if its serial is higher in the arithmetic of RFC 1982."""
    old, new = current.soa().serial, zone.soa().serial
    ahead = (new - old) & 0xFFFFFFFF
    if ahead == 0 or ahead >= 0x80000000:
        text = f"serial {new} is not higher than {old} of the current version (RFC 1982)"
        report.add(Finding(ERROR, "gate.serial", zone.name, iana.TYPE_SOA, text, "secondary servers keep the old zone"))


def _check_unsigned(zone: Zone, options: GateOptions, report: GateReport) -> None:
    """A zone without DNSKEY is right only if the parent has no DS, and nobody holds an old one."""
    held = [
        (version.ds, version.until_s + version.ds_ttl_s - options.now_s) for version in options.earlier if version.ds
    ]
    left_s = max((left for _, left in held), default=0)
    if options.ds != [] or left_s > 0:
        text = "the zone has no DNSKEY, but " + (
            "resolvers may still hold DS records of it" if options.ds == [] else "the parent may have DS records for it"
        )
        report.add(
            Finding(
                ERROR,
                "gate.no-dnskey",
                zone.name,
                iana.TYPE_DNSKEY,
                text,
                "every validating resolver, for the whole zone and all below it",
                left_s if options.ds == [] else -1,
                iana.EDE_DNSKEY_MISSING,
            )
        )


def _check_signatures(zone: Zone, others: list[bytes], options: GateOptions, report: GateReport) -> Outcome:
    """Verify the signatures, all or a sample; note those where none belongs."""
    work: list[RRset] = []
    for rrset, to_be_signed in zone.rrsets():
        if to_be_signed and rrset.rdatas:
            work.append(rrset)
        elif rrset.signatures:
            what = "is not the zone's own data" if rrset.rdatas else "does not exist"
            text = f"there is a signature over it, but the RRset {what} (RFC 4035 section 2.2)"
            report.add(Finding(ERROR if to_be_signed else WARNING, "gate.stray-rrsig", rrset.name, rrset.rtype, text))
    report.rrsets = len(work)
    first = _critical(zone, work)
    every = _without(work, first)
    rest = every
    if options.changed_only and options.current is not None:
        rest = _changed(rest, options.current)
    if options.sample:
        seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(8), "big")
        rest = random.Random(seed).sample(rest, min(options.sample, len(rest)))
        report.sampled = len(rest)
    examination = Examination(
        zone.name,
        _dnskey_rrset(zone).rdatas,
        others,
        options.now_s,
        options.minimum_remaining_s,
        options.policy,
        [public_key_hash(rdata) for rdata in options.expected],
    )
    outcome = examine(examination, first + rest, options.jobs)
    if len(rest) < len(every):
        examination.believe(_without(every, rest), outcome)
    report.rrsets_checked = outcome.rrsets
    report.signatures_checked = outcome.signatures
    report.signatures_bad = outcome.bad
    critical = {(rrset.name, rrset.rtype) for rrset in first}
    for failure in sorted(outcome.failures, key=lambda one: (one.owner, one.rtype) not in critical):
        report.add(
            Finding(
                ERROR if failure.fatal else WARNING,
                failure.check,
                failure.owner,
                failure.rtype,
                failure.text,
                consequence(zone, RRset(failure.owner, failure.rtype, 0, [], [])) if failure.fatal else "",
                info_code=failure.info_code,
                key_tag=failure.key_tag,
                key_hash=failure.key_hash,
            )
        )
    for check, count in outcome.failures_dropped.items():
        report.count_beyond(check, count)
    return outcome


def _critical(zone: Zone, work: list[RRset]) -> list[RRset]:
    """Return what every chain of trust or every negative answer needs: always verified, and told first."""
    names = [zone.apex[rtype] for rtype in _ALWAYS if rtype in zone.apex and zone.apex[rtype].rdatas]
    apex = zone.matching(zone.name) if zone.nsec3 is not None else zone.apex.get(iana.TYPE_NSEC)
    if apex is not None and apex.rdatas:
        names.append(apex)
    return names


def _without(work: list[RRset], first: list[RRset]) -> list[RRset]:
    done = {id(rrset) for rrset in first}
    return [rrset for rrset in work if id(rrset) not in done]


def _changed(rrsets: list[RRset], current: Zone) -> list[RRset]:
    """Return the RRsets that are not in the current version with the same data and signatures."""
    return [rrset for rrset in rrsets if not _same(rrset, current)]


def _find(zone: Zone, name: bytes, rtype: int) -> RRset | None:
    if rtype != iana.TYPE_NSEC3:
        return zone.nodes.get(name, {}).get(rtype)
    label = name[1 : 1 + name[0]]
    at = bisect_left(zone.chain_keys, label)
    return zone.chain[at] if at < len(zone.chain_keys) and zone.chain[at].name == name else None


def _same(rrset: RRset, other: Zone) -> bool:
    found = _find(other, rrset.name, rrset.rtype)
    return (
        found is not None
        and found.ttl == rrset.ttl
        and found.signatures == rrset.signatures
        and found.rdatas == rrset.rdatas
    )


def _current_version(zone: Zone, current: Zone, new: Version, others: list[bytes], options: GateOptions) -> Version:
    """Return what caches hold of the version published now: only what is not in the new one has to be verified."""
    dnskeys = _dnskey_rrset(current)
    differing = [
        rrset for rrset, to_be_signed in current.rrsets() if to_be_signed and rrset.rdatas and not _same(rrset, zone)
    ]
    examination = Examination(current.name, dnskeys.rdatas, [*others, *new.dnskeys.rdatas], UNTIMED, 0, options.policy)
    outcome = examine(examination, differing, options.jobs)
    profiles = {key: profile for key, profile in outcome.profiles.items() if key[1] or not dnskeys.rdatas}
    return Version(current.soa().serial, dnskeys, profiles, options.ds, options.ds_ttl_s, options.now_s)


def _check_keys(zone: Zone, dnskeys: RRset, outcome: Outcome, others: list[bytes], report: GateReport) -> None:
    """List the keys, by hash, with the signatures that each made."""
    published = set(dnskeys.rdatas)
    for rdata in dict.fromkeys([*dnskeys.rdatas, *others]):
        key = parse_dnskey(rdata)
        key_hash = public_key_hash(rdata)
        made = outcome.by_key.get(key_hash, 0)
        if key is not None and (rdata in published or made):
            report.keys.append(KeyUse(key.key_tag, key_hash, key.algorithm, key.flags, rdata in published, made))
    tags: dict[tuple[int, int], list[str]] = {}
    for use in report.keys:
        if use.published:
            tags.setdefault((use.key_tag, use.algorithm), []).append(use.key_hash)
    for (tag, _), hashes in tags.items():
        if len(hashes) > 1:
            text = f"{len(hashes)} published keys have tag {tag}: resolvers try each, and may give up early (KeyTrap)"
            report.add(Finding(WARNING, "gate.tag-collision", zone.name, iana.TYPE_DNSKEY, text, key_tag=tag))


def _check_cds(zone: Zone, dnskeys: RRset, moment: Moment, report: GateReport) -> None:
    """A parent that follows the CDS or CDNSKEY records must not break the zone (RFC 7344 section 4.1)."""
    cds, cdnskey = zone.apex.get(iana.TYPE_CDS), zone.apex.get(iana.TYPE_CDNSKEY)
    asked = list(cds.rdatas) if cds is not None else []
    keys = list(cdnskey.rdatas) if cdnskey is not None else []
    problem = ""
    if (CDS_DELETE in asked and len(asked) > 1) or (CDNSKEY_DELETE in keys and len(keys) > 1):
        problem = "the request to delete the DS stands beside other records (RFC 8078 section 4)"
    elif cds is not None and cdnskey is not None and not _same_keys(zone.name, asked, keys):
        problem = "CDS and CDNSKEY records name different keys (RFC 7344 section 4)"
    elif CDS_DELETE not in asked and CDNSKEY_DELETE not in keys and (asked or keys):
        followed = asked or [ds_of(zone.name, rdata) for rdata in keys]
        verdict = verify_link(zone.name, dnskeys, followed, moment)
        if verdict.status == BOGUS and verdict.cause is not None:
            problem = verdict.cause.extra_text
    if problem:
        rtype = iana.TYPE_CDS if cds is not None else iana.TYPE_CDNSKEY
        affected = "every validating resolver, once the parent follows"
        report.add(Finding(ERROR, "gate.cds", zone.name, rtype, problem, affected))


def _same_keys(zone: bytes, cds: list[bytes], cdnskey: list[bytes]) -> bool:
    """Say whether each CDS is the digest of a CDNSKEY, and each CDNSKEY has a CDS."""
    if CDS_DELETE in cds or CDNSKEY_DELETE in cdnskey:
        return cds == [CDS_DELETE] and cdnskey == [CDNSKEY_DELETE]
    kinds = {rdata[3] for rdata in cds if rdata[3] in (iana.DIGEST_SHA1, iana.DIGEST_SHA256, iana.DIGEST_SHA384)}
    expected = {ds_of(zone, key, kind) for key in cdnskey for kind in kinds}
    known = {rdata for rdata in cds if rdata[3] in kinds}
    return expected == known


def _check_link(zone: Zone, dnskeys: RRset, options: GateOptions, moment: Moment, report: GateReport) -> None:
    """The parent's DS has to lead to the keys, by each algorithm alone: some resolvers support only one of them."""
    if options.ds is None:
        text = "not checked against the parent: give its DS records with --parent-ds"
        report.add(Finding(WARNING, "gate.no-parent-ds", zone.name, iana.TYPE_DS, text))
        return
    if not options.ds:
        text = "the parent has no DS: nobody validates the zone"
        report.add(Finding(WARNING, "gate.insecure", zone.name, iana.TYPE_DS, text))
        return
    policies = [options.policy]
    algorithms = {ds.algorithm for ds in map(parse_ds, options.ds) if ds is not None}
    if len(algorithms) > 1:
        usable = sorted(algorithm for algorithm in algorithms if options.policy.algorithm_usable(algorithm))
        policies += [AlgorithmPolicy([algorithm], options.policy.enabled_digests) for algorithm in usable]
    told: set[str] = set()
    for policy in policies:
        verdict = verify_link(zone.name, dnskeys, options.ds, Moment(moment.now_s, moment.propagation_s, policy))
        if verdict.status == SECURE or verdict.cause is None or verdict.cause.extra_text in told:
            continue
        told.add(verdict.cause.extra_text)
        affected = "every validating resolver, for the whole zone and all below it"
        if policy is not options.policy:
            names = ", ".join(iana.algorithm_name(algorithm) for algorithm in policy.enabled_algorithms)
            affected = f"resolvers that support {names} only, for the whole zone"
        if verdict.status != BOGUS:
            affected = "none, but nobody validates the zone"
        report.add(
            Finding(
                ERROR,
                verdict.cause.site,
                zone.name,
                iana.TYPE_DNSKEY,
                verdict.cause.extra_text,
                affected,
                info_code=verdict.cause.info_code,
            )
        )
