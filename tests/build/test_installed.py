"""That the suite runs on what it says it runs on: the source, or the compiled wheel."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import PACKAGE, ROOT, core_modules, module_name

COMPILED = os.environ.get("HOLDFAST_EXPECT", "interpreted") == "compiled"
CORE_MODULES = [module_name(path) for path in core_modules()]


def assert_as_expected(name: str, file: str) -> None:
    in_source = Path(file).is_relative_to(PACKAGE)
    if COMPILED:
        assert file.endswith(".so"), f"{name} came from {file}: not a compiled wheel (see build/wheel.log)"
        assert not in_source
    else:
        assert file.endswith(".py"), f"{name} came from {file}: the source was expected"
        assert in_source, f"{name} came from {file}: the source was expected"


@pytest.mark.parametrize("name", CORE_MODULES)
def test_core_module_is_what_it_should_be(name: str) -> None:
    assert_as_expected(name, str(importlib.import_module(name).__file__))


def test_child_processes_run_the_same_holdfast() -> None:
    command = [sys.executable, "-c", "import holdfast.dns.name; print(holdfast.dns.name.__file__)"]
    child = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert_as_expected("holdfast.dns.name", child.stdout.strip())


def test_import_path_does_not_mix_the_two() -> None:
    assert (str(ROOT / "src") in sys.path) is not COMPILED
