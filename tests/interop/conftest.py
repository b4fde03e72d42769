"""The laboratory's Internet, once for all tests of this folder (they share an xdist group, and so a worker)."""

from collections.abc import Generator, Iterator

import pytest

from tests.interop.internet import Internet, running_internet

_INTERNET = pytest.StashKey[Internet]()


@pytest.fixture(scope="session")
def internet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """The servers, running."""
    with running_internet(tmp_path_factory.mktemp("interop")) as found:
        request.config.stash[_INTERNET] = found
        yield found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach what the servers printed to a failure."""
    report = yield
    running = item.config.stash.get(_INTERNET, None)
    if report.failed and running is not None and "internet" in getattr(item, "fixturenames", ()):
        report.sections.append(("name servers", running.logs()))
    return report
