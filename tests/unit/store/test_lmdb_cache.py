"""The store: what is written is there, what is damaged is set aside, what is full makes room."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.base.effects import Effect, Forget, Remember
from holdfast.base.instant import Instant
from holdfast.base.security_status import SECURE
from holdfast.base.settings import EngineSettings
from holdfast.cache.rrset_cache import RANK_ANSWER, CachedRRset
from holdfast.cache.second_level import KIND_RRSET, encode_rrset, record_key
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import TYPE_A, TYPE_DNSKEY, TYPE_DS
from holdfast.dns.rrset import RRset
from holdfast.store.check import DAMAGED, VERIFIED, WRONG, StoreCheck
from holdfast.store.lmdb_cache import FILE_NAME, Change, LmdbCache, StoreError, prepare
from tests.support.engine_world import Message
from tests.support.kept import KeptRecords
from tests.support.signed_world import SignedWorld, is_secure

SMALL = 8 * 1024 * 1024
KILLS = 100
NOW = Instant(1_000_000_000_000, 1_778_000_000)


def record(name: bytes, rtype: int = TYPE_A, expires_s: int = 300, octets: int = 4) -> Change:
    rrset = RRset(name, rtype, 300, [bytes(octets)], [])
    stored_us = NOW.monotonic_us - 1_000_000
    entry = CachedRRset(rrset, SECURE, RANK_ANSWER, stored_us, stored_us + expires_s * 1_000_000, None, [])
    key = record_key(KIND_RRSET, name, rtype)
    return key, encode_rrset(key, entry, NOW)


def wire(label: str) -> bytes:
    return bytes((len(label),)) + label.encode() + b"\x02de\x00"


def test_records_are_there_after_reopening_and_forgotten_below_a_zone(tmp_path: Path) -> None:
    cache = LmdbCache.open(tmp_path, SMALL, EngineSettings())
    below, beside = record(b"\x03www" + wire("a")), record(wire("ab"))
    cache.write([below, beside])
    cache.close()
    cache = LmdbCache.open(tmp_path, SMALL, EngineSettings())
    assert cache.get(below[0]) == below[1]
    cache.write([(b"de\x00a\x00", None)])
    assert cache.get(below[0]) is None
    assert cache.get(beside[0]) == beside[1]
    assert oct(os.stat(tmp_path / FILE_NAME).st_mode)[-3:] == "600"


def spoil_middle(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\x03www", b"\x03xxx"))


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replace_by_text(path: Path) -> None:
    path.write_bytes(b"this is no cache" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"\x00" * 4096)


@pytest.mark.parametrize("damage", [spoil_middle, cut_short, replace_by_text, empty])
def test_a_damaged_file_is_set_aside_with_a_message_and_an_empty_one_takes_its_place(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    cache = LmdbCache.open(tmp_path, SMALL, EngineSettings())
    cache.write([record(b"\x03www" + wire(f"zone-{number}"), octets=400) for number in range(200)])
    cache.close()
    damage(tmp_path / FILE_NAME)
    message = prepare(tmp_path, SMALL, EngineSettings())
    assert "set aside as cache.lmdb.aside-1" in message
    assert (tmp_path / "cache.lmdb.aside-1").exists()
    cache = LmdbCache.open(tmp_path, SMALL, EngineSettings())
    assert list(cache.records()) == []
    cache.close()
    assert prepare(tmp_path, SMALL, EngineSettings()) == ""


def test_a_store_filled_under_other_trust_anchors_is_not_used(tmp_path: Path) -> None:
    LmdbCache.open(tmp_path, SMALL, EngineSettings()).close()
    other = EngineSettings()
    other.insecure_zones = [b"\x02de\x00"]
    with pytest.raises(StoreError, match="other trust anchors"):
        LmdbCache.open(tmp_path, SMALL, other)
    assert "other trust anchors" in prepare(tmp_path, SMALL, other)


def test_a_directory_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        prepare(tmp_path / "missing", SMALL, EngineSettings())


def test_a_full_store_keeps_delegation_and_key_data_longest(tmp_path: Path) -> None:
    cache = LmdbCache.open(tmp_path, SMALL, EngineSettings())
    keys = []
    for number in range(40):
        for rtype in (TYPE_DS, TYPE_DNSKEY):
            change = record(wire(f"signed-{number}"), rtype, expires_s=1)
            keys.append(change[0])
            cache.write([change])
    for batch in range(60):
        cache.write(
            [record(wire(f"name-{batch}-{number}"), expires_s=100 + batch, octets=600) for number in range(400)]
        )
        if cache.used_percent() >= 90:
            cache.make_room()
    assert cache.used_percent() < 90
    assert all(cache.get(key) is not None for key in keys)
    left = sum(1 for _ in cache.records()) - len(keys)
    assert 0 < left < 60 * 400


class Lmdb(KeptRecords):
    """The engine's second level in a file, with what was surely written told to the parent."""

    def __init__(self, cache: LmdbCache, told: int) -> None:
        super().__init__()
        self.cache = cache
        self.told = told

    def get(self, key: bytes) -> bytes | None:
        return self.cache.get(key)

    def take(self, effects: list[Effect]) -> None:
        changes: list[Change] = []
        for effect in effects:
            if isinstance(effect, Remember):
                changes.append((effect.key, effect.value))
            elif isinstance(effect, Forget):
                changes.append((effect.prefix, None))
        if changes:
            self.cache.write(changes)


def resolve_for_ever(world: SignedWorld, directory: Path, told: int, seed: int) -> None:
    """In the child: resolve random names, good and tampered ones, until killed."""
    world.keep(Lmdb(LmdbCache.open(directory, SMALL, world.settings), told))
    source = random.Random(seed)
    while True:
        name = f"n{source.randrange(200)}.example"
        answer = world.ask_secure(name, source.choice(["A", "TXT", "A"]))
        if is_secure(answer) and answer.answer:
            os.write(told, f"{name}\n".encode())


def test_a_hundred_kills_lose_nothing_that_was_kept_and_keep_nothing_unvalidated(tmp_path: Path) -> None:
    lines = "".join(f"n{number} 86400 IN A 192.0.2.{number}\n" for number in range(200))
    world = SignedWorld({"example": lines})
    genuine = world.respond
    source = random.Random(20260505)

    def tampering(address: str, query: Message) -> Message | None:
        response = genuine(address, query)
        if response is not None and response.answer and int(query.id) % 3 == 0:
            for rrset in response.answer:
                if rrset.rdtype == 1:
                    rrset.items = dict.fromkeys([next(iter(rrset)).replace(address="198.51.100.66")])
        return response

    world.respond = tampering
    kept: set[str] = set()
    for kill in range(KILLS):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            try:
                resolve_for_ever(world, tmp_path, writer, kill)
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            for _ in range(source.randrange(1, 12)):
                kept.add(pipe.readline().decode().strip())
            time.sleep(source.uniform(0, 0.002))  # somewhere in the middle of the next one
            os.kill(pid, signal.SIGKILL)
            kept.update(line for line in pipe.read().decode().split("\n")[:-1])
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    assert prepare(tmp_path, SMALL, world.settings) == ""
    cache = LmdbCache.open(tmp_path, SMALL, world.settings)
    findings = StoreCheck(cache, world.settings, CryptographyVerifier(), world.now()).run()
    assert findings.problems == []
    assert findings.counts[VERIFIED] > 0
    assert findings.counts[WRONG] == findings.counts[DAMAGED] == 0
    world.respond = lambda _address, _query: None
    world.keep(Lmdb(cache, -1))
    world.restart()
    assert kept
    for name in sorted(kept):
        assert is_secure(world.ask_secure(name)), name


def test_the_checker_finds_a_record_that_claims_too_much(tmp_path: Path) -> None:
    world = SignedWorld({"example": "www 300 IN A 192.0.2.80\n"})
    cache = LmdbCache.open(tmp_path, SMALL, world.settings)
    world.keep(Lmdb(cache, -1))
    world.ask_secure("www.example")
    assert StoreCheck(cache, world.settings, CryptographyVerifier(), world.now()).run().problems == []
    name = b"\x03www\x07example\x00"
    key = record_key(KIND_RRSET, name, TYPE_A)
    rrset = RRset(name, TYPE_A, 300, [b"\x01\x02\x03\x04"], [])
    now = world.now()
    forged = CachedRRset(rrset, SECURE, RANK_ANSWER, now.monotonic_us, now.monotonic_us + 1, None, [])
    cache.write([(key, encode_rrset(key, forged, now))])
    findings = StoreCheck(cache, world.settings, CryptographyVerifier(), world.now()).run()
    assert findings.problems == ["www.example A is called secure, but does not verify"]
