"""Where the states of trust anchors are kept (RFC 5011): one file for each zone, replaced as a whole."""

import os
from pathlib import Path

from holdfast.dns.name import ROOT, to_text


def anchor_state_path(directory: Path, zone: bytes) -> Path:
    """Return the file that remembers the state of a zone's trust anchor."""
    return directory / f"trust-anchor-{to_text(zone).replace('/', '_') if zone != ROOT else 'root'}.txt"


def write_anchor_state(directory: Path, zone: bytes, text: str) -> None:
    """Replace the state file as a whole, so that a crash leaves the old or the new one."""
    path = anchor_state_path(directory, zone)
    temporary = path.with_suffix(f".{os.getpid()}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
