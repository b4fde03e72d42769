"""Evidence bundles in the state directory: one file for each check, the oldest of them removed."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from holdfast.dns.name import ROOT, to_text
from holdfast.dnssec.signature_time import utc_text
from holdfast.evidence.bundle import BUNDLE_OCTETS, Bundle, BundleError, decode, encode

FOLDER = "evidence"
FILES = 200  # kept beside those that an anchor in force refers to; a bundle has some ten to hundred kilobytes
ZONE_CHARACTERS = 100  # of the zone in a file's name
DIGEST_DIGITS = 12  # enough to tell files apart, and to see that one was changed


def file_name(bundle: Bundle, octets: bytes, passing: bool) -> str:
    """Return the name of the file for a bundle: zone, time, and the beginning of its SHA-256 digest.

    One that is ``passing`` has the same name as the one before it.
    """
    zone = "root" if bundle.zone == ROOT else to_text(bundle.zone).replace("/", "_")[:ZONE_CHARACTERS]
    if passing:
        return f"{zone}.recheck.json"
    at = utc_text(bundle.started_s).replace("-", "").replace(":", "")
    return f"{zone}.{at}.{hashlib.sha256(octets).hexdigest()[:DIGEST_DIGITS]}.json"


def keep(state_directory: Path, bundle: Bundle, passing: bool = False) -> str:
    """Write a bundle, one that is ``passing`` in place of the one before it; returns the name of its file.

    Raises OSError, and BundleError if it is too large.
    """
    octets = encode(bundle)
    folder = state_directory / FOLDER
    folder.mkdir(mode=0o750, exist_ok=True)
    name = file_name(bundle, octets, passing)
    temporary = folder / f".{name}.{os.getpid()}"
    temporary.write_bytes(octets)
    temporary.replace(folder / name)
    return name


def prune(state_directory: Path, referred: Iterable[str]) -> None:
    """Remove the oldest files beyond the limit, but none that is ``referred`` to. Raises OSError."""
    folder = state_directory / FOLDER
    if not folder.is_dir():
        return
    kept = set(referred)
    files = sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime, path.name))
    for path in files[: max(len(files) - FILES, 0)]:
        if path.name not in kept:
            path.unlink(missing_ok=True)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle. Raises BundleError, whose text does not name the file, and OSError."""
    with path.open("rb") as file:
        octets = file.read(BUNDLE_OCTETS + 1)
    return decode(octets)


__all__ = ["FOLDER", "BundleError", "file_name", "keep", "prune", "read_bundle"]
