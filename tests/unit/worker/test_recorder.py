"""What one statement of the recorder holds."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from tasks_app.live import News
from tasks_app.transitions import Outcome
from worker import recorder
from worker.lanes import Lane
from worker.recorder import Recorder


class Noting:
    """A lane that notes how many outcomes each statement got, and changes nothing."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def run(self, _statement: object, **facts: Any) -> list[object]:
        self.batches.append(len(facts["outcomes"]))
        return []


def batches_of(*results: str) -> list[int]:
    async def recorded() -> list[int]:
        lane = Noting()
        one = Recorder("w", "n", cast(Lane, lane), cast(News, None), set())
        for number, result in enumerate(results):
            one.put(Outcome(id=str(number), attempt=1, kind="succeeded", result=result))
        running = asyncio.create_task(one.run())
        async with asyncio.timeout(20):
            while not one.is_empty:
                await asyncio.sleep(0)
        running.cancel()
        return lane.batches

    return asyncio.run(recorded())


def test_large_results_are_recorded_by_statements_that_can_end_in_time() -> None:
    large = "x" * (recorder.MOST_CHARACTERS // 2)
    assert batches_of(large, large, "1", "2", large) == [2, 3]
    assert batches_of("x" * (2 * recorder.MOST_CHARACTERS), "1") == [1, 1]


def test_small_ones_share_a_statement_up_to_a_number() -> None:
    assert batches_of(*["1"] * (recorder.MOST_ROWS + 5)) == [recorder.MOST_ROWS, 5]
