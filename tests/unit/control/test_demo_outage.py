"""`holdfast demo` plays the outage first: what it prints, that it goes on afterwards, and that it can be stopped."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.demo import COMMAND
from tests.support.ports import reserve_port

LENGTH_S = 6


@contextmanager
def playing() -> Iterator[subprocess.Popen[str]]:
    """The demonstration, playing the outage in a few seconds."""
    command = [*COMMAND, "demo", "--listen", f"127.0.0.1:{reserve_port()}", "--outage-s", str(LENGTH_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_outage_is_played_and_the_resolver_stays() -> None:
    with playing() as process:
        assert process.stdout is not None and process.stderr is not None
        page = ""
        for line in process.stdout:
            page += line
            if line.startswith("alias.loop.de"):  # the last line of the page
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    found = re.search(r"(\d+) questions during the break, ([\d.]+) % failed; (\d+) answers were stale", page)
    assert found is not None
    assert int(found.group(1)) > 100
    assert int(found.group(3)) > 0
    assert page.index("questions during the break") < page.index("holdfast resolves on")


def test_the_outage_can_be_interrupted() -> None:
    with playing() as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert errors == ""
        assert "holdfast resolves on" not in output
