"""The brokers a connection may go to, one after the other."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Uniform = Callable[[float, float], float]
FIRST_PAUSE_SECONDS = 0.25
LAST_PAUSE_SECONDS = 5.0


class Hosts:
    """Which host comes next, and after which pause (jittered, growing until a connection worked)."""

    def __init__(self, urls: Sequence[str], uniform: Uniform = random.uniform) -> None:
        self._urls, self._uniform = urls, uniform
        self._next = int(uniform(0, len(urls) - 0.001))  # spread over the hosts of a cluster
        self.failures = 0

    def next_url(self) -> str:
        self._next = (self._next + 1) % len(self._urls)
        return self._urls[self._next]

    def worked(self) -> None:
        self.failures = 0

    def pause_seconds(self) -> float:
        """Count a failure and say how long to wait."""
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(self.failures, 10), LAST_PAUSE_SECONDS)
        self.failures += 1
        return pause * self._uniform(0.5, 1.0)
