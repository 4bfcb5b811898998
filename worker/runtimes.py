"""How long the task functions have been taking lately: it decides how far ahead a worker may claim."""

from __future__ import annotations

AHEAD_SECONDS = 0.05
MOST_AHEAD = 256
SHORT_SECONDS = AHEAD_SECONDS / 4
PACKET_SECONDS = 0.001
MOST_IN_PACKET = 16
WEIGHT = 0.2


class RunTimes:
    def __init__(self) -> None:
        self._mean: dict[str, float] = {}

    def learn(self, function: str, seconds: float) -> None:
        """A rising time is believed at once, a falling one by and by."""
        mean = self._mean.get(function, seconds)
        self._mean[function] = seconds if seconds > 4 * mean else mean + WEIGHT * (seconds - mean)

    def mean(self, function: str) -> float:
        """Seconds, lately; 0 where it has not run here."""
        return self._mean.get(function, 0.0)

    def is_short(self, function: str) -> bool:
        return self._mean.get(function, SHORT_SECONDS) < SHORT_SECONDS

    def short(self) -> list[str]:
        return [function for function, mean in self._mean.items() if mean < SHORT_SECONDS]

    def ahead(self) -> int:
        """Tasks of the short functions that take about AHEAD_SECONDS together, at most MOST_AHEAD."""
        return self._most_within(AHEAD_SECONDS, MOST_AHEAD)

    def in_packet(self) -> int:
        """Tasks of the short functions that may share a packet: of about PACKET_SECONDS together.

        Only the code of a task that runs can give back what came with it, and C code that does not return
        cannot: so few that nobody minds.
        """
        return self._most_within(PACKET_SECONDS, MOST_IN_PACKET)

    def _most_within(self, seconds: float, most: int) -> int:
        slowest = max((self._mean[function] for function in self.short()), default=seconds)
        return max(1, min(most, int(seconds / max(slowest, 1e-6))))
