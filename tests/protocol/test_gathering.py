"""Ends that may wait for another share its statement; none waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession
from tasks_app.transitions import Changed, Outcome
from tests.protocol import parts
from tests.protocol.actors import make_task
from tests.protocol.parts import FUNCTION, StartParts
from tests.support.databases import Database
from worker.recorder import ENOUGH_ROWS

HOUR = 3600.0
SECONDS = 20


@pytest.fixture
async def start(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartParts]:
    for found in parts.started_parts(database, monkeypatch):
        yield found


@pytest.mark.parametrize(
    ("within", "batches"),
    [
        pytest.param((HOUR, 0.0), [2], id="the second is due at once"),
        pytest.param((HOUR, 0.01), [2], id="the second is due first"),
        pytest.param((0.0, 0.0), [1, 1], id="nobody waits"),
    ],
)
async def test_ends_share_a_statement_when_the_first_of_them_is_due(
    start: StartParts,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    within: tuple[float, float],
    batches: list[int],
) -> None:
    written: list[int] = []
    finish = transitions.finish

    def counted(session: OwnSession, *, outcomes: Sequence[Outcome], **facts: Any) -> list[Changed]:
        written.append(len(outcomes))
        return finish(session, outcomes=outcomes, **facts)

    monkeypatch.setattr(transitions, "finish", counted)
    worker = start()
    with database.session() as session:
        ids = [make_task(session, function=FUNCTION) for _ in within]
        transitions.claim_ids(session, worker_id=worker.id, node="n1", ids=ids, functions=[FUNCTION])
        running = asyncio.create_task(worker.recorder.run())
        for task_id, seconds in zip(ids, within, strict=True):
            outcome = Outcome(id=task_id, attempt=1, kind="succeeded", result="1")
            worker.recorder.put(outcome, within_seconds=seconds)
            for _ in range(5):
                await asyncio.sleep(0)  # whoever is awake takes its turn
        async with asyncio.timeout(SECONDS):
            while ended(session) < len(ids):
                await asyncio.sleep(0.01)
        running.cancel()
    assert written == batches


async def test_enough_ends_wait_for_no_further_one(start: StartParts, database: Database) -> None:
    worker = start()
    with database.session() as session:
        ids = [make_task(session, function=FUNCTION) for _ in range(ENOUGH_ROWS)]
        transitions.claim_ids(session, worker_id=worker.id, node="n1", ids=ids, functions=[FUNCTION])
        running = asyncio.create_task(worker.recorder.run())
        for task_id in ids:
            outcome = Outcome(id=task_id, attempt=1, kind="succeeded", result="1")
            worker.recorder.put(outcome, within_seconds=HOUR)
        async with asyncio.timeout(SECONDS):
            while ended(session) < len(ids):
                await asyncio.sleep(0.01)
        running.cancel()


def ended(session: OwnSession) -> int:
    [(count,)] = session.rows("SELECT count(*) FROM taskdeck_task WHERE state = 'succeeded'", {})
    return int(count)
