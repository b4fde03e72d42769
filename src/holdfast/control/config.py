"""The configuration file as a whole: read, checked, and every problem reported with its place and fix."""

import difflib
import json
import tomllib
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path as FilePath
from typing import Any, TypeVar, get_args

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from holdfast.base.limits import CLIENT_GROUPS, OVERRIDE_RULES, SERVICES
from holdfast.base.settings import DEFAULT_SERVICE
from holdfast.control.config_sections import (
    AccessSection,
    AnswersSection,
    ApiSection,
    CacheSection,
    ClientGroupSection,
    ForwardZoneSection,
    LogSection,
    NegativeTrustAnchorsSection,
    Section,
    ServerSection,
    ServiceSection,
    StaleSection,
    StubZoneSection,
    UpstreamSection,
    ValidationSection,
    ZoneSection,
)
from holdfast.control.problems import InputError, read_text
from holdfast.control.rule_sections import RuleSection, RulesFile, rule_problems
from holdfast.control.toml_lines import Path, key_lines, nearest_line, syntax_error
from holdfast.control.trust_anchors import TrustAnchors
from holdfast.server.rule_values import Audiences
from holdfast.server.texts import parse_endpoint, parse_name, parse_prefix

M = TypeVar("M", bound=Section)


class Config(Section):
    """A whole configuration; every section may be left out. File names in it are relative to the file's folder."""

    server: ServerSection = Field(default_factory=ServerSection)
    service: list[ServiceSection] = Field(default_factory=list, max_length=SERVICES - 1)
    api: ApiSection = Field(default_factory=ApiSection)
    access: AccessSection = Field(default_factory=AccessSection)
    client_group: list[ClientGroupSection] = Field(default_factory=list, max_length=CLIENT_GROUPS)
    upstream: UpstreamSection = Field(default_factory=UpstreamSection)
    forward_zone: list[ForwardZoneSection] = Field(default_factory=list)
    stub_zone: list[StubZoneSection] = Field(default_factory=list)
    validation: ValidationSection = Field(default_factory=ValidationSection)
    negative_trust_anchors: NegativeTrustAnchorsSection = Field(default_factory=NegativeTrustAnchorsSection)
    cache: CacheSection = Field(default_factory=CacheSection)
    answers: AnswersSection = Field(default_factory=AnswersSection)
    stale: StaleSection = Field(default_factory=StaleSection)
    rule: list[RuleSection] = Field(default_factory=list, max_length=OVERRIDE_RULES)
    log: LogSection = Field(default_factory=LogSection)


def read_config(path: str) -> Config:
    """Return the configuration in a TOML file; `InputError` has a line for every problem in it."""
    return parse_config(read_text(path), path)


def parse_config(text: str, source: str) -> Config:
    """Return the configuration in ``text``. ``source`` is the file's path, for messages and relative file names."""
    config = _checked(Config, text, source, _contradictions)
    return _with_absolute_files(config, FilePath(source).absolute().parent)


def read_rules_file(config: Config) -> list[RuleSection]:
    """Return the rules of the configuration's file of rules; `InputError` has a line for every problem in it."""
    path = config.answers.rules_file
    if not path:
        return []
    taken = {section.id: "in the configuration" for section in config.rule}
    return _checked(
        RulesFile, read_text(path), path, lambda file: rule_problems(file.rule, rule_audiences(config), taken)
    ).rule


def rule_audiences(config: Config) -> Audiences:
    """Return whom rules may be for."""
    services = [DEFAULT_SERVICE, *(service.name for service in config.service)]
    return Audiences(services, [group.name for group in config.client_group])


def _checked(model: type[M], text: str, source: str, contradictions: Callable[[M], list[tuple[Path, str]]]) -> M:
    """Return what is in a TOML text; `InputError` has a line for every problem in it."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, reason = syntax_error(text, error)
        raise InputError([f"{source}:{line}: not TOML: {reason}"]) from None
    places = key_lines(text)
    try:
        made = model.model_validate(values)
    except ValidationError as error:
        found = [(_known_path(details["loc"], values), _reason(details, model)) for details in error.errors()]
    else:
        found = contradictions(made)
    if found:
        problems = [(nearest_line(places, path), f"{_dotted(path)}: {reason}") for path, reason in found]
        raise InputError([f"{source}:{line}: {problem}" for line, problem in sorted(problems)])
    return made


# -- what pydantic found ----------------------------------------------------------------------------------------------

_REASONS = {
    "missing": "is required",
    "bool_type": "must be true or false, not {found}",
    "int_type": "must be a whole number, not {found}",
    "int_from_float": "must be a whole number, not {found}",
    "float_type": "must be a number, not {found}",
    "string_type": "must be a text in quotes, not {found}",
    "list_type": "must be a list such as [1, 2], not {found}",
    "dict_type": "must be a table, not {found}",
    "model_type": "must be a section, not {found}",
    "greater_than_equal": "must be at least {ge}, not {found}",
    "less_than_equal": "must be at most {le}, not {found}",
    "literal_error": "must be {expected}, not {found}",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} item",
    "too_long": "must have at most {max_length} items",
}


def _reason(details: ErrorDetails, model: type[Section]) -> str:
    """Return a finding in words: what is wanted, what was found, and for unknown keys the nearest valid one."""
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_key(details["loc"], model)
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    found = details["input"]
    if isinstance(found, dict | list):
        shown = "a table" if isinstance(found, dict) else "a list"
    else:
        shown = json.dumps(found, ensure_ascii=False) if isinstance(found, bool | int | float | str) else str(found)
    return _REASONS.get(kind, details["msg"]).format(found=shown, **context)


def _unknown_key(location: Path, model: type[Section]) -> str:
    unknown = str(location[-1])
    if len(location) == 1:
        what, siblings = "unknown section", list(model.model_fields)
    else:
        what, siblings = "unknown key", list(section_class(str(location[0])).model_fields)
    homes = [section for section in model.model_fields if unknown in section_class(section).model_fields]
    nearest = difflib.get_close_matches(unknown, siblings, n=1, cutoff=0.0)
    meant = [f'"{home}.{unknown}"' for home in homes] or [f'"{key}"' for key in nearest]
    return f"{what}; did you mean {' or '.join(meant)}?"


def section_class(section: str) -> type[Section]:
    """Return the model of a section; for ``[[forward_zone]]`` and the like that of one item."""
    annotation = Config.model_fields[section].annotation
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    raise KeyError(section)


def _known_path(location: Path, values: dict[str, Any]) -> Path:
    """Return the part of pydantic's location that is written in the file, and the key that is missing there."""
    path: Path = ()
    at: Any = values
    for part in location:
        path = (*path, part)
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            break
    return path


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


# -- what only the whole shows ----------------------------------------------------------------------------------------


def _contradictions(config: Config) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    cache = config.cache
    if cache.minimum_ttl_s > cache.maximum_ttl_s:
        found.append((("cache", "minimum_ttl_s"), f"is above cache.maximum_ttl_s ({cache.maximum_ttl_s})"))
    if cache.negative_minimum_ttl_s > cache.negative_maximum_ttl_s:
        limit = cache.negative_maximum_ttl_s
        found.append((("cache", "negative_minimum_ttl_s"), f"is above cache.negative_maximum_ttl_s ({limit})"))
    if not config.upstream.ipv4 and not config.upstream.ipv6:
        found.append((("upstream", "ipv6"), "upstream.ipv4 and upstream.ipv6 are both false: no server can be asked"))
    found += _zone_contradictions(config)
    found += _audience_contradictions(config)
    found += _api_contradictions(config)
    found += rule_problems(config.rule, rule_audiences(config), {})
    allowed = {_prefix_key(text) for text in config.access.allow}
    for position, text in enumerate(config.access.deny):
        if _prefix_key(text) in allowed:
            found.append((("access", "deny", position), f"{text!r} is in access.allow too"))
    for position, line in enumerate(config.validation.trust_anchors):
        try:
            TrustAnchors().add(line, "line")
        except InputError as error:
            reason = error.problems[0].removeprefix("line:1: ").removeprefix("line: ")
            found.append((("validation", "trust_anchors", position), reason))
    return found


def _zone_contradictions(config: Config) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    seen: dict[bytes, str] = {}
    sections: list[tuple[str, int, ZoneSection]] = [
        *(("forward_zone", position, zone) for position, zone in enumerate(config.forward_zone)),
        *(("stub_zone", position, zone) for position, zone in enumerate(config.stub_zone)),
    ]
    for section, position, zone in sections:
        path: Path = (section, position)
        first = seen.setdefault(parse_name(zone.name), _dotted(path))
        if first != _dotted(path):
            found.append(((*path, "name"), f"{zone.name!r} is configured already by {first}"))
        if not zone.servers and not zone.server_names:
            found.append(((*path, "servers"), "is required (or server_names)"))
    return found


def _audience_contradictions(config: Config) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    names: dict[str, str] = {DEFAULT_SERVICE: "server.listen"}
    places = {parse_endpoint(text): f"server.listen[{at}]" for at, text in enumerate(config.server.listen, 1)}
    for position, service in enumerate(config.service):
        path: Path = ("service", position)
        first = names.setdefault(service.name, _dotted(path))
        if first != _dotted(path):
            found.append(((*path, "name"), f"{service.name!r} is the service of {first}"))
        for at, text in enumerate(service.listen):
            place = _dotted((*path, "listen", at))
            first = places.setdefault(parse_endpoint(text), place)
            if first != place:
                found.append(((*path, "listen", at), f"{text!r} is {first} already"))
    groups: dict[str, str] = {}
    prefixes: dict[bytes, str] = {}
    for position, group in enumerate(config.client_group):
        path = ("client_group", position)
        first = groups.setdefault(group.name, _dotted(path))
        if first != _dotted(path):
            found.append(((*path, "name"), f"{group.name!r} is the name of {first} already"))
        for at, text in enumerate(group.prefixes):
            first = prefixes.setdefault(_prefix_key(text), _dotted(path))
            if first != _dotted(path):
                found.append(((*path, "prefixes", at), f"{text!r} belongs to {first} already"))
    return found


def _api_contradictions(config: Config) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for position, text in enumerate(config.api.listen):
        if not config.api.allow_remote and not ip_address(parse_endpoint(text)[0]).is_loopback:
            reason = f"{text!r} is not loopback; if other machines shall reach the API, set allow_remote"
            found.append((("api", "listen", position), reason))
    return found


def _prefix_key(text: str) -> bytes:
    rule = parse_prefix(text, True)
    return rule.prefix + bytes((rule.length,))


def _with_absolute_files(config: Config, folder: FilePath) -> Config:
    """Return the configuration with file names made absolute: workers may run in another folder."""
    changed: dict[str, Section] = {}
    for name, key in (
        ("server", "state_directory"),
        ("server", "control_socket"),
        ("api", "token_file"),
        ("upstream", "root_hints_file"),
        ("validation", "trust_anchor_file"),
        ("answers", "rules_file"),
    ):
        section = changed.get(name, getattr(config, name))
        file = getattr(section, key)
        if file:
            changed[name] = section.model_copy(update={key: str(folder / file)})
    return config.model_copy(update=changed)
