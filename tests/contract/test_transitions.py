"""The rules every database must keep. One set of cases, run on each supported database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from tasks_app import transitions
from tasks_app.database import DjangoSession
from tasks_app.models import Task, TaskAttempt, TaskLive, Worker
from tasks_app.states import State
from tasks_app.transitions import Outcome

pytestmark = pytest.mark.django_db
FUNCTION = "tasks_app.examples.tasks.fibonacci"
session = DjangoSession()


def make_worker(state: str = "alive") -> str:
    worker_id = str(uuid4())
    transitions.register(
        session,
        worker_id=worker_id,
        node="n1",
        host="h",
        pid=1,
        version="1",
        queues=["default"],
        concurrency=2,
    )
    Worker.objects.filter(pk=worker_id).update(state=state)
    return worker_id


def make_task(**facts: object) -> str:
    given = {
        "function": FUNCTION,
        "state": "queued",
        "created_at": datetime.now(UTC),
        "arguments": {"number": 3},
    }
    return str(Task.objects.create(**(given | facts)).pk)


def claim(worker_id: str, limit: int = 10, *, oldest: bool = False) -> list[transitions.Claimed]:
    return transitions.claim(
        session,
        worker_id=worker_id,
        node="n1",
        queue="default",
        functions=[FUNCTION],
        limit=limit,
        oldest=oldest,
    )


def row(task_id: str) -> Task:
    return Task.objects.get(pk=task_id)


def test_a_claim_takes_the_best_first_and_counts_attempt_and_revision() -> None:
    low, high = make_task(priority=-1), make_task(priority=5)
    claimed = claim(make_worker(), limit=1)
    assert [c.id for c in claimed] == [high]
    assert (row(high).state, row(high).attempt, row(high).revision) == ("running", 1, 2)
    assert row(low).state == "queued"
    assert claimed[0].arguments == '{"number": 3}'


def test_the_oldest_is_claimed_whatever_its_priority() -> None:
    old, _high = make_task(priority=-5), make_task(priority=5)
    assert [c.id for c in claim(make_worker(), limit=1, oldest=True)] == [old]


@pytest.mark.parametrize("state", ["lost", "stopped"])
def test_a_claim_by_a_worker_that_is_not_alive_returns_nothing(state: str) -> None:
    task_id = make_task()
    assert claim(make_worker(state)) == []
    assert row(task_id).state == "queued"


def test_a_claim_leaves_unknown_functions_and_other_queues() -> None:
    make_task(function="elsewhere.unknown")
    make_task(queue="other")
    assert claim(make_worker()) == []


def test_each_attempt_is_claimed_once() -> None:
    make_task()
    assert len(claim(make_worker())) == 1
    assert claim(make_worker()) == []


def test_a_finish_stores_the_result_and_ends_the_attempt() -> None:
    worker_id, task_id = make_worker(), make_task()
    claim(worker_id)
    changed = transitions.finish(
        session,
        worker_id=worker_id,
        outcomes=[Outcome(id=task_id, attempt=1, kind="succeeded", result='{"a":[1]}')],
    )
    assert [(c.id, c.attempt, c.state, c.revision) for c in changed] == [(task_id, 1, State.SUCCEEDED, 3)]
    task = row(task_id)
    assert (task.result, task.worker_id, task.error) == ({"a": [1]}, None, None)
    assert task.finished_at is not None


@pytest.mark.parametrize("wrong", ["attempt", "worker", "state"])
def test_a_finish_with_a_wrong_fence_changes_nothing(wrong: str) -> None:
    worker_id, task_id = make_worker(), make_task()
    if wrong != "state":
        claim(worker_id)
    before = Task.objects.values().get(pk=task_id)
    changed = transitions.finish(
        session,
        worker_id=make_worker() if wrong == "worker" else worker_id,
        outcomes=[
            Outcome(
                id=task_id, attempt=2 if wrong == "attempt" else before["attempt"], kind="failed", error="E"
            )
        ],
    )
    assert changed == []
    assert Task.objects.values().get(pk=task_id) == before
    assert not TaskAttempt.objects.exists()


def test_a_failure_is_kept_with_its_traceback() -> None:
    worker_id, task_id = make_worker(), make_task()
    claim(worker_id)
    transitions.finish(
        session,
        worker_id=worker_id,
        outcomes=[
            Outcome(
                id=task_id,
                attempt=1,
                kind="failed",
                error="ValueError: no",
                error_class="ValueError",
                traceback="T",
            )
        ],
    )
    kept = TaskAttempt.objects.get()
    assert (str(kept.task_id), kept.attempt, kept.kind, kept.error_class, kept.traceback) == (
        task_id,
        1,
        "failure",
        "ValueError",
        "T",
    )
    assert (row(task_id).state, row(task_id).failures) == ("failed", 1)


def test_a_lost_workers_tasks_go_back_with_a_loss_until_the_budget_is_spent() -> None:
    task_id = make_task(max_losses=1)
    for expected in ("queued", "failed"):
        worker_id = make_worker()
        claim(worker_id)
        changed = transitions.reap(session, lost_id=worker_id, seen=0)
        assert changed is not None
        assert [c.state for c in changed] == [expected]
        assert Worker.objects.get(pk=worker_id).state == "lost"
    assert (row(task_id).losses, row(task_id).error) == (2, "worker lost")
    assert [a.kind for a in TaskAttempt.objects.all()] == ["loss", "loss"]


def test_a_worker_that_renewed_is_not_reaped_and_a_lost_one_never_renews() -> None:
    worker_id = make_worker()
    assert transitions.heartbeat(session, worker_id=worker_id)
    assert transitions.reap(session, lost_id=worker_id, seen=0) is None
    assert transitions.reap(session, lost_id=worker_id, seen=1) == []
    assert not transitions.heartbeat(session, worker_id=worker_id)


def test_a_sweep_returns_rows_of_workers_that_are_gone_and_no_others() -> None:
    gone, live = make_worker(), make_worker()
    orphan = make_task(priority=1)
    claim(gone, 1)
    held = make_task()
    claim(live, 1)
    Worker.objects.filter(pk=gone).delete()
    assert [c.id for c in transitions.sweep(session)] == [orphan]
    assert row(held).state == "running"


def test_a_drain_gives_everything_back_without_a_loss_and_ends_the_worker() -> None:
    worker_id, task_id = make_worker(), make_task()
    claim(worker_id)
    transitions.drain(session, worker_id=worker_id)
    task = row(task_id)
    assert (task.state, task.attempt, task.losses, task.worker_id) == ("queued", 1, 0, None)
    assert Worker.objects.get(pk=worker_id).state == "stopped"


def test_a_cancel_ends_a_waiting_task_and_flags_a_running_one_once() -> None:
    worker_id, running = make_worker(), make_task(priority=1)
    claim(worker_id, 1)
    waiting = make_task()
    assert {(c.id, c.state.value) for c in transitions.cancel(session, ids=[running, waiting])} == {
        (running, "running"),
        (waiting, "cancelled"),
    }
    assert transitions.cancel(session, ids=[running, waiting]) == []
    assert transitions.held(session, worker_id=worker_id) == {(running, 1): True}


@pytest.mark.parametrize("way", ["release", "release_lost", "drain", "reap", "failed"])
def test_a_cancel_wins_over_every_way_back(way: str) -> None:
    worker_id, task_id = make_worker(), make_task()
    claim(worker_id)
    transitions.cancel(session, ids=[task_id])
    if way == "release":
        transitions.release(session, worker_id=worker_id, held=[(task_id, 1)])
    elif way == "release_lost":
        transitions.release_lost(session, worker_id=worker_id, held=[(task_id, 1)])
    elif way == "drain":
        transitions.drain(session, worker_id=worker_id)
    elif way == "reap":
        transitions.reap(session, lost_id=worker_id, seen=0)
    else:
        transitions.finish(
            session, worker_id=worker_id, outcomes=[Outcome(id=task_id, attempt=1, kind="failed", error="E")]
        )
    assert row(task_id).state == "cancelled"


def test_an_explicit_retry_clears_budgets_and_flag_and_keeps_the_attempt() -> None:
    worker_id, task_id = make_worker(), make_task()
    claim(worker_id)
    transitions.cancel(session, ids=[task_id])
    transitions.drain(session, worker_id=worker_id)
    transitions.retry(session, ids=[task_id])
    task = row(task_id)
    assert (task.state, task.attempt, task.cancel_requested, task.failures) == ("queued", 1, False, 0)
    assert transitions.retry(session, ids=[task_id]) == []


def test_only_due_tasks_are_promoted() -> None:
    now = datetime.now(UTC)
    due = make_task(state="scheduled", run_at=now - timedelta(seconds=1))
    make_task(state="scheduled", run_at=now + timedelta(hours=1))
    assert [c.id for c in transitions.promote_due(session)] == [due]
    assert transitions.promote_due(session) == []


def test_older_progress_never_replaces_newer() -> None:
    task_id = make_task()
    for attempt, seq, done in [(1, 2, 20), (1, 1, 10), (2, 1, 5), (1, 9, 90)]:
        report = {"id": task_id, "attempt": attempt, "seq": seq, "done": done, "total": 100, "stage": "s"}
        transitions.report_progress(session, [report])
    live = TaskLive.objects.get(pk=task_id)
    assert (live.attempt, live.seq, live.done) == (2, 1, 5)


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "running"},
        {"state": "scheduled"},
        {"state": "succeeded"},
        {"state": "queued", "cancel_requested": True},
        {"state": "odd"},
    ],
)
def test_the_database_refuses_rows_that_contradict_themselves(facts: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        make_task(**facts)
