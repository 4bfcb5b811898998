"""When a worker asks the table itself, without a message. No I/O, time is an argument.

It covers lost messages, a dead broker, purged queues and deliveries that other workers hoard.
"""

from __future__ import annotations

import random
from collections.abc import Callable

LONGEST_PAUSE = 5.0  # in first pauses, when the table is always empty
SHARE_EVERY = 3.0  # in first pauses, under full load


class DirectPace:
    """``first_pause_seconds``: how long a worker without news waits."""

    def __init__(
        self,
        first_pause_seconds: float,
        now: float,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first, self._uniform = first_pause_seconds, uniform
        self._pause = first_pause_seconds
        self._look_at = now
        self._share_at = now
        self._is_fruitful = True  # the last look found work, or a doorbell rang since
        self._is_oldest = False

    def ring(self) -> None:
        """There may be work."""
        self._is_fruitful = True
        self._pause = self._first

    def expect_messages(self, now: float) -> None:
        """A broker is about to deliver what waits; what is claimed before leaves a stale message each."""
        self._is_fruitful = False
        self.postpone(now)

    def postpone(self, now: float) -> None:
        """Messages flow: the next look can wait."""
        self._pause = self._first
        self._look_at = now + self._first * self._uniform(0.8, 1.2)

    def is_due(self, now: float) -> bool:
        return self._is_fruitful or now >= self._look_at

    def looked(self, now: float, found: int, *, is_all: bool = False) -> None:
        """A look for any function's work has ended; ``is_all``: it had room for more than it found."""
        self._is_fruitful = found > 0 and not is_all
        self._pause = self._first if found else min(self._pause * 1.5, self._first * LONGEST_PAUSE)
        self._look_at = now + self._pause * self._uniform(0.8, 1.2)

    def wait_seconds(self, now: float) -> float:
        """Until the next look is due without any news."""
        return max(0.0, self._look_at - now)

    # The share of the waiting, whatever else is going on

    def is_share_due(self, now: float) -> bool:
        return now - self._share_at > self._first * SHARE_EVERY

    def share(self, now: float) -> bool:
        """Take the share; whether it goes to the oldest task this time, or to the best."""
        self._share_at = now
        self._is_oldest = not self._is_oldest
        return self._is_oldest
