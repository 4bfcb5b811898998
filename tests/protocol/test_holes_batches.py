"""One task must not cost its neighbours: an outcome that cannot be stored, an executor that dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession
from tasks_app.errors import DatabaseUnavailable, StatementRefused
from tasks_app.transitions import Claimed, Outcome
from tests.protocol import parts
from tests.protocol.actors import make_task, make_worker, row
from tests.protocol.parts import FUNCTION, Clock, StartParts
from tests.protocol.rules import FENCE_ATTEMPT, FENCE_WORKER, rewrite, with_and_without_the_rule
from tests.support.databases import Database
from worker.board import Slot
from worker.pool import Pool
from worker.recorder import Recorder

Patch = pytest.MonkeyPatch
BATCH = 200


@pytest.fixture
async def start(database: Database, monkeypatch: Patch) -> Iterator[StartParts]:
    Clock(monkeypatch)
    for found in parts.started_parts(database, monkeypatch):
        yield found


@pytest.fixture
def session(database: Database) -> Iterator[OwnSession]:
    with database.session() as session:
        yield session


def unstorable(session: OwnSession) -> str:
    """A result that the database refuses, whatever let it come so far."""
    return '"\\u0000"' if session.vendor == "postgresql" else "{"


@with_and_without_the_rule
async def test_one_outcome_that_cannot_be_stored_holds_no_other(
    start: StartParts, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:

        async def try_again(self: Recorder, batch: list[Outcome], error: StatementRefused) -> None:
            raise DatabaseUnavailable(str(error))

        monkeypatch.setattr(Recorder, "_bisect", try_again)
    worker = start()
    ids = [make_task(session, function=FUNCTION) for _ in range(BATCH)]
    transitions.claim_ids(session, worker_id=worker.id, node="n1", ids=ids, functions=[FUNCTION])
    for task_id in ids:
        result = unstorable(session) if task_id == ids[77] else "1"
        worker.recorder.put(Outcome(id=task_id, attempt=1, kind="succeeded", result=result))

    for _ in range(3):
        try:
            await worker.recorder._turn()
        except DatabaseUnavailable:
            assert not is_kept

    states = dict(session.rows("SELECT state, count(*) FROM taskdeck_task GROUP BY state", {}))
    assert states == ({"succeeded": BATCH - 1, "failed": 1} if is_kept else {"running": BATCH})
    [(error,)] = session.rows("SELECT error FROM taskdeck_task ORDER BY id LIMIT 1 OFFSET 77", {})
    assert error == ("the result cannot be stored" if is_kept else None)


@with_and_without_the_rule
async def test_a_finish_that_came_too_late_is_told_to_nobody(
    start: StartParts, database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """Neither its result nor its event leaves the worker."""
    if not is_kept:
        rewrite(monkeypatch, database, "FINISH", FENCE_WORKER, "")
        rewrite(monkeypatch, database, "FINISH", FENCE_ATTEMPT, "")
    frozen, other = start(), start("n2")
    task_id = make_task(session, function=FUNCTION)
    assert claimed_of(session, frozen.id)
    transitions.reap(session, lost_id=frozen.id, seen=0)
    assert claimed_of(session, other.id)
    frozen.recorder.put(Outcome(id=task_id, attempt=1, kind="succeeded", result='"late"'))

    await frozen.recorder._turn()

    told = [outcome.result for _, outcome in frozen.recorder._recorded]
    assert told == ([] if is_kept else ['"late"'])
    assert row(session, task_id)["state"] == ("running" if is_kept else "succeeded")


def claimed_of(session: OwnSession, worker_id: str) -> Sequence[Claimed]:
    return transitions.claim(
        session, worker_id=worker_id, node="n1", queue="default", functions=[FUNCTION], limit=10
    )


def dies(worker: parts.Parts, *, begun: int) -> None:
    """The executor, after it had begun so many of what it was given."""
    [remote] = worker.pool._remotes.values()
    for position in range(1, begun + 1):
        assert remote._other_end.receive(wait=False)  # the executor took it
        remote.slot.begin(position)
    worker.pool.exited({"number": 1, "how": "killed by SIGKILL", "why": "", "status": 137})


@with_and_without_the_rule
async def test_only_a_task_that_had_begun_is_blamed_for_a_death(
    start: StartParts, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        monkeypatch.setattr(Slot, "last", 1 << 62)  # as if the executor did not tell how far it was
        monkeypatch.setattr("worker.remote.Remote.take_back", lambda self: [])
    worker = start()
    for _ in range(6):
        make_task(session, function=FUNCTION)
    worker.pool.times.learn(FUNCTION, 0.0001)
    worker.pool.take(claimed_of(session, worker.id))
    batch = worker.given
    assert len(batch) == 6

    dies(worker, begun=1)

    blamed = [held.task.id for held in worker.lost]
    assert blamed == (batch[:1] if is_kept else batch)


@with_and_without_the_rule
async def test_a_task_that_has_cost_a_worker_is_given_out_alone(
    start: StartParts, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """In its old company it would take the same neighbours down again."""
    if not is_kept:
        monkeypatch.setattr(Pool, "_is_alone", lambda self, held: not self.times.is_short(held.word))
    worker, lost = start(), make_worker(session)
    poison = make_task(session, function=FUNCTION)
    transitions.claim_ids(session, worker_id=lost, node="n1", ids=[poison], functions=[FUNCTION])
    transitions.reap(session, lost_id=lost, seen=0)
    for _ in range(5):
        make_task(session, function=FUNCTION)
    worker.pool.times.learn(FUNCTION, 0.0001)

    worker.pool.take(claimed_of(session, worker.id))

    assert worker.given[0] == poison
    assert len(worker.given) == (1 if is_kept else 6)
