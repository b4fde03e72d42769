"""Override rules as people and programs write them: in the configuration, on the command line, in JSON, in the journal.

One form for all, with names, types, addresses and records in presentation format; everything wrong with a rule is found
at once, and said with the key that it is about and the nearest thing that would do.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, TypeVar

from holdfast.base.instant import FOREVER_S
from holdfast.base.limits import (
    OVERRIDE_RULE_LISTED,
    OVERRIDE_RULE_RDATA_OCTETS,
    OVERRIDE_RULE_RECORDS,
    OVERRIDE_RULE_SERVERS,
    OVERRIDE_RULE_TTL_MAXIMUM_S,
    OVERRIDE_RULE_TTL_S,
)
from holdfast.base.override_rule import (
    BELOW,
    EXACT,
    RULE_BOGUS,
    RULE_CNAME,
    RULE_FORCE_STALE,
    RULE_FORWARD,
    RULE_INSECURE,
    RULE_NO_STALE,
    RULE_NODATA,
    RULE_NXDOMAIN,
    RULE_PASS,
    RULE_RECORDS,
    RULE_REFUSE,
    SUBTREE,
    OverrideRule,
    RuleMatch,
)
from holdfast.base.settings import UpstreamServer
from holdfast.dns import iana
from holdfast.dns.name import ROOT, to_text
from holdfast.dns.rrset import RRset
from holdfast.registry.rdata_text import rdata_text
from holdfast.registry.zone_file import RecordReader
from holdfast.server.lines import Values
from holdfast.server.texts import parse_label, parse_name, parse_type, upstream_server

ACTIONS = {
    "pass": RULE_PASS,
    "bogus": RULE_BOGUS,
    "refuse": RULE_REFUSE,
    "nxdomain": RULE_NXDOMAIN,
    "nodata": RULE_NODATA,
    "records": RULE_RECORDS,
    "cname": RULE_CNAME,
    "forward": RULE_FORWARD,
    "no-stale": RULE_NO_STALE,
    "force-stale": RULE_FORCE_STALE,
    "insecure": RULE_INSECURE,
}
REACHES = {"exact": EXACT, "subtree": SUBTREE, "below": BELOW}
EDE_CODES = {
    "blocked": iana.EDE_BLOCKED,
    "censored": iana.EDE_CENSORED,
    "filtered": iana.EDE_FILTERED,
    "prohibited": iana.EDE_PROHIBITED,
}
DENIALS = ("refuse", "nxdomain", "nodata")  # the operator says no: it may say in whose name (RFC 8914 section 4.16..19)
MADE_UP = (*DENIALS, "bogus", "records", "cname")  # answers with a TTL of ours
ONLY_WITH = {"records": ("records",), "target": ("cname",), "servers": ("forward",), "ede": DENIALS, "ttl_s": MADE_UP}
NOT_MADE_UP = {
    iana.TYPE_CNAME: "use the action cname",
    iana.TYPE_DNAME: "use the action cname, for each name",
    iana.TYPE_RRSIG: "signatures cannot be made up",
    iana.TYPE_NSEC: "denials cannot be made up: use the action nodata or nxdomain",
    iana.TYPE_NSEC3: "denials cannot be made up: use the action nodata or nxdomain",
}

T = TypeVar("T")

_ACTION_NAMES = {number: text for text, number in ACTIONS.items()}
_REACH_NAMES = {number: text for text, number in REACHES.items()}
_EDE_NAMES = {number: text for text, number in EDE_CODES.items()}


TEXTS = ("id", "action", "name", "match", "target", "ede", "reason", "author")
LISTS = ("types", "services", "client_groups", "records", "servers")
NUMBERS = ("ttl_s", "start_s", "end_s")
KINDS: dict[str, type] = dict.fromkeys(TEXTS, str) | dict.fromkeys(LISTS, list) | dict.fromkeys(NUMBERS, int)


class RuleError(ValueError):
    """What is wrong with a rule: for each mistake the key that it is about and a reason made for users."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {reason}" for key, reason in problems))
        self.problems = problems


class Audiences:
    """The services and client groups that rules can be for."""

    def __init__(self, services: Iterable[str], groups: Iterable[str]) -> None:
        self.services = list(services)
        self.groups = list(groups)


class RuleReader:
    """Reads the values of one rule; ``problems`` gathers what is wrong with them."""

    def __init__(self, values: Mapping[str, Any], audiences: Audiences | None) -> None:
        self.values = values
        self.audiences = audiences  # None: whoever wrote this checked them, and those that are gone match nobody
        self.problems: list[tuple[str, str]] = []

    def rule(self) -> OverrideRule:
        """Return the rule. Raises RuleError with everything that is wrong."""
        for key, kind in KINDS.items():
            value = self.values.get(key)
            if value is not None and type(value) is not kind:
                self._blame(key, f"must be of the type {kind.__name__}")
            elif isinstance(value, list) and not all(isinstance(one, str) for one in value):
                self._blame(key, "must be a list of texts")
        if self.problems:
            raise RuleError(self.problems)
        action = self._one_of("action", ACTIONS)
        match = RuleMatch(
            *self._name(),
            self._listed("types", parse_type),
            self._listed("services", lambda text: self._known(text, "service")),
            self._listed("client_groups", lambda text: self._known(text, "client group")),
        )
        identity = self._read("id", parse_label) or ""
        for key, actions in ONLY_WITH.items():
            if key in self.values and action and action not in actions:
                self._blame(key, f"goes with {_or(actions)} only, not with {action}")
        rule = OverrideRule(
            identity,
            match,
            ACTIONS.get(action, RULE_PASS),
            str(self.values.get("reason", "")).strip(),
            str(self.values.get("author", "")).strip(),
            self.values.get("start_s", 0),
            self.values.get("end_s", FOREVER_S),
        )
        if action in MADE_UP:
            rule.ttl_s = self._ttl_s()
        if action == "records":
            rule.records = self._records(rule.ttl_s)
        elif action == "cname":
            rule.target = self._needed("target", "", parse_name) or ROOT
        elif action == "forward":
            rule.servers = self._servers()
        elif action == "insecure":
            self._check_insecure(match)
        rule.info_code = self._info_code(action, match)
        if self.problems:
            raise RuleError(self.problems)
        return rule

    def _blame(self, key: str, reason: str) -> None:
        if (key, reason) not in self.problems:
            self.problems.append((key, reason))

    def _read(self, key: str, parse: Callable[[str], T]) -> T | None:
        """Return what a text stands for; None: it is not there, or wrong."""
        return self._try(key, self.values[key], parse) if key in self.values else None

    def _needed(self, key: str, otherwise: str, parse: Callable[[str], T]) -> T | None:
        """As ``_read``, for what has to be there; ``otherwise`` is what it is taken for if it is not, "": nothing."""
        if key not in self.values and not otherwise:
            self._blame(key, "is required")
            return None
        return self._read(key, parse) if key in self.values else parse(otherwise)

    def _one_of(self, key: str, known: Iterable[str], otherwise: str = "") -> str:
        """Return a word that must be one of the ``known`` ones, "" if it is not."""

        def check(text: str) -> str:
            return _known_word(text, known, "")

        return self._needed(key, otherwise, check) or ""

    def _name(self) -> tuple[bytes, int]:
        """Return name and reach: ``*.example`` means all below example, as in response policy zones."""
        text = self.values.get("name")
        reach = self.values.get("match")
        if isinstance(text, str) and text.startswith("*."):
            if reach not in (None, "below"):
                self._blame("match", f"{text!r} means all below {text[2:]!r}: leave the '*.' away for {reach!r}")
            name = self._try("name", text[2:], parse_name)
            return name or ROOT, BELOW
        name = self._needed("name", "", parse_name)
        return name or ROOT, REACHES.get(self._one_of("match", REACHES, "subtree"), SUBTREE)

    def _try(self, key: str, text: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except ValueError as error:
            self._blame(key, str(error))
            return None

    def _listed(self, key: str, parse: Callable[[str], T]) -> list[T]:
        """Return what a list of texts stands for, without repetitions."""
        texts = self.values.get(key, [])
        if len(texts) > OVERRIDE_RULE_LISTED:
            self._blame(key, f"has more than {OVERRIDE_RULE_LISTED} items")
            return []
        found = [self._try(key, text, parse) for text in texts]
        return list(dict.fromkeys(one for one in found if one is not None))

    def _known(self, text: str, what: str) -> str:
        if self.audiences is None:
            return text
        known = self.audiences.services if what == "service" else self.audiences.groups
        return _known_word(text, known, what)

    def _ttl_s(self) -> int:
        ttl_s: int = self.values.get("ttl_s", OVERRIDE_RULE_TTL_S)
        if not 0 <= ttl_s <= OVERRIDE_RULE_TTL_MAXIMUM_S:
            self._blame("ttl_s", f"must be from 0 to {OVERRIDE_RULE_TTL_MAXIMUM_S}, not {ttl_s}")
        return ttl_s

    def _records(self, ttl_s: int) -> list[RRset]:
        """Return local records as RRsets; their owner is filled in with each answer."""
        texts = self.values.get("records", [])
        if not texts:
            self._blame("records", 'is required: write records without their owner, such as "A 192.0.2.1"')
        if len(texts) > OVERRIDE_RULE_RECORDS:
            self._blame("records", f"has more than {OVERRIDE_RULE_RECORDS} items")
            return []
        rrsets: dict[int, RRset] = {}
        for text in texts:
            found = self._try("records", text, lambda record: _record(record, ttl_s))
            if found is None:
                continue
            record_ttl_s, rtype, rdata = found
            rrset = rrsets.setdefault(rtype, RRset(ROOT, rtype, record_ttl_s, [], []))
            rrset.ttl = min(rrset.ttl, record_ttl_s)  # RFC 2181 section 5.2: one TTL for all
            if rdata not in rrset.rdatas:
                rrset.rdatas.append(rdata)
        if sum(len(rdata) for rrset in rrsets.values() for rdata in rrset.rdatas) > OVERRIDE_RULE_RDATA_OCTETS:
            self._blame("records", f"has more than {OVERRIDE_RULE_RDATA_OCTETS} octets of data")
        return list(rrsets.values())

    def _servers(self) -> list[UpstreamServer]:
        texts = self.values.get("servers", [])
        if not texts:
            self._blame("servers", 'is required: addresses of resolvers, such as "192.0.2.53" or "192.0.2.53:5300"')
        if len(texts) > OVERRIDE_RULE_SERVERS:
            self._blame("servers", f"has more than {OVERRIDE_RULE_SERVERS} items")
        found = [self._try("servers", text, upstream_server) for text in texts[:OVERRIDE_RULE_SERVERS]]
        return [one for one in found if one is not None]

    def _check_insecure(self, match: RuleMatch) -> None:
        if match.reach != SUBTREE:
            self._blame("match", "insecure is for a zone and all below it, as every negative trust anchor: subtree")
        if match.name == ROOT:
            self._blame("name", "the root: that would turn all validation off, which is validation.enabled")

    def _info_code(self, action: str, match: RuleMatch) -> int:
        """Return the EDE of answers. A name is blocked; who may not ask is prohibited to (RFC 8914 section 4.19)."""
        if action in ("records", "cname"):
            return iana.EDE_FORGED_ANSWER
        if action == "bogus":
            return iana.EDE_DNSSEC_BOGUS
        if action not in DENIALS:
            return -1
        usual = "prohibited" if action == "refuse" and not match.is_for_all() else "blocked"
        return EDE_CODES.get(self._one_of("ede", EDE_CODES, usual), -1)


def read_rule(values: Mapping[str, Any], audiences: Audiences | None) -> OverrideRule:
    """Return the rule of its values. Raises RuleError with everything that is wrong."""
    return RuleReader(values, audiences).rule()


def rule_values(rule: OverrideRule) -> Values:
    """Return a rule as values, which ``read_rule`` takes."""
    action = _ACTION_NAMES[rule.action]
    match = rule.match
    values: Values = {
        "action": action,
        "name": to_text(match.name),
        "match": _REACH_NAMES[match.reach],
        "reason": rule.reason,
        "author": rule.author,
        "start_s": rule.start_s,
    }
    more: Values = {
        "id": rule.identity,
        "types": [iana.type_name(rtype) for rtype in match.types],
        "services": match.services,
        "client_groups": match.groups,
        "records": [
            f"{rrset.ttl} {iana.type_name(rrset.rtype)} {rdata_text(rrset.rtype, rdata)}"
            for rrset in rule.records
            for rdata in rrset.rdatas
        ],
        "target": to_text(rule.target) if rule.target else "",
        "servers": [_server_text(server) for server in rule.servers],
        "ede": _EDE_NAMES.get(rule.info_code, ""),
    }
    values |= {key: value for key, value in more.items() if value}
    if action in MADE_UP:
        values["ttl_s"] = rule.ttl_s
    if rule.ends():
        values["end_s"] = rule.end_s
    return values


def _known_word(text: str, known: Iterable[str], what: str) -> str:
    """Return a word that has to be one of some. Raises ValueError with the nearest one."""
    words = list(known)
    if text in words:
        return text
    start = f"there is no {what} {text!r}" if what else f"must be one of {', '.join(words)}, not {text!r}"
    nearest = difflib.get_close_matches(text, words, n=1, cutoff=0.4)
    if nearest:
        raise ValueError(f"{start}; did you mean {nearest[0]!r}?")
    if what:
        raise ValueError(f"{start} in the configuration; there are {', '.join(words) or 'none'}")
    raise ValueError(start)


def _record(text: str, ttl_s: int) -> tuple[int, int, bytes]:
    """Return TTL, type and RDATA of ``[TTL] TYPE RDATA``. Raises ValueError."""
    reader = RecordReader("record", ".", ttl_s)
    found = list(reader.read([f". {text}"]))
    if reader.problems:
        raise ValueError(f"{text!r}: {reader.problems[0].removeprefix('record:1: ')}")
    if len(found) != 1:
        raise ValueError(f"{text!r} is not one record")
    _, _, record_ttl_s, rtype, rdata = found[0]
    parse_type(iana.type_name(rtype))
    if rtype in NOT_MADE_UP:
        raise ValueError(f"{text!r}: {NOT_MADE_UP[rtype]}")
    if record_ttl_s > OVERRIDE_RULE_TTL_MAXIMUM_S:
        raise ValueError(f"{text!r}: the TTL must be at most {OVERRIDE_RULE_TTL_MAXIMUM_S}")
    return record_ttl_s, rtype, rdata


def _server_text(server: UpstreamServer) -> str:
    address = str(ip_address(server.address))
    return f"[{address}]:{server.port}" if ":" in address else f"{address}:{server.port}"


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
