"""What the publication gate has to say: findings, and the report that holds them, for people and for programs."""

from dataclasses import dataclass, field

from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.dns.rrset import RRset
from holdfast.registry.rdata_text import name_text
from holdfast.registry.zone import Zone

ERROR = "error"  # stops publication
WARNING = "warning"  # worth a look, breaks no resolver
HASH_SHOWN = 16  # hexadecimal digits of a key hash in texts for people; JSON has all of them
FINDINGS_PER_CHECK = 25  # printed in full; the rest of one check is a number, which is what a broken signer makes
UNTIL_CORRECTED = -1  # as duration: until a corrected zone is published, and what was cached meanwhile runs out
NO_KEY = -1  # as key tag: the finding is not about one key


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    ``check`` is a site tag, unique in the code, ``owner`` a wire name, ``rtype`` 0 if the whole name is meant,
    ``info_code`` the EDE that resolvers would send (RFC 8914), -1 if they would not. ``key_tag`` is what the signature
    states, and ``key_hash`` the key that has that tag, whether it made the signature or not. ``affected`` says which
    resolvers fail, ``duration_s`` for how many seconds from publication on.
    """

    severity: str
    check: str
    owner: bytes
    rtype: int
    text: str
    affected: str = ""
    duration_s: int = UNTIL_CORRECTED
    info_code: int = -1
    key_tag: int = NO_KEY
    key_hash: str = ""

    def subject(self) -> str:
        """Return ``owner/TYPE``."""
        owner = to_text(self.owner)
        return f"{owner}/{iana.type_name(self.rtype)}" if self.rtype else owner

    def as_json(self) -> dict[str, object]:
        """Return the finding for programs."""
        return {
            "severity": self.severity,
            "check": self.check,
            "owner": name_text(self.owner),
            "type": iana.type_name(self.rtype) if self.rtype else None,
            "text": self.text,
            "key_tag": self.key_tag if self.key_tag != NO_KEY else None,
            "key_hash": self.key_hash or None,
            "extended_error": {"code": self.info_code, "name": iana.EDE_NAMES.get(self.info_code, "")}
            if self.info_code >= 0
            else None,
            "affected": self.affected or None,
            "duration_s": self.duration_s if self.duration_s != UNTIL_CORRECTED else None,
        }

    def lines(self) -> list[str]:
        """Return the finding for people."""
        key = f", key {self.key_hash[:HASH_SHOWN]}" if self.key_hash else ""
        ede = f" [EDE {self.info_code} {iana.EDE_NAMES.get(self.info_code, '')}]" if self.info_code >= 0 else ""
        lines = [f"{self.severity}: {self.subject()}: {self.text}{key}{ede}"]
        if self.affected:
            until = (
                "until a corrected zone is published and caches have run out"
                if self.duration_s == UNTIL_CORRECTED
                else f"for up to {duration_text(self.duration_s)}"
            )
            lines.append(f"       fails: {self.affected}, {until}")
        return lines


@dataclass
class KeyUse:
    """A DNSKEY of the zone, and how many of the signatures that were checked it made."""

    key_tag: int
    key_hash: str
    algorithm: int
    flags: int
    published: bool
    signatures: int = 0


@dataclass
class CacheState:
    """One combination of old and new data that resolvers may hold, and whether it validates."""

    text: str
    duration_s: int
    good: bool = True


@dataclass
class GateReport:
    """The verdict on one version of a zone."""

    zone: bytes
    serial: int
    time_s: int
    findings: list[Finding] = field(default_factory=list)
    keys: list[KeyUse] = field(default_factory=list)
    cache_states: list[CacheState] = field(default_factory=list)
    rrsets: int = 0
    rrsets_checked: int = 0
    signatures_checked: int = 0
    signatures_bad: int = 0
    sampled: int = 0
    beyond: dict[str, int] = field(default_factory=dict)  # findings of a check that are counted only

    @property
    def stops(self) -> bool:
        """Whether publication has to stop."""
        return any(finding.severity == ERROR for finding in self.findings)

    def add(self, finding: Finding) -> None:
        """Take a finding; what a check finds again and again is counted."""
        if sum(1 for other in self.findings if other.check == finding.check) >= FINDINGS_PER_CHECK:
            self.count_beyond(finding.check, 1)
        else:
            self.findings.append(finding)

    def count_beyond(self, check: str, number: int) -> None:
        """Count findings that are not listed."""
        if number:
            self.beyond[check] = self.beyond.get(check, 0) + number

    def as_json(self) -> dict[str, object]:
        """Return the report for programs; keys are only ever added."""
        return {
            "zone": name_text(self.zone),
            "serial": self.serial,
            "time_s": self.time_s,
            "verdict": "stop" if self.stops else "publish",
            "rrsets": self.rrsets,
            "rrsets_checked": self.rrsets_checked,
            "signatures_checked": self.signatures_checked,
            "signatures_bad": self.signatures_bad,
            "sample": self.sampled or None,
            "keys": [
                {
                    "key_tag": key.key_tag,
                    "key_hash": key.key_hash,
                    "algorithm": iana.algorithm_name(key.algorithm),
                    "flags": key.flags,
                    "published": key.published,
                    "signatures": key.signatures,
                }
                for key in self.keys
            ],
            "cache_states": [
                {"state": state.text, "duration_s": state.duration_s, "validates": state.good}
                for state in self.cache_states
            ],
            "findings": [finding.as_json() for finding in self.findings],
            "not_listed": self.beyond,
        }

    def lines(self) -> list[str]:
        """Return the report for people, the verdict last."""
        lines = [line for finding in self.findings for line in finding.lines()]
        lines += [f"       and {count} more like {check}" for check, count in sorted(self.beyond.items())]
        for key in self.keys:
            role = "KSK" if key.flags & iana.DNSKEY_FLAG_SEP else "ZSK"
            where = "published" if key.published else "not published"
            lines.append(
                f"key: {role} {key.key_tag} {iana.algorithm_name(key.algorithm)} {key.key_hash[:HASH_SHOWN]}, "
                f"{where}, {key.signatures} good signatures"
            )
        for state in self.cache_states:
            verdict = "validates" if state.good else "FAILS"
            lines.append(f"caches: {state.text}, for up to {duration_text(state.duration_s)}: {verdict}")
        if self.sampled:
            lines.append(
                f"sample: the apex and {self.sampled} other RRsets at random; a fault that spoils a share p of all "
                f"signatures escapes with probability (1-p)^{self.sampled}"
            )
        errors = sum(1 for finding in self.findings if finding.severity == ERROR)
        listed = "errors listed" if self.beyond else "errors"
        verdict = f"STOP ({errors} {listed})" if self.stops else "publish"
        lines.append(
            f"{name_text(self.zone)} serial {self.serial}: {self.rrsets_checked} of {self.rrsets} RRsets and "
            f"{self.signatures_checked} signatures checked, {self.signatures_bad} bad: {verdict}"
        )
        return lines


def duration_text(seconds: int) -> str:
    """Return a duration as ``1 d 2 h`` or ``12 min``: the two largest units."""
    parts = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def consequence(zone: Zone, rrset: RRset) -> str:
    """Say which questions fail at every validating resolver when this RRset does not validate."""
    if rrset.name == zone.name and rrset.rtype == iana.TYPE_DNSKEY:
        return "every validating resolver, for the whole zone and all below it"
    if rrset.rtype == iana.TYPE_SOA:
        return "every validating resolver, for every negative answer of the zone"
    if rrset.rtype in (iana.TYPE_NSEC, iana.TYPE_NSEC3):
        apex = zone.matching(zone.name)
        if apex is not None and apex.name == rrset.name:
            return "every validating resolver, for NXDOMAIN answers and for referrals to unsigned child zones"
        return "every validating resolver, for negative answers and unsigned referrals in this part of the zone"
    if rrset.rtype == iana.TYPE_DS:
        return f"every validating resolver, for {name_text(rrset.name)} and all below it"
    return f"every validating resolver, for {name_text(rrset.name)} {iana.type_name(rrset.rtype)}"
