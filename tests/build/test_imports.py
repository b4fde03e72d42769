"""Which package may import which: the architecture, as a table."""

import sys
from pathlib import Path

import pytest

from tests.support.sources import CORE_FOLDERS, PACKAGE, ROOT, core_modules, imported_modules, python_files

# Inner to outer: each may import those before it and itself.
CORE_LAYERS = ["dns", "base", "dnssec", "cache", "resolve", "service", "engine", "driver"]

# Around the engine, inner to outer. Each may import the whole core and those before it.
OUTER_LAYERS = ["crypto", "evidence", "sentinel", "store", "registry", "server", "http_api", "lab", "console"]
OUTER_LAYERS += ["control"]

# The verifier is called by the core through a seam, so it knows that seam and the vocabulary, nothing else.
CRYPTO_MAY_IMPORT = ("holdfast.dns", "holdfast.base", "holdfast.dnssec.verifier", "holdfast.crypto")

# The core is a pure function of its inputs: no clock, chance, socket, file, environment, thread or log.
IMPURE = {
    *("_thread", "asyncio", "concurrent", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets"),
    *("select", "selectors", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "uuid"),
}
CORE_MAY_IMPORT = (set(sys.stdlib_module_names) - IMPURE) | {"holdfast", "mypy_extensions"}


def packages_allowed_for(package: str) -> set[str]:
    if package in CORE_LAYERS:
        return set(CORE_LAYERS[: CORE_LAYERS.index(package) + 1])
    return {*CORE_LAYERS, *OUTER_LAYERS[: OUTER_LAYERS.index(package) + 1]}


def module_id(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


# Modules directly in holdfast/ (the Python API, __main__) sit on top of everything.
LAYERED = [path for path in python_files("src") if path.parent != PACKAGE]


def test_every_package_has_its_layer() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert folders <= {*CORE_LAYERS, *OUTER_LAYERS}
    assert sorted(CORE_LAYERS) == CORE_FOLDERS


@pytest.mark.parametrize("path", LAYERED, ids=module_id)
def test_imports_run_one_way(path: Path) -> None:
    package = path.relative_to(PACKAGE).parts[0]
    allowed = packages_allowed_for(package)
    for line, name in imported_modules(path):
        parts = name.split(".")
        if parts[0] != "holdfast":
            continue
        where = f"{path.relative_to(ROOT)}:{line}: {package} must not import {name}"
        if len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
            assert parts[1] in allowed, where
        else:
            assert package in OUTER_LAYERS, where
        if package == "crypto":
            assert name.startswith(CRYPTO_MAY_IMPORT), where


@pytest.mark.parametrize("path", core_modules(), ids=module_id)
def test_the_core_is_pure(path: Path) -> None:
    for line, name in imported_modules(path):
        root = name.split(".")[0]
        assert root in CORE_MAY_IMPORT, f"{path.relative_to(ROOT)}:{line}: the core does not import {root}; pass it in"
