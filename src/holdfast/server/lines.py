"""JSON objects, one a line, over a stream: how the control socket and the workers' channels speak."""

import json
from typing import Any

LINE_OCTETS = 64 * 1024  # longest line; a command is far below, the counters of a worker are a few kilobytes

Values = dict[str, Any]


class LineError(Exception):
    """What came is no line of the protocol; the text says why."""


class LineBuffer:
    """Puts lines together from what a stream delivers."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, octets: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends. Raises LineError if one is too long."""
        *lines, self._octets = (self._octets + octets).split(b"\n")
        if any(len(line) > LINE_OCTETS for line in (*lines, self._octets)):
            raise LineError(f"a line has more than {LINE_OCTETS} octets")
        return lines


def encode(values: Values) -> bytes:
    """Return the line of an object, with its end."""
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def decode(line: bytes) -> Values:
    """Return the object in a line. Raises LineError if it is none."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise LineError("not a line of JSON") from None
    if not isinstance(values, dict):
        raise LineError("not a JSON object")
    return values
