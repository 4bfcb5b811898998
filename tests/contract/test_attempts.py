"""Failures, retries and the steps of a cancel, on each database and over each session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks_app import transitions
from tasks_app.interrupts import MOST_PAUSE_SECONDS
from tasks_app.states import State
from tasks_app.transitions import Outcome
from tasks_app.wire import StopStep
from tests.contract.store import FUNCTION, Store


def failure(task_id: str, attempt: int, *, kind: str = "retry", delay_seconds: float = 0.0) -> Outcome:
    return Outcome(
        id=task_id,
        attempt=attempt,
        kind=kind,
        error="E: odd",
        error_class="E",
        message="odd é",
        traceback="here",
        place="m:1 in f",
        delay_seconds=delay_seconds,
    )


def step(word: str) -> StopStep:
    return {"step": word, "reason": "cancel", "at": "2026-01-01T00:00:00+00:00"}  # type: ignore[typeddict-item]


def test_claims_by_id_take_what_waits_and_is_known_and_leave_the_rest(store: Store) -> None:
    worker_id = store.make_worker()
    waits, other, unknown = store.make_task(), store.make_task(), store.make_task(function="elsewhere.f")
    taken = store.make_task()
    transitions.claim_ids(store.session, worker_id=worker_id, node="n", ids=[taken], functions=[FUNCTION])

    claimed = transitions.claim_ids(
        store.session, worker_id=worker_id, node="n", ids=[waits, unknown, taken], functions=[FUNCTION]
    )

    assert [(c.id, c.attempt, c.arguments) for c in claimed] == [(waits, 1, '{"number": 3}')]
    assert [store.row(t).state for t in (other, unknown)] == ["queued", "queued"]
    assert store.row(taken).attempt == 1


@pytest.mark.parametrize("state", ["lost", "stopped"])
def test_a_claim_by_id_needs_a_live_worker(store: Store, state: str) -> None:
    task_id = store.make_task()
    claimed = transitions.claim_ids(
        store.session, worker_id=store.make_worker(state), node="n", ids=[task_id], functions=[FUNCTION]
    )
    assert claimed == []
    assert store.row(task_id).state == "queued"


def test_a_failure_with_attempts_left_waits_for_its_time(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task(max_attempts=2)
    store.claim(worker_id)
    before = datetime.now(UTC)
    [changed] = transitions.finish(
        store.session, worker_id=worker_id, outcomes=[failure(task_id, 1, delay_seconds=60)]
    )
    assert changed.state == State.SCHEDULED
    task = store.row(task_id)
    assert (task.failures, task.error, task.worker_id, task.finished_at) == (1, "E: odd", None, None)
    assert before + timedelta(seconds=50) < task.run_at < datetime.now(UTC) + timedelta(seconds=70)
    assert transitions.promote_due(store.session) == []


def test_the_last_attempt_that_fails_ends_the_task(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task(max_attempts=2)
    for attempt in (1, 2):
        assert [c.attempt for c in store.claim(worker_id)] == [attempt]
        transitions.finish(store.session, worker_id=worker_id, outcomes=[failure(task_id, attempt)])
        transitions.promote_due(store.session)
    task = store.row(task_id)
    assert (task.state, task.failures, task.run_at) == ("failed", 2, None)
    kept = store.attempts.filter(task_id=task_id).order_by("attempt")
    assert [(a.attempt, a.kind, a.message, a.traceback, a.place) for a in kept] == [
        (1, "failure", "odd é", "here", "m:1 in f"),
        (2, "failure", "odd é", "here", "m:1 in f"),
    ]


def test_a_late_failure_leaves_no_attempt_behind(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    store.claim(worker_id)
    assert transitions.finish(store.session, worker_id=worker_id, outcomes=[failure(task_id, 2)]) == []
    assert not store.attempts.filter(task_id=task_id).exists()


def test_a_cancel_wins_over_a_retry_that_is_due(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task(max_attempts=5)
    store.claim(worker_id)
    transitions.cancel(store.session, ids=[task_id])
    [changed] = transitions.finish(store.session, worker_id=worker_id, outcomes=[failure(task_id, 1)])
    assert changed.state == State.CANCELLED
    assert store.row(task_id).run_at is None


def test_steps_gather_in_order_and_belong_to_one_attempt(store: Store) -> None:
    task_id = store.make_task()
    for attempt, word in [
        (1, "requested"),
        (1, "interrupted"),
        (2, "requested"),
        (1, "killed"),
        (2, "killed"),
    ]:
        transitions.record_step(store.session, task_id=task_id, attempt=attempt, step=step(word))
    live = store.live.get(pk=task_id)
    assert (live.attempt, [s["step"] for s in live.steps]) == (2, ["requested", "killed"])


def test_progress_keeps_the_steps_of_its_attempt_and_drops_older_ones(store: Store) -> None:
    task_id = store.make_task()
    report = {"id": task_id, "attempt": 1, "seq": 1, "done": 1, "total": 2, "stage": ""}
    transitions.record_step(store.session, task_id=task_id, attempt=1, step=step("requested"))
    transitions.report_progress(store.session, [report])
    assert [s["step"] for s in store.live.get(pk=task_id).steps] == ["requested"]
    transitions.report_progress(store.session, [{**report, "attempt": 2}])
    assert store.live.get(pk=task_id).steps == []


def test_a_step_or_a_report_of_a_task_that_is_gone_is_dropped(store: Store) -> None:
    gone = "01a20c79-99ab-746b-9d9a-5db25eef874e"
    transitions.record_step(store.session, task_id=gone, attempt=1, step=step("requested"))
    report = {"id": gone, "attempt": 1, "seq": 1, "done": 1, "total": 2, "stage": ""}
    transitions.report_progress(store.session, [report])
    assert not store.live.filter(pk=gone).exists()


def test_the_longest_pause_is_stored_and_read(store: Store) -> None:
    task_id, worker_id = store.make_task(max_attempts=2), store.make_worker()
    store.claim(worker_id)
    outcome = failure(task_id, 1, delay_seconds=float(MOST_PAUSE_SECONDS))
    [changed] = transitions.finish(store.session, worker_id=worker_id, outcomes=[outcome])
    assert changed.state == "scheduled"
    assert store.row(task_id).run_at.year > datetime.now(UTC).year
