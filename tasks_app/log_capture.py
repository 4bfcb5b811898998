"""What a task logs and prints, caught inside its executor."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import TextIO

from tasks_app.reporting import current_reporter


class CaptureHandler(logging.Handler):
    """On the root logger: sees what reaches it, whatever other handlers do with that."""

    def emit(self, record: logging.LogRecord) -> None:
        if reporter := current_reporter():
            try:
                text = self.format(record)
            except Exception:  # a message that does not fit its arguments is the caller's fault, told here
                self.handleError(record)
                return
            reporter.log(record.levelname, text)


class CaptureStream:
    """Stands before ``sys.stdout`` or ``sys.stderr``: writes through, and tells what a task prints."""

    def __init__(self, stream: TextIO, level: str) -> None:
        self._stream, self._level = stream, level

    def write(self, text: str) -> int:
        if reporter := current_reporter():
            reporter.printed(self._level, text)
        return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def install() -> None:
    """Once per executor."""
    logging.getLogger().addHandler(CaptureHandler())
    sys.stdout = CaptureStream(sys.stdout, "STDOUT")
    sys.stderr = CaptureStream(sys.stderr, "STDERR")
