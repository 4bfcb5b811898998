"""When a look at all that runs comes again: later where it takes long. No I/O, time is an argument.

Such a look walks the index entries of all that ran since the last vacuum. Beside a transaction that holds an
old snapshot open no vacuum removes any, and there may be millions.
"""

from __future__ import annotations

PAUSE_PER_LOOK = 20
"""Looks use at most a twentieth of the time."""
MOST_PAUSE_SECONDS = 15.0


class Looks:
    """``every_seconds``: of looks that take little. The first is due at ``first_at``."""

    def __init__(self, every_seconds: float, first_at: float) -> None:
        self._every, self._next_at = every_seconds, first_at
        self._most = max(MOST_PAUSE_SECONDS, every_seconds)

    def is_due(self, now: float) -> bool:
        return now >= self._next_at

    def looked(self, started: float, ended: float) -> None:
        """From the start of one to the start of the next."""
        self._next_at = started + min(max(self._every, (ended - started) * PAUSE_PER_LOOK), self._most)
