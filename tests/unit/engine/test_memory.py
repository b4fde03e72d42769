"""Finished work must be freed at once: by reference counts, not by the collector or when its timers are due."""

import gc

import pytest

from tests.support.signed_world import SignedWorld

WORK = ("Finisher", "LookupTask", "FetchTask", "TrustTask", "Exchange")


@pytest.mark.parametrize("name", ["www.signed", "missing.signed", "www.unsigned"])
def test_finished_work_is_freed_before_its_timers_are_due(name: str) -> None:
    zone = "www 3600 IN A 192.0.2.80\n"
    world = SignedWorld({"signed": zone, "unsigned": zone}, unsigned=("unsigned",))
    gc.collect()
    gc.disable()
    try:
        world.ask_secure(name)
        left = [type(one).__name__ for one in gc.get_objects() if type(one).__name__ in WORK]
    finally:
        gc.enable()
    assert left == []
