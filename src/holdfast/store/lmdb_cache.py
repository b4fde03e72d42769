"""The second-level cache in LMDB: one file for all workers, consistent whatever a writer died in the middle of.

LMDB commits a transaction whole or not at all, and readers never wait. The file is not synchronised at each commit: a
killed process loses at most the batch that it had not handed over, since the pages belong to the kernel by then. After
a crash of the machine a damaged file is recognised, set aside, and an empty one takes its place.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import lmdb

from holdfast.base.settings import EngineSettings
from holdfast.cache.second_level import (
    CHECKSUM_OCTETS,
    KIND_DELEGATION,
    SecondLevelCache,
    checksum,
)
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS

FILE_NAME: Final = "cache.lmdb"
FORMAT: Final = b"holdfast second-level cache 1"
MARK_KEY: Final = b"\xff\xffformat"  # sorts behind every name
SMALLEST_OCTETS: Final = 8 * 1024 * 1024
SPARE_TRANSACTIONS: Final = 4  # readers kept ready; a worker reads from its loop and writes from one thread
FULL_PERCENT: Final = 90  # of the map: above it room is made
ROOMY_PERCENT: Final = 75  # down to here
SWEEP_RECORDS: Final = 2_000  # looked at in one transaction, so that no other worker waits long for the writer's lock
EXPIRES_AT: Final = CHECKSUM_OCTETS + 3 + 8  # where a record has its end of life (`second_level`)

Change = tuple[bytes, bytes | None]  # key and value; value None: drop everything that begins with the key


class StoreError(Exception):
    """The store cannot be used; the text names the file and what helps."""


class LmdbCache(SecondLevelCache):
    """An open store. Open it after forking: LMDB environments do not survive a fork."""

    def __init__(self, environment: lmdb.Environment, path: Path, octets: int) -> None:
        self._environment = environment
        self.path = path
        self._octets = octets
        self._position = b""

    @classmethod
    def open(cls, directory: Path, octets: int, settings: EngineSettings) -> "LmdbCache":
        """Open or make the store in ``directory``, at most ``octets`` large.

        Raises StoreError if it cannot be used: no access, damaged, of another format, or filled under other trust
        anchors, so that its verdicts would not be ours. `prepare` mends all of these but the first.
        """
        path = directory / FILE_NAME
        mark = mark_of(settings)
        octets = max(octets, SMALLEST_OCTETS)
        try:
            environment = lmdb.open(
                str(path), subdir=False, map_size=octets, sync=False, mode=0o600, max_spare_txns=SPARE_TRANSACTIONS
            )
        except (lmdb.Error, OSError) as error:
            raise StoreError(f"{path}: {error}") from error
        try:
            pages = environment.info()["last_pgno"] + 1
            if path.stat().st_size < pages * environment.stat()["psize"]:
                raise StoreError(f"{path}: the file is cut short")
            with environment.begin(write=True) as transaction:
                found = transaction.get(MARK_KEY)
                if found is None and transaction.stat()["entries"] == 0:
                    transaction.put(MARK_KEY, mark)
                elif found != mark:
                    raise StoreError(f"{path}: it was filled by another version or under other trust anchors")
        except lmdb.Error as error:
            environment.close()
            raise StoreError(f"{path}: {error}") from error
        except StoreError:
            environment.close()
            raise
        return cls(environment, path, octets)

    def get(self, key: bytes) -> bytes | None:
        """Return a record, or None."""
        try:
            with self._environment.begin() as transaction:
                value = transaction.get(key)
        except lmdb.Error:
            return None
        return value if value is None else bytes(value)

    def write(self, changes: Sequence[Change]) -> None:
        """Apply changes in order, all or none. Raises StoreError if the file cannot be written."""
        try:
            try:
                self._apply(changes)
            except lmdb.MapFullError:
                self.make_room()
                self._apply(changes)
        except lmdb.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    def _apply(self, changes: Sequence[Change]) -> None:
        with self._environment.begin(write=True) as transaction:
            for key, value in changes:
                if value is None:
                    _drop_range(transaction, key)
                else:
                    transaction.put(key, value)

    def synchronise(self) -> None:
        """Hand everything to the disk."""
        with contextlib.suppress(lmdb.Error):
            self._environment.sync(True)

    def used_percent(self) -> int:
        """Return how full the store is."""
        info, stat = self._environment.info(), self._environment.stat()
        pages = stat["leaf_pages"] + stat["branch_pages"] + stat["overflow_pages"]
        return int(pages * stat["psize"] * 100 // info["map_size"])

    def make_room(self) -> int:
        """Evict until there is room: what ended longest ago first; delegations, DS and DNSKEY when all else is gone.

        Returns the number of evicted records. The walk goes round the store, a few records for each transaction.
        """
        evicted = 0
        for with_delegations in (False, True):
            horizon_s = self._horizon_s(with_delegations)
            for _ in range(self._environment.stat()["entries"] // SWEEP_RECORDS + 2):
                if self.used_percent() <= ROOMY_PERCENT:
                    return evicted
                evicted += self._sweep(horizon_s, with_delegations)
        return evicted

    def _horizon_s(self, with_delegations: bool) -> int:
        """Return the POSIX time that records must outlast to stay: the median of a sample, so that half of them go."""
        ends: list[int] = []
        with self._environment.begin() as transaction:
            for key, value in _records_from(transaction, self._position, SWEEP_RECORDS * 4):
                if with_delegations or not is_delegation_record(key):
                    ends.append(int.from_bytes(value[EXPIRES_AT : EXPIRES_AT + 8], "big"))
        ends.sort()
        return ends[len(ends) // 2] if ends else int(time.time())

    def _sweep(self, horizon_s: int, with_delegations: bool) -> int:
        """Evict along one stretch of the store."""
        with self._environment.begin(write=True) as transaction:
            doomed: list[bytes] = []
            last = b""
            for key, value in _records_from(transaction, self._position, SWEEP_RECORDS):
                last = key
                if not with_delegations and is_delegation_record(key):
                    continue
                if int.from_bytes(value[EXPIRES_AT : EXPIRES_AT + 8], "big") <= horizon_s:
                    doomed.append(key)
            for key in doomed:
                transaction.delete(key)
        self._position = last + b"\x00" if last else b""
        return len(doomed)

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over all records, as they are at the start."""
        with self._environment.begin() as transaction:
            for key, value in transaction.cursor():
                if key != MARK_KEY:
                    yield bytes(key), bytes(value)

    def close(self) -> None:
        """Close the file."""
        self.synchronise()
        self._environment.close()


def mark_of(settings: EngineSettings) -> bytes:
    """Return what the store must have been filled under: format, trust anchors, algorithms.

    While a server runs that is what it began with: what changes at run time takes the data that it concerns out itself.
    """
    if settings.store_mark:
        return settings.store_mark
    digest = hashlib.sha256()
    for anchor in sorted(settings.trust_anchors, key=lambda one: one.zone):
        digest.update(anchor.zone)
        for rdata in [*sorted(anchor.ds), *sorted(anchor.dnskey)]:
            digest.update(rdata)
    for zone in sorted(settings.insecure_zones):
        digest.update(b"insecure" + zone)
    digest.update(bytes(sorted(settings.enabled_algorithms)) + bytes(sorted(settings.enabled_digests)))
    return FORMAT + digest.digest()


def prepare(directory: Path, octets: int, settings: EngineSettings) -> str:
    """Make sure that workers find a store that they can use; returns a message if a bad one was set aside, else "".

    The file is read through by a child process, so that damage which crashes the reader does no harm here.
    Raises StoreError if no store can be had in ``directory`` at all.
    """
    path = directory / FILE_NAME
    message = ""
    reason = trouble_in_child(directory, octets, settings) if path.exists() else ""
    if reason:
        message = set_aside(path, reason)
    LmdbCache.open(directory, octets, settings).close()
    return message


def trouble_in_child(directory: Path, octets: int, settings: EngineSettings) -> str:
    """Return what is wrong with the store, "" if nothing is."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        text = "reading it through failed"
        try:
            os.close(reader)
            text = trouble(directory, octets, settings)
        finally:
            with contextlib.suppress(OSError):
                os.write(writer, text.encode("utf-8", "replace")[:4000])
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    return f"reading it through ended with signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else said


def trouble(directory: Path, octets: int, settings: EngineSettings) -> str:
    """Open the store and check every record; returns what is wrong."""
    try:
        cache = LmdbCache.open(directory, octets, settings)
        for key, value in cache.records():
            if checksum(key, value[CHECKSUM_OCTETS:]) != value[:CHECKSUM_OCTETS]:
                return "a record does not match its checksum"
        cache.close()
    except (StoreError, lmdb.Error) as error:
        return str(error)
    return ""


def set_aside(path: Path, reason: str) -> str:
    """Move a file out of the way; returns the message that says so. Raises StoreError if it cannot be moved."""
    number = 1
    while path.with_name(f"{path.name}.aside-{number}").exists():
        number += 1
    aside = path.with_name(f"{path.name}.aside-{number}")
    try:
        os.replace(path, aside)
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + "-lock").unlink()
    except OSError as error:
        raise StoreError(f"{path}: cannot be set aside: {error.strerror}") from error
    return f"{path}: set aside as {aside.name}, starting empty: {reason}"


def is_delegation_record(key: bytes) -> bool:
    """Tell whether a record leads to zones or vouches for them: such records are kept longest."""
    rtype = key[-2] << 8 | key[-1]
    return key[-3] == KIND_DELEGATION or rtype in (TYPE_DS, TYPE_DNSKEY)


def _records_from(transaction: lmdb.Transaction, start: bytes, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over up to ``count`` records from a key on."""
    cursor = transaction.cursor()
    if not cursor.set_range(start):
        return
    for number, (key, value) in enumerate(cursor):
        if number >= count:
            return
        if key != MARK_KEY:
            yield bytes(key), bytes(value)


def _drop_range(transaction: lmdb.Transaction, prefix: bytes) -> None:
    """Delete every record whose key begins with ``prefix``."""
    cursor = transaction.cursor()
    found = cursor.set_range(prefix)
    while found:
        key = bytes(cursor.key())
        if not key.startswith(prefix):
            return
        found = cursor.next() if key == MARK_KEY else cursor.delete()
