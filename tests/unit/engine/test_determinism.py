"""The same seed and inputs lead to the same effects, octet by octet: again, elsewhere, interpreted or compiled."""

import os
import subprocess
import sys

import pytest

from tests.support.effects_digest import effects_digest, kind_of_build
from tests.support.sources import ROOT

SEED = 20260505


@pytest.fixture(scope="module")
def digest() -> str:
    return effects_digest(SEED)


def in_another_process(**environment: str) -> tuple[str, str]:
    """Kind of build and digest of a child process."""
    command = [sys.executable, "-m", "tests.support.effects_digest", str(SEED)]
    child = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    kind, _, found = child.stdout.strip().partition(" ")
    return kind, found


def test_twice_in_one_process(digest: str) -> None:
    assert effects_digest(SEED) == digest


def test_another_seed_does_something_else(digest: str) -> None:
    assert effects_digest(SEED + 1) != digest


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_order_does_not_depend_on_hashes(digest: str, hash_seed: str) -> None:
    """Sets and hash() differ from process to process."""
    assert in_another_process(PYTHONHASHSEED=hash_seed) == (kind_of_build(), digest)


def test_the_source_does_what_the_compiled_engine_does(digest: str) -> None:
    """Run compiled, this compares the two; run interpreted, two processes with the source."""
    assert in_another_process(PYTHONPATH=str(ROOT / "src")) == ("interpreted", digest)
