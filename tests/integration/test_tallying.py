"""What a worker's tallies hold over time, written through a lane of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from tasks_app.errors import DatabaseUnavailable
from tasks_app.models import Tally
from tasks_app.tallies import MINUTE_SECONDS
from tasks_app.transitions import Claimed
from worker.held import Held, pack
from worker.lanes import Lane
from worker.tallying import Tallies, submitted_at

FIBONACCI = "tasks_app.examples.tasks.fibonacci"
NOON = datetime(2030, 1, 31, 12, 0, 30, tzinfo=UTC)
WORKER = "0190a0a0-0000-7000-8000-000000000001"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane("tallies")
    yield lane
    lane.close()


def held(*, revision: int = 2, waited_seconds: float = 0.5, queue: str = "default") -> Held:
    task_id = str(uuid7())
    task = Claimed(task_id, 1, revision, 0, FIBONACCI, queue, "{}", 0, 0, 1, None)
    made = pack(task)
    made.claimed_at = submitted_at(task_id) + waited_seconds
    return made


def stored(subject: str = "all", name: str = "") -> list[tuple[datetime, int, int, list[int]]]:
    rows = Tally.objects.filter(span_seconds=MINUTE_SECONDS, subject=subject, name=name).order_by("at")
    return [(row.at, row.succeeded, row.retried, row.waits) for row in rows]


def write(tallies: Tallies, at: datetime) -> None:
    asyncio.run(tallies.write(at))


def test_a_span_grows_with_each_write_and_the_next_begins_anew(lane: Lane) -> None:
    tallies = Tallies(WORKER, lane)
    minute = NOON.replace(second=0)
    for at in (NOON, NOON + timedelta(seconds=20), NOON + timedelta(seconds=40)):
        tallies.learn(held(), "succeeded", 0.1)
        write(tallies, at)
    assert [row[:2] for row in stored()] == [(minute, 2), (minute + timedelta(minutes=1), 1)]
    assert Tally.objects.get(subject="all", span_seconds=900).succeeded == 3


def test_a_task_counts_once_for_all_once_for_its_function_and_once_for_its_queue(lane: Lane) -> None:
    tallies = Tallies(WORKER, lane)
    tallies.learn(held(queue="slow"), "succeeded", 0.1)
    tallies.learn(held(), "retry", 0.1)
    write(tallies, NOON)
    assert [row[1:3] for row in stored()] == [(1, 1)]
    assert [row[1:3] for row in stored("function", FIBONACCI)] == [(1, 1)]
    assert [row[1:3] for row in stored("queue", "slow")] == [(1, 0)]
    assert [row[1:3] for row in stored("queue", "default")] == [(0, 1)]


def test_only_the_first_wait_of_a_task_that_was_due_at_once_counts(lane: Lane) -> None:
    tallies = Tallies(WORKER, lane)
    tallies.learn(held(), "succeeded", 0.1)
    tallies.learn(held(revision=3, waited_seconds=3600), "succeeded", 0.1)
    write(tallies, NOON)
    [(_, succeeded, _, waits)] = stored()
    assert (succeeded, sum(waits), len(waits)) == (2, 1, 19)


def test_what_the_database_did_not_take_is_written_later(lane: Lane) -> None:
    tallies = Tallies(WORKER, lane)
    tallies.learn(held(), "succeeded", 0.1)
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(refused_once(lane, tallies))
    assert stored() == []
    write(tallies, NOON + timedelta(minutes=5))
    assert [row[:2] for row in stored()] == [(NOON.replace(second=0), 1)]


async def refused_once(lane: Lane, tallies: Tallies) -> None:
    """A table that is away for a moment stands for a database that is."""
    await lane.run(lambda session: session.rows("ALTER TABLE taskdeck_tally RENAME TO taskdeck_away", {}))
    try:
        await tallies.write(NOON)
    finally:
        await lane.run(lambda session: session.rows("ALTER TABLE taskdeck_away RENAME TO taskdeck_tally", {}))


def test_a_depth_is_written_until_the_queue_is_empty(lane: Lane) -> None:
    tallies = Tallies(WORKER, lane)
    tallies.saw({"default": 0}, NOON)
    write(tallies, NOON)
    assert Tally.objects.count() == 0
    tallies.saw({"default": 3}, NOON)
    write(tallies, NOON)
    assert Tally.objects.get(span_seconds=MINUTE_SECONDS).depth == 3
    tallies.saw({"default": 0}, NOON)
    write(tallies, NOON)
    assert Tally.objects.get(span_seconds=MINUTE_SECONDS).depth == 0


def test_of_a_queue_that_was_not_looked_at_again_the_last_depth_stays(lane: Lane) -> None:
    tallies = Tallies(WORKER, lane)
    for seen in ({"default": 0, "other": 3}, {"default": 1}):
        tallies.saw(seen, NOON)
        write(tallies, NOON)
    assert tallies.seen_queues == {"default", "other"}
    depths = Tally.objects.filter(span_seconds=MINUTE_SECONDS).values_list("name", "depth")
    assert dict(depths) == {"default": 1, "other": 3}
