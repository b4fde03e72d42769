"""Where log lines go and what they look like: standard error, one line each, coloured on a terminal only."""

import contextlib
import io
import logging
import sys
from typing import TextIO, cast

import structlog


class LogStream(io.TextIOBase):
    """Writes to a stream, and goes on without when it cannot: a log that is gone must not stop what is logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose, a text."""
        with contextlib.suppress(OSError, ValueError):  # a broken pipe, a full disk; a stream that was closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what is buffered."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def configure_logging(level: str) -> None:
    """Log what is at least as severe as ``level`` (debug, info, warning, error)."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, LogStream(sys.stderr))),
    )
