"""Set-up shared by all suites.

`HOLDFAST_EXPECT` says which holdfast is under test: `interpreted` (default) is the source in src/, put first on the
import path here and for child processes; `compiled` is the installed wheel, and src/ is kept off the path. tests/build
checks that the right one was imported.

`HOLDFAST_CI=1` turns every skip into a failure: in CI everything that a test needs is installed, so a skip there is a
hole in the set-up that would otherwise look green. An expected failure (xfail) is not a skip.
"""

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.programs import require_program as require_program_function

SOURCE_FOLDER = str(Path(__file__).parent.parent / "src")
# A busy machine must not fail a test; speed is measured by `make bench`.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
IN_CI = os.environ.get("HOLDFAST_CI") == "1"

if os.environ.get("HOLDFAST_EXPECT", "interpreted") == "interpreted":
    sys.path.insert(0, SOURCE_FOLDER)
    os.environ["PYTHONPATH"] = SOURCE_FOLDER


@pytest.fixture(scope="session")
def require_program() -> Callable[[str, str], str]:
    """`tests.support.programs.require_program`, as a fixture."""
    return require_program_function


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        # A skip's representation is (path, line, reason).
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: nothing may be skipped in CI: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failure in CI."""
    report = yield
    if IN_CI:
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module skipped at import into a failure in CI."""
    report = yield
    if IN_CI:
        _fail_if_skipped(report)
    return report
