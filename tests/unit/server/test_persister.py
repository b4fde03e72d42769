"""The second-level cache in a running server: filled by one worker, used by the next, and mended by the supervisor."""

import asyncio
import json
import os
import signal
from pathlib import Path

import dns.message

from holdfast.base.settings import EngineSettings
from holdfast.server.settings import ServerSettings
from holdfast.store.lmdb_cache import FILE_NAME, LmdbCache
from tests.support.engine_world import plain_settings
from tests.support.served import Served, serving
from tests.support.server_process import running_server, until

SMALL = 8 * 1024 * 1024


def judging_settings() -> EngineSettings:
    """Everything is judged insecure, so that plain data may be kept."""
    settings = plain_settings()
    settings.validate = True
    settings.insecure_zones = [b"\x00"]
    return settings


async def first_address(served: Served, name: str) -> str:
    answer = await served.ask(dns.message.make_query(name, "A"))
    return str(answer.answer[0][0])


def test_a_worker_uses_what_another_one_kept(tmp_path: Path) -> None:
    server = ServerSettings(state_directory=tmp_path, persistent_cache_octets=SMALL)

    async def run() -> None:
        async with serving(server, judging_settings()) as served:
            assert await first_address(served, "www.example") == "192.0.2.80"
            assert served.authority.asked == ["www.example."]
        async with serving(server, judging_settings()) as served:
            assert await first_address(served, "www.example") == "192.0.2.80"
            assert served.authority.asked == []

    asyncio.run(run())


def test_without_a_state_directory_nothing_is_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(ServerSettings(), judging_settings()) as served:
            await first_address(served, "www.example")

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_batches_reach_the_file_while_the_worker_runs(tmp_path: Path) -> None:
    server = ServerSettings(state_directory=tmp_path, persistent_cache_octets=SMALL)

    async def run() -> None:
        async with serving(server, judging_settings()) as served:
            await first_address(served, "www.example")
            size = (tmp_path / FILE_NAME).stat().st_size
            async with asyncio.timeout(30):
                while (tmp_path / FILE_NAME).stat().st_size <= size:  # noqa: ASYNC110 (a file has no events)
                    await asyncio.sleep(0.05)

    asyncio.run(run())
    cache = LmdbCache.open(tmp_path, SMALL, judging_settings())
    assert any(b"\x03www\x07example" in value for _, value in cache.records())
    cache.close()


def test_a_server_sets_a_damaged_file_aside_says_so_and_starts(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / FILE_NAME).write_bytes(b"no cache at all" * 1000)
    more = f"state_directory = {json.dumps(str(state))}\n[cache]\npersistent_mib = 8\n"
    with running_server(tmp_path, workers=2, more=more) as server:
        assert len(server.worker_pids()) == 2
        assert "set aside as cache.lmdb.aside-1" in server.log.read_text()
        assert (state / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_workers_that_are_killed_find_the_file_usable(tmp_path: Path) -> None:
    state = tmp_path / "state"
    more = f"state_directory = {json.dumps(str(state))}\n[cache]\npersistent_mib = 8\n"
    with running_server(tmp_path, workers=2, more=more) as server:
        before = server.worker_pids()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(server.worker_pids()) == 2 and not set(server.worker_pids()) & set(before))
        assert "the cache is not kept" not in server.log.read_text()
