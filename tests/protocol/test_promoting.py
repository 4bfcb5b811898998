"""What has become due goes to its queue, however much that is, and a turn of it has an end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession
from tasks_app.transitions import Changed
from tests.protocol import parts
from tests.protocol.actors import make_task, row
from tests.protocol.parts import HEARTBEAT, Clock, StartParts
from tests.support.databases import Database


@pytest.fixture
async def start(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartParts]:
    for found in parts.started_parts(database, monkeypatch):
        yield found


@pytest.mark.parametrize(
    ("rows", "statements", "left"),
    [
        pytest.param(2, 20, 0, id="no row waits for another turn"),
        pytest.param(1, 3, 2, id="a renewal comes between"),
    ],
)
async def test_one_turn_promotes_all_that_is_due_within_its_bound(
    start: StartParts,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    statements: int,
    left: int,
) -> None:
    monkeypatch.setattr("worker.care.PROMOTE_ROWS", rows)
    monkeypatch.setattr("worker.care.MOST_PROMOTIONS", statements)
    with database.session() as session:
        due = [make_task(session, delay_seconds=-5) for _ in range(5)]
        later = make_task(session, delay_seconds=3600)
        await start().care._turn()
        states = [row(session, task_id)["state"] for task_id in due]
        assert (states.count("queued"), states.count("scheduled")) == (5 - left, left)
        assert row(session, later)["state"] == "scheduled"


async def test_a_renewal_that_is_due_comes_before_the_rest(
    start: StartParts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement takes so long that all of them together would cost the lease."""
    clock = Clock(monkeypatch)
    monkeypatch.setattr("worker.care.PROMOTE_ROWS", 1)
    promote = transitions.promote_due

    def slow(session: OwnSession, *, limit: int) -> list[Changed]:
        clock.forward(HEARTBEAT)
        return promote(session, limit=limit)

    monkeypatch.setattr(transitions, "promote_due", slow)
    with database.session() as session:
        due = [make_task(session, delay_seconds=-5) for _ in range(3)]
        care = start().care
        for left in (2, 1, 0):
            await care._turn()
            assert [row(session, task_id)["state"] for task_id in due].count("scheduled") == left
