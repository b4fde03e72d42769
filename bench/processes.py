"""Servers as child processes, and waiting until they answer."""

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype


class BenchError(Exception):
    """Something that keeps the benchmark from giving a trustworthy figure; the text says what and what to do."""


def await_answer(who: str, name: str, address: str, port: int, authenticated: bool) -> None:
    """Ask `name` until the server answers NOERROR (with AD, if `authenticated`); give up after 30 seconds."""
    last = "no answer"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            last = check_answer(name, address, port, authenticated)
        except OSError as error:
            last = str(error)
        except dns.exception.DNSException as error:
            last = f"{type(error).__name__}: {error}"
        if not last:
            return
        time.sleep(0.1)
    raise BenchError(f"{who} did not get ready within 30 s: {name} A: {last}")


def check_answer(name: str, address: str, port: int, authenticated: bool) -> str:
    """Ask `name` once and say what is wrong with the answer: empty if it is NOERROR with the expected AD bit."""
    query = dns.message.make_query(name, dns.rdatatype.A, want_dnssec=True)
    answer = dns.query.udp(query, address, timeout=2, port=port)
    if answer.rcode() != 0:
        return f"RCODE {answer.rcode()}"
    if authenticated != bool(answer.flags & dns.flags.AD):
        return "AD is missing" if authenticated else "AD is set"
    return ""


def pinned(command: list[str], cpu: int | None) -> list[str]:
    """The command line that runs `command` on one CPU only; unchanged if `cpu` is None or taskset is missing."""
    return command if cpu is None or shutil.which("taskset") is None else ["taskset", "--cpu-list", str(cpu), *command]


@contextlib.contextmanager
def running(command: list[str], folder: Path, cpu: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the foreground inside `folder`, its output in `output.log`, until the block ends.

    `cpu` is the only one that it may use; None: any.
    """
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            pinned(command, cpu), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
