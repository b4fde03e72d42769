"""Outage files: what broke, when, and what a resolver must then say; docs/lab.md describes the format."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from holdfast.dns.iana import TYPE_NUMBERS
from holdfast.lab.policies import POLICIES, RESOLVER_MIX, Policy
from holdfast.lab.timeline import ACTIONS, MOMENTS, Step, Timeline

FOLDER = Path(__file__).parent / "outages"
ROLES = ("ksk", "zsk", "csk")
SIGNATURES = ("good", "expired", "early", "missing", "spoiled")
DENIALS = ("nsec", "nsec3", "nsec3-opt-out")
WHOLE_ZONE = ("all",)
EXPECTED_SCALE = 0.1
MADE_ELSEWHERE = ("tuple", "dict", "Ttls", "Population", "Expected")  # types of values that are checked there
RSA_ALGORITHMS = (5, 7, 8, 10)


class OutageError(Exception):
    """An outage file is wrong; the text names file, place and fix."""


@dataclass(frozen=True)
class Server:
    """An authoritative server of the zone: its name and addresses."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class KeySpec:
    """A key pair: ``role`` ksk, zsk or csk. Two hexadecimal ``primes`` fix an RSA key, otherwise the seed does."""

    name: str
    role: str
    algorithm: int = 13
    primes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """The zone as it is served from a time on.

    ``publish``: keys of the DNSKEY RRset. ``sign``: keys of the back ends; each RRset is signed by one of them, drawn
    by the seed. ``record_as``: the key whose tag stands in those signatures. ``sign_keys``: keys that sign the DNSKEY
    RRset. ``also_sign``: the key that signs what ``affected`` leaves out. ``apex_denial``: the back end of the apex
    NSEC or NSEC3, "" for a drawn one. ``affected``: record types that ``sign`` and ``signatures`` are about, or "all";
    ``share_percent`` of these RRsets. ``ds``: keys that the parent vouches for; ``None`` leaves the parent alone.
    ``start_s`` to ``complete_s`` (POSIX seconds): servers take the version over one by one. ``servers``: only the first
    so many take it, 0 for all. ``keep_percent``: share of the delegations that the zone still holds. ``deny_type``: a
    type that exists but that the zone's denial records say is not there.
    """

    start_s: int
    name: str
    publish: tuple[str, ...] = ()
    sign: tuple[str, ...] = ()
    sign_keys: tuple[str, ...] = ()
    record_as: str = ""
    also_sign: str = ""
    apex_denial: str = ""
    affected: tuple[str, ...] = WHOLE_ZONE
    share_percent: float = 100.0
    signatures: str = "good"
    deny_type: str = ""
    ds: tuple[str, ...] | None = None
    complete_s: int = 0
    servers: int = 0
    keep_percent: float = 100.0


@dataclass(frozen=True)
class Probe:
    """A question to a resolver, and the answer that it must get.

    ``warm_s`` 0: its cache is empty; otherwise it asked the same question at that time (POSIX seconds), but for
    ``warm_name`` and ``warm_type`` if they are given. ``empty``: there must be no records in the answer.
    """

    at_s: int
    name: str
    rcode: str
    type: str = "A"
    ede: tuple[int, ...] = ()
    text: str = ""
    secure: bool = False
    checking_disabled: bool = False
    warm_s: int = 0
    warm_type: str = ""
    warm_name: str = ""
    stale: bool = False
    empty: bool = False


@dataclass(frozen=True)
class Population:
    """The zones around: see ``world.generate``."""

    zones: int = 200
    foreign_zones: int = 20
    names_per_zone: int = 21
    signed_percent: float = 15.0
    hosters: int = 40


@dataclass(frozen=True)
class Ttls:
    """TTLs of the zone's own records, in seconds."""

    soa_s: int = 86400
    negative_s: int = 7200
    dnskey_s: int = 3600
    delegation_s: int = 86400
    parent_ds_s: int = 86400
    parent_ns_s: int = 172800


@dataclass(frozen=True)
class Expected:
    """What the outage looks like at `EXPECTED_SCALE` and seed 1; a test plays it.

    ``ede``: the code of the reason that clients get most often with SERVFAIL, without stale answers; (): none fails.
    ``detected_after_s`` after the break, -1: never. ``failed``: percent of the questions between break and healing that
    fail under each policy, give or take ``tolerance`` percentage points.
    """

    ede: tuple[int, ...]
    detected_after_s: int
    failed: dict[str, float]
    tolerance: float = 1.0


@dataclass(frozen=True)
class Outage:
    """One outage: times are POSIX seconds."""

    name: str
    title: str
    source: str
    summary: str
    lesson: str
    zone: str
    servers: tuple[Server, ...]
    start_s: int
    broken_s: int
    healed_s: int
    end_s: int
    keys: tuple[KeySpec, ...]
    versions: tuple[Version, ...]
    probes: tuple[Probe, ...] = ()
    warm_up_s: int = 7200
    denial: str = "nsec3-opt-out"
    update_s: int = 300
    hosts: tuple[str, ...] = ()
    ttls: Ttls = field(default_factory=Ttls)
    population: Population = field(default_factory=Population)
    expected: Expected | None = None
    policies: tuple[Policy, ...] = ()  # of its own: what somebody did that day, or might have done

    def scaled(self, scale: float) -> "Outage":
        """Return the outage with fewer or more zones around it."""
        size = self.population
        zones = max(4, round(size.zones * scale)) if size.zones else 0
        foreign = max(2, round(size.foreign_zones * scale)) if size.foreign_zones else 0
        hosters = max(4, min(size.hosters, zones // 4))
        return replace(self, population=replace(size, zones=zones, foreign_zones=foreign, hosters=hosters))

    @property
    def zones(self) -> int:
        """Return how many zones clients ask for."""
        return self.population.zones + self.population.foreign_zones

    @property
    def is_top_level(self) -> bool:
        """Tell whether the zone is a top-level domain, with the population's zones below it."""
        return "." not in self.zone


def catalogue() -> list[str]:
    """Return the names of the outages that come with holdfast."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find_outage(name: str) -> Outage:
    """Load an outage of the catalogue by its name, or any other by the path of its file. Raises OutageError."""
    path = FOLDER / f"{name}.toml"
    if "/" not in name and not name.endswith(".toml"):
        if path.exists():
            return load_outage(path)
        near = get_close_matches(name, catalogue(), 1)
        hint = f'did you mean "{near[0]}"?' if near else "`holdfast lab list` shows all"
        raise OutageError(f"no outage {name!r}; {hint}")
    return load_outage(Path(name))


def load_outage(path: Path) -> Outage:
    """Read an outage file. Raises OutageError that names the file, the place in it, and the fix."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OutageError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OutageError(f"{path}: {error}") from None
    try:
        return _outage(path.stem, table)
    except OutageError as error:
        raise OutageError(f"{path}: {error}") from None


def _outage(name: str, table: dict[str, Any]) -> Outage:
    """Build the outage from a parsed file."""
    zone = dict(_take(table, "zone", dict))
    times = dict(_take(table, "time", dict))
    keys = tuple(_make(KeySpec, row, f"key {at}") for at, row in enumerate(table.pop("key", []), 1))
    versions = tuple(_make(Version, row, f"version {at}") for at, row in enumerate(table.pop("version", []), 1))
    probes = tuple(_make(Probe, row, f"probe {at}") for at, row in enumerate(table.pop("probe", []), 1))
    servers = tuple(_make(Server, row, f"zone.server {at}") for at, row in enumerate(zone.pop("server", []), 1))
    values: dict[str, Any] = {
        "policies": tuple(_policy(row, f"timeline {at}") for at, row in enumerate(table.pop("timeline", []), 1)),
        "expected": _expected(table.pop("expected")) if "expected" in table else None,
        "ttls": _make(Ttls, table.pop("ttl", {}), "ttl"),
        "population": _make(Population, table.pop("population", {}), "population"),
    }
    values |= {"zone": _take(zone, "name", str), **zone}
    for key in ("start", "broken", "healed", "end"):
        values[f"{key}_s"] = _seconds(_take(times, key, datetime), f"time.{key}")
    values |= times | table
    outage: Outage = _make(
        Outage,
        {"name": name, **values, "keys": keys, "versions": versions, "probes": probes, "servers": servers},
        "the file",
    )
    _check(outage)
    return outage


def _policy(row: Any, place: str) -> Policy:
    """Make a policy from a timeline; unless it says otherwise, stale answers are on, last-known-good is off."""
    if not isinstance(row, dict):
        raise OutageError(f"{place}: must be a table")
    rows = row.pop("step", [])
    steps = tuple(_make(Step, one, f"{place}, step {at}") for at, one in enumerate(rows, 1))
    for at, step in enumerate(steps, 1):
        where = f"{place}, step {at}"
        _one_of(step.do, ACTIONS, f"{where}: do")
        if step.at_s and (step.after or step.delay_s):
            raise OutageError(f"{where}: at stands alone, without after and delay_s")
        if not step.at_s:
            _one_of(step.after, MOMENTS, f"{where}: after (without at)")
    timeline = _make(Timeline, {"page_lost": row.pop("page_lost", False)}, place)
    defaults = {"serve_stale": True, "last_known_good": False}
    made: Policy = _make(Policy, {**defaults, **row}, place)
    return replace(made, timeline=replace(timeline, steps=steps))


def _expected(row: Any) -> Expected:
    """Read what an outage looks like; every policy that is for all outages needs a share."""
    if not isinstance(row, dict):
        raise OutageError("expected: must be a table")
    failed = row.get("failed", {})
    names = [policy.name for policy in POLICIES]
    if not isinstance(failed, dict) or sorted(failed) != sorted(names):
        raise OutageError(f"expected: failed must be a table of {', '.join(names)}")
    shares = {name: float(_value(failed[name], str(float), f"expected: failed: {name}")) for name in names}
    made: Expected = _make(Expected, {**row, "failed": {}}, "expected")
    return replace(made, failed=shares)


def _check(outage: Outage) -> None:
    """Refuse what could not be played."""
    names = [key.name for key in outage.keys]
    if not outage.servers or not outage.versions:
        raise OutageError("at least one [[zone.server]] and one [[version]] are needed")
    if not outage.start_s <= outage.broken_s < outage.healed_s <= outage.end_s:
        raise OutageError("time: start, broken, healed and end must follow one another")
    if outage.versions[0].start_s > outage.start_s - outage.warm_up_s:
        raise OutageError("version 1: its start must not be later than the warm-up's, so that there is a zone to serve")
    _one_of(outage.denial, DENIALS, "zone.denial")
    for at, policy in enumerate(outage.policies, 1):
        if policy.name in {one.name for one in (*POLICIES, *RESOLVER_MIX, *outage.policies[: at - 1])}:
            raise OutageError(f"timeline {at}: there is a policy {policy.name!r} already")
    for at, key in enumerate(outage.keys, 1):
        _one_of(key.role, ROLES, f"key {at}: role")
        if key.primes and len(key.primes) != 2:
            raise OutageError(f"key {at}: primes must be two hexadecimal numbers")
        if key.algorithm in RSA_ALGORITHMS and not key.primes:
            # A key made anew in each process would have another tag each time, and the seed would lose its promise.
            raise OutageError(f"key {at}: an RSA key (algorithm {key.algorithm}) needs primes; algorithm 13 does not")
    for at, version in enumerate(outage.versions, 1):
        _one_of(version.signatures, SIGNATURES, f"version {at}: signatures")
        for rtype in (*version.affected, version.deny_type or "all"):
            if rtype != "all" and rtype not in TYPE_NUMBERS:
                raise OutageError(f"version {at}: {rtype!r} is not a record type")
        used = [*version.publish, *version.sign, *version.sign_keys, *(version.ds or ())]
        for one in [*used, *filter(None, (version.record_as, version.also_sign, version.apex_denial))]:
            _one_of(one, names, f"version {at}: key")


def _one_of(value: str, allowed: Iterable[str], place: str) -> None:
    known = list(allowed)
    if value not in known:
        raise OutageError(f"{place} must be one of {', '.join(known)}, not {value!r}")


def _take(table: dict[str, Any], key: str, kind: type) -> Any:
    """Remove and return a value that must be there."""
    value = table.pop(key, None)
    if not isinstance(value, kind):
        what = {dict: "a table", str: "a string", datetime: "a time such as 2026-05-05T19:30:00Z"}[kind]
        raise OutageError(f"{key}: must be {what}")
    return value


def _seconds(value: Any, place: str) -> int:
    """Return POSIX seconds; times without an offset are refused, since guessing a zone is how timelines go wrong."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise OutageError(f"{place}: must be a time with an offset, such as 2026-05-05T19:30:00Z")
    return int(value.astimezone(UTC).timestamp())


def _make(kind: type, row: Any, place: str) -> Any:
    """Make a dataclass from a table: times end in ``_s`` there and not in the file, lists become tuples."""
    if not isinstance(row, dict):
        raise OutageError(f"{place}: must be a table")
    known = {one.name: one for one in fields(kind)}
    values: dict[str, Any] = {}
    for key, value in row.items():
        where = f"{place}: {key}"
        if isinstance(value, datetime) and f"{key}_s" in known:
            values[f"{key}_s"] = _seconds(value, where)
            continue
        if key not in known:
            near = get_close_matches(key, [name.removesuffix("_s") if kind is not Ttls else name for name in known], 1)
            raise OutageError(f"{where}: unknown key" + (f'; did you mean "{near[0]}"?' if near else ""))
        values[key] = _value(value, str(known[key].type), where)
    try:
        return kind(**values)
    except TypeError as error:
        missing = str(error).partition(": ")[2]
        raise OutageError(f"{place}: missing {missing.replace('_s' + chr(39), chr(39))}") from None


def _value(value: Any, kind: str, where: str) -> Any:
    """Check a value against the annotation of its field."""
    if any(word in kind for word in MADE_ELSEWHERE):
        return tuple(value) if isinstance(value, list) else value
    wanted: tuple[type, ...] = (
        (bool,) if kind == "<class 'bool'>" else (str,) if kind == "<class 'str'>" else (int, float)
    )
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted != (bool,)):
        raise OutageError(
            f"{where}: must be {'true or false' if bool in wanted else wanted[0].__name__}, not {value!r}"
        )
    return value
