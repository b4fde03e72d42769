"""Where the states of trust anchors are kept (RFC 5011): one file for each zone, replaced as a whole."""

import os
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from holdfast.dns.name import ROOT, to_text

_ROOT = "root"
_CHARACTERS = 200  # of the zone's part: file systems take 255 octets in all


def anchor_state_path(directory: Path, zone: bytes) -> Path:
    """Return the file that remembers the state of a zone's trust anchor: another one for each zone."""
    return directory / f"trust-anchor-{_file_part(zone)}.txt"


def _file_part(zone: bytes) -> str:
    """Return a zone's name as a part of a file name; no two have the same."""
    if zone == ROOT:
        return _ROOT
    text = quote(to_text(zone), safe="")
    if text == _ROOT:
        return f"%{ord(text[0]):X}{text[1:]}"  # nothing else comes out like this: quote() leaves letters as they are
    # A digest has 64 digits, one more than a label may.
    return text if len(text) <= _CHARACTERS else sha256(zone).hexdigest()


def write_anchor_state(directory: Path, zone: bytes, text: str) -> None:
    """Replace the state file as a whole, so that a crash leaves the old or the new one."""
    path = anchor_state_path(directory, zone)
    temporary = path.with_suffix(f".{os.getpid()}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
