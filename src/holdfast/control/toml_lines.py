"""Where in a TOML text each key is: tomllib gives values without places, and an error message needs the line."""

import re
import tomllib

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_SYNTAX_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


def key_lines(text: str) -> dict[Path, int]:
    """Return the line, from 1, of every table header and key in ``text``, which is valid TOML.

    The path of a key in the second ``[[zone]]`` is ``("zone", 1, "key")``; the items of an array share its key's line.
    """
    lines = text.splitlines()
    places: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    number = 0
    while number < len(lines):
        line = lines[number]
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header:
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            places.setdefault(table, number + 1)
        elif key:
            places.setdefault((*table, *_parts(key[1])), number + 1)
            number = _value_end(lines, number)
        number += 1
    return places


def nearest_line(places: dict[Path, int], path: Path) -> int:
    """Return the line of ``path`` or of the closest enclosing thing that is written down; 1 if none is."""
    while path:
        if path in places:
            return places[path]
        path = path[:-1]
    return 1


def syntax_error(text: str, error: tomllib.TOMLDecodeError) -> tuple[int, str]:
    """Return line and reason of what tomllib does not accept."""
    message = str(error)
    place = _SYNTAX_PLACE.search(message)
    if place is None:
        return 1, message
    line = int(place[1]) if place[1] else max(1, len(text.splitlines()))
    return line, message[: place.start()]


def _parts(key: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(key))


def _value_end(lines: list[str], start: int) -> int:
    """Return the index of the last line of the key's value, which may span lines."""
    for end in range(start, len(lines)):
        try:
            tomllib.loads("\n".join(lines[start : end + 1]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return start
