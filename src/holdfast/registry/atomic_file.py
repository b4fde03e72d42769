"""Files that are there in full or not at all, readable by their owner only where they have to be."""

import os
from pathlib import Path

from holdfast.registry.problems import RegistryError

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
PUBLIC_FILE = 0o644


def write_atomically(path: Path, data: bytes, mode: int) -> None:
    """Replace a file by new content: written beside it, flushed to disk, then renamed over it.

    `RegistryError` says why it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise RegistryError([f"{path}: cannot be written: {error.strerror}"]) from None


def require_private(path: Path, mode: int) -> None:
    """Refuse a file or directory that others can read or that belongs to somebody else. Raises `RegistryError`."""
    try:
        status = path.stat()
    except OSError as error:
        raise RegistryError([f"{path}: cannot be used: {error.strerror}"]) from None
    if status.st_uid != os.geteuid():
        raise RegistryError([f"{path}: belongs to user {status.st_uid}, not to {os.geteuid()}, who runs this"])
    if status.st_mode & 0o7777 & ~mode:
        raise RegistryError(
            [f"{path}: has mode {status.st_mode & 0o7777:04o}, must be {mode:04o}: chmod {mode:o} {path}"]
        )
