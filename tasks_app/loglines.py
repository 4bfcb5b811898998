"""The log lines of one attempt: numbered, cut, and no more than may be stored."""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import NamedTuple

from tasks_app.conf import get_conf
from tasks_app.failures import clean

MOST_LINE_LETTERS = 8 * 1024


class LogLine(NamedTuple):
    """``at`` in seconds since the epoch; ``level`` is a word of logging's, or STDOUT or STDERR."""

    seq: int
    at: float
    level: str
    text: str


class LogLines:
    """Takes lines from any thread. Past the limits of the settings it keeps one more, which says so."""

    def __init__(self) -> None:
        conf = get_conf()
        self._most_lines, self._most_bytes = conf.max_log_lines, conf.max_log_bytes
        self._lines: deque[LogLine] = deque()
        self._numbers = itertools.count(1)
        self._bytes = 0
        self._is_full = False

    def add(self, level: str, text: str) -> None:
        if self._is_full:
            return
        text = clean(text)
        if len(text) > MOST_LINE_LETTERS:
            text = f"{text[:MOST_LINE_LETTERS]}… ({len(text) - MOST_LINE_LETTERS} more characters)"
        seq = next(self._numbers)
        self._bytes += len(text)
        if seq > self._most_lines or self._bytes > self._most_bytes:
            self._is_full = True
            level = "WARNING"
            text = f"the log ends here, after {seq - 1} lines: no more of an attempt is kept"
        self._lines.append(LogLine(seq, time.time(), level, text))

    def take(self) -> list[LogLine]:
        """Those added since the last time."""
        lines = self._lines
        return [lines.popleft() for _ in range(len(lines))]
