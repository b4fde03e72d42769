"""The secret of the HTTP API: a file that only its owner can read, made at the first start."""

import os
import secrets
import stat
from pathlib import Path

from holdfast.server.settings import ServerError

TOKEN_OCTETS = 32  # random ones: nobody guesses 256 bits
TOKEN_CHARACTERS = 43  # as text, at least: of a token that somebody wrote there themselves as well
TOKEN_CHARACTERS_MAXIMUM = 1024


def make_token(path: Path) -> None:
    """Make the file with a new token, unless it exists. Raises ServerError if that is not possible."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise ServerError(f"cannot make the token file {path}: {error.strerror or error} (api.token_file)") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(TOKEN_OCTETS) + "\n")


def read_token(path: Path) -> str:
    """Return the token. Raises ServerError if others can read or replace it, or it is none; no message shows it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # nothing to wait for: it is a file
        with os.fdopen(descriptor, encoding="ascii") as file:
            found = os.fstat(file.fileno())
            text = file.read(TOKEN_CHARACTERS_MAXIMUM + 1).strip() if stat.S_ISREG(found.st_mode) else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise ServerError(f"cannot read the token file {path}: {reason}") from None
    if not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ServerError(f"the token file {path} is open to others; chmod 600 it, or delete it to get a new token")
    if not TOKEN_CHARACTERS <= len(text) <= TOKEN_CHARACTERS_MAXIMUM or not text.isprintable() or " " in text:
        raise ServerError(f"the token file {path} has no token of {TOKEN_CHARACTERS} characters or more in one line")
    return text
