"""Writes what the engine wants kept to the second-level cache, in batches, on a thread beside the event loop."""

import asyncio
from pathlib import Path

import structlog

from holdfast.base.effects import Forget, Remember
from holdfast.base.settings import EngineSettings
from holdfast.store.lmdb_cache import FULL_PERCENT, Change, LmdbCache, StoreError

BATCH_DELAY_S = 0.5  # what a killed worker loses at most
SYNCHRONISE_S = 30.0  # what a crash of the machine loses at most
PENDING_RECORDS = 20_000  # about 10 MB; more come only when the disk hangs, and then they are not kept

log = structlog.get_logger()


class Persister:
    """The writing side of one worker's second-level cache."""

    def __init__(self, loop: asyncio.AbstractEventLoop, cache: LmdbCache) -> None:
        self.cache = cache
        self._loop = loop
        self._pending: list[Change] = []
        self._planned = False
        self._failed = False
        self._synchronised_s = loop.time()
        self.dropped = 0

    def take(self, effect: Remember | Forget) -> None:
        """Note what to write; it reaches the store with the next batch."""
        if len(self._pending) >= PENDING_RECORDS:
            self.dropped += 1
            return
        self._pending.append((effect.key, effect.value) if isinstance(effect, Remember) else (effect.prefix, None))
        if not self._planned:
            self._planned = True
            self._loop.call_later(BATCH_DELAY_S, self._start_batch)

    def _start_batch(self) -> None:
        changes = self._pending
        self._pending = []
        written = self._loop.run_in_executor(None, self._write, changes)
        written.add_done_callback(lambda _: self._end_batch())

    def _end_batch(self) -> None:
        self._planned = bool(self._pending)
        if self._planned:
            self._loop.call_later(BATCH_DELAY_S, self._start_batch)

    def _write(self, changes: list[Change]) -> None:
        """Write a batch, make room if it is time, and now and then hand all to the disk."""
        try:
            self.cache.write(changes)
            if self.cache.used_percent() >= FULL_PERCENT:
                self.cache.make_room()
            self._failed = False
        except StoreError as error:
            if not self._failed:
                log.error("cannot keep the cache", error=str(error))
            self._failed = True
        if self._loop.time() - self._synchronised_s > SYNCHRONISE_S:
            self._synchronised_s = self._loop.time()
            self.cache.synchronise()

    def close(self) -> None:
        """Write the rest and close the store."""
        self._write(self._pending)
        self._pending = []
        self.cache.close()


def open_persister(
    loop: asyncio.AbstractEventLoop, directory: Path | None, octets: int, settings: EngineSettings
) -> Persister | None:
    """Open the store that the supervisor prepared; None: there is none, or it fails, and then memory has to do."""
    if directory is None or octets <= 0:
        return None
    try:
        return Persister(loop, LmdbCache.open(directory, octets, settings))
    except StoreError as error:
        log.error("the cache is not kept", error=str(error))
        return None
