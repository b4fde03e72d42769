"""`holdfast demo` as a child process on a free port, for tests that want an Internet of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.ports import reserve_port

COMMAND = [sys.executable, "-m", "holdfast"]


@dataclass
class Demo:
    """A running demonstration: process, the resolver's port, file with the root's trust anchor, what was printed."""

    process: subprocess.Popen[str]
    port: int
    anchor: str
    page: str

    @property
    def place(self) -> str:
        """Address and port as the command line takes them."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def running_demo(port: int = 0) -> Iterator[Demo]:
    """Start the demonstration (port 0: a free one), wait until it has printed its page, and end it afterwards."""
    port = port or reserve_port()
    command = [*COMMAND, "demo", "--no-outage", "--listen", f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield _read_page(process, port)
        finally:
            process.kill()


def _read_page(process: subprocess.Popen[str], port: int) -> Demo:
    assert process.stdout is not None and process.stderr is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("alias.loop.de"):  # the last of the broken names
            break
    else:
        raise AssertionError(f"the demo ended: {process.stderr.read()}")
    page = "".join(lines)
    anchor = re.search(r"--trust-anchor (\S+)", page)
    assert anchor is not None
    return Demo(process, port, anchor.group(1), page)
