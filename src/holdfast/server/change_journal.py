"""Decisions of operators on disk: JSON lines, one for each change, written through before the change counts.

What is in force after a restart, or a crash at any point, is what the complete lines of a journal add up to. The
lists of negative trust anchors, of trust anchors and of override rules each have one, in the state directory, and so
have incidents, which nobody decides.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from holdfast.dnssec.signature_time import utc_text
from holdfast.server.lines import LINE_OCTETS, LineError, Values, decode, encode

JOURNAL_OCTETS = 1024 * 1024  # some thousand changes, years of them; a longer one is set aside at the next start

log = structlog.get_logger()


class ChangeJournal:
    """One journal: the file ``name`` (``.jsonl``) of what is listed (``subject``, for messages).

    ``directory`` None: nothing is written, and a restart forgets. Not ``is_durable``: the machine may stop before a
    line is on the disk.
    """

    def __init__(self, directory: Path | None, name: str, subject: str, is_durable: bool = True) -> None:
        self.path = directory / name if directory is not None else None
        self._name = name
        self._subject = subject
        self._is_durable = is_durable

    def write(self, at_s: int, action: str, author: str, reason: str, more: Values) -> None:
        """Append a change, and have it on the disk. Raises OSError, after which the journal is as before."""
        path = self.path
        if path is None:
            return
        is_new = not path.exists()
        with path.open("ab") as file:
            size = file.tell()
            try:
                file.write(_line(at_s, action, author, reason, more))
                file.flush()
                if self._is_durable:
                    os.fsync(file.fileno())
            except OSError:
                os.truncate(path, size)
                raise
        if is_new and self._is_durable:
            _synchronise_folder(path.parent)

    def note(self, at_s: int, action: str, author: str, reason: str, more: Values) -> None:
        """Append what is so whether it can be written or not."""
        try:
            self.write(at_s, action, author, reason, more)
        except OSError as error:
            log.error(f"cannot write the journal of {self._subject}", error=str(error))

    def read(
        self,
        take: Callable[[Values], bool],
        now_in_force: Callable[[], Iterable[Values]],
        at_s: int,
        read_only: bool = False,
    ) -> None:
        """Hand every line to ``take``, in order; False: it says nothing. A line cut short by a crash never counted.

        A journal that has grown too long is set aside, and a new one begins with ``now_in_force``: the values of
        lines, with ``action``, ``by`` and ``why``. ``read_only``: it belongs to a server that runs, and stays as it is.
        """
        path = self.path
        if path is None:
            return
        try:
            octets = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            log.error(f"cannot read the journal of {self._subject}", file=str(path), error=str(error))
            return
        complete = octets.rfind(b"\n") + 1
        for number, line in enumerate(octets[:complete].splitlines(), 1):
            values = _decoded(line)
            if values is None or not take(values):
                log.error(f"a line of the journal of {self._subject} is damaged", file=str(path), line=number)
        if read_only:
            return
        try:
            if complete < len(octets):
                os.truncate(path, complete)
        except OSError as error:
            log.error(f"cannot mend the journal of {self._subject}", file=str(path), error=str(error))
        else:
            self.shorten(now_in_force, at_s)

    def shorten(self, now_in_force: Callable[[], Iterable[Values]], at_s: int) -> None:
        """Set it aside if it has grown too long, and begin a new one, as `read` does."""
        path = self.path
        if path is None:
            return
        try:
            if path.stat().st_size > JOURNAL_OCTETS:
                _set_aside(path, [{"at": utc_text(at_s), **values} for values in now_in_force()])
        except OSError as error:
            log.error(f"cannot set the journal of {self._subject} aside", file=str(path), error=str(error))

    def move(self, directory: Path | None) -> bool:
        """Write in another directory from now on (after a reload); False: it is the same one."""
        path = directory / self._name if directory is not None else None
        if path == self.path:
            return False
        self.path = path
        return True


def _line(at_s: int, action: str, author: str, reason: str, more: Values) -> bytes:
    return encode({"at": utc_text(at_s), "action": action, "by": author, "why": reason, **more})


def _decoded(line: bytes) -> Values | None:
    if len(line) > LINE_OCTETS:
        return None
    try:
        return decode(line)
    except LineError:
        return None


def _set_aside(path: Path, lines: Iterable[Values]) -> None:
    """Begin a new journal; the old one stays beside it."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.writelines(encode(values) for values in lines)
        file.flush()
        os.fsync(file.fileno())
    old = path.with_suffix(".old.jsonl")
    old.unlink(missing_ok=True)
    os.link(path, old)
    fresh.replace(path)
    _synchronise_folder(path.parent)


def _synchronise_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
