"""The watch: looks after what runs and what waits here, when something in it can be due.

Executors begin tasks without a word, and limits pass in silence. So after each look the next is planned from
what is known: limits and ends of the running tasks, patience of the waiting ones. What happens in between may
bring it forward. While nothing can be due, nothing is looked at.
"""

from __future__ import annotations

from typing import Protocol

from worker.alarm import Alarm

LOOK_EVERY_SECONDS = 0.02
"""While something may change that nobody tells."""
LEAST_SECONDS = 0.002
MOST_SECONDS = 1.0
"""So long at most does the machine's sleep, which the loop's timers do not count, delay a limit."""


class Watched(Protocol):
    def look(self) -> None:
        """Do what is due."""

    def due_seconds(self) -> float:
        """Until ``look`` may find something to do, if nothing else happens; infinite when it cannot."""


class Watch:
    def __init__(self) -> None:
        self._alarm = Alarm()
        self._watched: list[Watched] = []

    def add(self, watched: Watched) -> None:
        self._watched.append(watched)

    def news(self) -> None:
        """Something has happened to what is watched: a look may be due earlier than was planned."""
        if self._alarm.left_seconds() > LOOK_EVERY_SECONDS:
            self._alarm.within(self._due_seconds())

    def _due_seconds(self) -> float:
        return min((watched.due_seconds() for watched in self._watched), default=MOST_SECONDS)

    async def run(self) -> None:
        while True:
            for watched in self._watched:
                watched.look()
            self._alarm.within(max(LEAST_SECONDS, min(self._due_seconds(), MOST_SECONDS)))
            await self._alarm.wait()
            self._alarm.reset()
