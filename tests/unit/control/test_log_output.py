"""Log lines that nobody takes any more."""

import io
import os

import pytest
import structlog

from holdfast.control.log_output import LogStream, configure_logging


def test_lines_arrive_as_they_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        configure_logging("info")
        log = structlog.get_logger()
        log.info("served", zone="de")
        log.debug("not of interest")
    finally:
        structlog.configure(**before)
    (line,) = capsys.readouterr().err.splitlines()
    assert "served" in line and "zone=de" in line


def test_a_stream_that_is_gone_stops_nobody() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", buffering=1) as pipe:
        stream = LogStream(pipe)
        print("first", file=stream, flush=True)
        assert os.read(reading, 100) == b"first\n"
        os.close(reading)
        with pytest.raises(BrokenPipeError):
            os.write(writing, b"x")
        for _ in range(3):
            print("x" * 100_000, file=stream, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # for what is left in the buffer at the end
    closed = io.StringIO()
    closed.close()
    print("nobody", file=LogStream(closed), flush=True)
