"""When the supervisor looks after what runs: as planned, or earlier by news."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable

import pytest

from worker import watch
from worker.alarm import Alarm
from worker.watch import Watch

HOUR = 3600.0
SECONDS = 30.0


class Looked:
    """``due``: in so many seconds; after a look never."""

    def __init__(self, due: float) -> None:
        self.due, self.looks = due, 0

    def look(self) -> None:
        self.looks += 1
        self.due = math.inf

    def due_seconds(self) -> float:
        return self.due


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def watching(*watched: Looked):  # type: ignore[no-untyped-def]
    one = Watch()
    for looked in watched:
        one.add(looked)
    running = asyncio.create_task(one.run())
    await until(lambda: all(looked.looks for looked in watched))
    yield one
    running.cancel()


def test_nothing_is_looked_at_until_news_say_that_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_SECONDS", HOUR)

    async def main() -> None:
        calm, other = Looked(0.0), Looked(0.0)
        async with watching(calm, other) as one:
            assert calm.looks == 1
            calm.due = HOUR / 2
            one.news()
            calm.due = 0.03
            one.news()
            await until(lambda: calm.looks == 2)
            assert other.looks == 2

    asyncio.run(main())


def test_without_news_a_look_comes_when_the_first_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_SECONDS", HOUR)

    class Again(Looked):
        def look(self) -> None:
            self.looks += 1
            self.due = 0.01 if self.looks < 4 else HOUR

    async def main() -> None:
        again = Again(0.0)
        async with watching(Looked(0.0), again):
            await until(lambda: again.looks == 4)

    asyncio.run(main())


def test_a_sleep_of_the_machine_delays_no_limit_by_more_than_the_longest_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "MOST_SECONDS", 0.01)

    async def main() -> None:
        calm = Looked(0.0)
        async with watching(calm):
            calm.due = HOUR  # by a clock that went on while the loop's stood still
            await until(lambda: calm.looks > 1)

    asyncio.run(main())


def test_an_alarm_rings_at_the_earliest_of_its_times() -> None:
    async def main() -> None:
        alarm = Alarm()
        alarm.within(HOUR)
        alarm.within(2 * HOUR)
        assert 0 < alarm.left_seconds() <= HOUR
        alarm.within(0.02)
        async with asyncio.timeout(SECONDS):
            await alarm.wait()
        alarm.reset()
        assert alarm.left_seconds() == 0
        alarm.within(HOUR)
        alarm.ring()
        async with asyncio.timeout(SECONDS):
            await alarm.wait()

    asyncio.run(main())
