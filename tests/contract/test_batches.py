"""What runs after a batch: held until its last task has ended, and let go once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from tasks_app import transitions
from tasks_app.models import TaskBatch
from tasks_app.states import HELD
from tasks_app.transitions import Outcome
from tests.contract.store import FUNCTION, Store


def make_batch(store: Store, size: int = 1, **facts: object) -> tuple[UUID, list[str], str]:
    """A batch, its waiting tasks, and the task that is held for it."""
    batch, now = uuid4(), datetime.now(UTC)
    tasks = [store.make_task(batch=batch, **facts) for _ in range(size)]
    then = store.make_task(state="scheduled", run_at=HELD, max_attempts=2)
    TaskBatch.objects.using(store.using).create(id=batch, created_at=now, size=size, then_task_id=then)
    return batch, tasks, then


def promoted(store: Store) -> list[str]:
    return [changed.id for changed in transitions.promote_ended(store.session)]


def claim(store: Store, worker_id: str, task_id: str) -> int:
    facts = {"worker_id": worker_id, "node": "n1", "ids": [task_id], "functions": [FUNCTION]}
    [claimed] = transitions.claim_ids(store.session, **facts)  # type: ignore[arg-type]
    return claimed.attempt


def end(store: Store, task_id: str, kind: str, delay_seconds: float = 0.0) -> None:
    worker_id = store.make_worker()
    outcome = Outcome(
        id=task_id,
        attempt=claim(store, worker_id, task_id),
        kind=kind,
        error=None if kind == "succeeded" else "E",
        delay_seconds=delay_seconds,
    )
    transitions.finish(store.session, worker_id=worker_id, outcomes=[outcome])


def test_a_held_task_is_let_go_when_the_last_task_of_its_batch_has_ended(store: Store) -> None:
    _, [first, second, third], then = make_batch(store, 3)
    make_batch(store)
    for task_id, kind in ((first, "failed"), (second, "succeeded")):
        end(store, task_id, kind)
        assert promoted(store) == []
    transitions.cancel(store.session, ids=[third])
    [changed] = transitions.promote_ended(store.session)
    assert (changed.id, changed.state, changed.revision, changed.batch) == (then, "queued", 2, None)
    assert (store.row(then).state, store.row(then).run_at) == ("queued", None)
    assert promoted(store) == []


def test_a_task_that_runs_or_is_due_later_is_waited_for(store: Store) -> None:
    _, [runs], after_running = make_batch(store)
    later = datetime.now(UTC) + timedelta(hours=1)
    _, [waits], after_waiting = make_batch(store, state="scheduled", run_at=later)
    worker_id = store.make_worker()
    attempt = claim(store, worker_id, runs)
    transitions.cancel(store.session, ids=[runs])  # only asked to stop
    assert promoted(store) == []
    outcome = Outcome(id=runs, attempt=attempt, kind="cancelled")
    transitions.finish(store.session, worker_id=worker_id, outcomes=[outcome])
    assert promoted(store) == [after_running]
    transitions.cancel(store.session, ids=[waits])
    assert promoted(store) == [after_waiting]


def test_a_task_that_lost_its_worker_is_waited_for(store: Store) -> None:
    _, [task_id], then = make_batch(store)
    worker_id = store.make_worker()
    claim(store, worker_id, task_id)
    transitions.reap(store.session, lost_id=worker_id, seen=None)
    assert promoted(store) == []
    end(store, task_id, "succeeded")
    assert promoted(store) == [then]


def test_nothing_is_waited_for_in_an_empty_batch(store: Store) -> None:
    _, _, then = make_batch(store, 0)
    assert promoted(store) == [then]


def test_a_held_task_is_never_due(store: Store) -> None:
    make_batch(store)
    assert transitions.promote_due(store.session) == []


def test_a_retry_within_the_batch_does_not_let_it_go_again(store: Store) -> None:
    batch, [failed], then = make_batch(store)
    end(store, failed, "failed")
    assert promoted(store) == [then]
    [again] = transitions.retry(store.session, ids=[failed])
    assert again.batch == str(batch)
    end(store, then, "succeeded")
    end(store, failed, "succeeded")
    assert promoted(store) == []
    assert (store.row(then).state, store.row(then).attempt) == ("succeeded", 1)


def test_a_held_task_that_was_cancelled_stays_so(store: Store) -> None:
    _, [task_id], then = make_batch(store)
    transitions.cancel(store.session, ids=[then])
    end(store, task_id, "succeeded")
    assert promoted(store) == []
    assert store.row(then).state == "cancelled"


def test_its_own_pause_before_a_further_attempt_is_kept(store: Store) -> None:
    _, _, then = make_batch(store, 0)
    assert promoted(store) == [then]
    end(store, then, "retry", delay_seconds=3600)
    assert store.row(then).state == "scheduled"
    assert promoted(store) == []


def test_each_end_names_the_batch_of_its_task(store: Store) -> None:
    batch, [mine], _ = make_batch(store)
    other = store.make_task()
    worker_id = store.make_worker()
    outcomes = [
        Outcome(id=task_id, attempt=claim(store, worker_id, task_id), kind="succeeded", result="1")
        for task_id in (mine, other)
    ]
    changed = transitions.finish(store.session, worker_id=worker_id, outcomes=outcomes)
    assert {row.id: row.batch for row in changed} == {mine: str(batch), other: None}
