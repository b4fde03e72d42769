"""Makes docs/configuration.md from the configuration's models: `python -m holdfast.control.config_docs`."""

import json
import sys
import typing
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from holdfast.control.config import Config, section_class
from holdfast.control.config_sections import CookieSecret, Endpoint, Label, Name, Prefix, Section, VantagePointText

_INTRODUCTION = """\
# Configuration

`holdfast serve --config FILE.toml` reads one [TOML](https://toml.io) file. Every section and key may be left out: the
defaults below resolve and validate for the machine itself. `holdfast check-config FILE.toml` checks a file without
starting anything. All mistakes are reported at once, each as `FILE:LINE: section.key: reason`, with the nearest valid
key for an unknown one; the exit code is then 2.

Values are never converted: `"1"` is not a number and `1` is not `true`. Units are part of the names: `_ms`, `_s`,
`_mib`, `_octets`, `_qps` (queries per second). File names are relative to the configuration file's folder. What the
command line says (`--listen`, `--root-hints`, `--trust-anchor`, `--state`, `--workers`) replaces the file's value.

A complete file for a small network:

```toml
[server]
listen = ["127.0.0.1:53", "192.0.2.1:53", "[2001:db8::1]:53"]
workers = 2
user = "holdfast"
state_directory = "/var/lib/holdfast"

[access]
allow = ["127.0.0.0/8", "::1/128", "192.0.2.0/24", "2001:db8::/32"]
client_rate_limit_qps = 1000

[[client_group]]
name = "mail"
prefixes = ["192.0.2.25", "2001:db8::25"]
validation = "strict"

[[forward_zone]]
name = "corp.example"
servers = ["192.0.2.53"]

[validation]
insecure_zones = ["corp.example"]

[negative_trust_anchors]
vantage_points = ["tls://9.9.9.9#dns.quad9.net", "tunnel://10.1.0.53"]
```

The text below is made from the program (`python -m holdfast.control.config_docs >docs/configuration.md`).
"""

_TEXT_TYPES: dict[Any, str] = {
    Endpoint: "address with optional port",
    Prefix: "address prefix",
    VantagePointText: "resolver",
    Name: "domain name",
    Label: "name of letters a-z, digits and hyphens",
    CookieSecret: "32 hexadecimal digits",
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}


def render() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION]
    for name, field in Config.model_fields.items():
        repeated = get_origin(field.annotation) is list
        parts.append(_section(name, section_class(name), repeated))
    return "\n".join(parts)


def _section(name: str, section: type[Section], repeated: bool) -> str:
    title = f"[[{name}]]" if repeated else f"[{name}]"
    note = "\n\nThe section may be repeated." if repeated else ""
    hints = typing.get_type_hints(section, include_extras=True)
    keys = "\n".join(_key(name, key, hints[key], field) for key, field in section.model_fields.items())
    return f"## `{title}`\n\n{section.__doc__}{note}\n\n{keys}"


def _key(section: str, key: str, hint: Any, field: FieldInfo) -> str:
    default = "required" if field.is_required() else f"default `{_toml(field.get_default(call_default_factory=True))}`"
    facts = ", ".join(filter(None, (_type_text(hint), _bounds(field), default)))
    return f"### `{section}.{key}`\n\n{field.description}\n\n*{facts}*\n"


def _type_text(hint: Any) -> str:
    for known, text in _TEXT_TYPES.items():
        if hint == known:
            return text
    origin = get_origin(hint)
    if origin is list:
        return f"list: {_type_text(get_args(hint)[0])}"
    if origin is dict:
        return "table"
    if origin is Literal:
        return "one of " + ", ".join(f"`{_toml(value)}`" for value in get_args(hint))
    if origin is Annotated:
        return _type_text(get_args(hint)[0])
    raise TypeError(f"no words for the type {hint}")


def _bounds(field: FieldInfo) -> str:
    low = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    high = next((item.le for item in field.metadata if isinstance(item, Le)), None)
    return f"{low} to {high}" if low is not None and high is not None else ""


def _toml(value: Any) -> str:
    return "{}" if value == {} else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(render())
