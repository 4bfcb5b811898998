"""The rules every database must keep. One set of cases, run on each database and over each session."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError

from tasks_app import transitions
from tasks_app.fleet_wire import LoadDocument
from tasks_app.states import State
from tasks_app.transitions import Outcome, Pulse
from tests.contract.store import Store


def test_a_renewal_tells_whether_the_worker_shall_be_quiet(store: Store) -> None:
    worker_id = store.make_worker()

    def is_quiet() -> bool | None:
        renewal = transitions.heartbeat(
            store.session, worker_id=worker_id, claims_by_message=0, claims_direct=0
        )
        return renewal and renewal.is_quiet

    assert is_quiet() is False
    store.workers.filter(pk=worker_id).update(is_quiet=True)
    assert is_quiet() is True
    store.workers.filter(pk=worker_id).update(state="lost")
    assert is_quiet() is None


def test_a_claim_takes_the_best_first_and_counts_attempt_and_revision(store: Store) -> None:
    low, high = store.make_task(priority=-1), store.make_task(priority=5)
    claimed = store.claim(store.make_worker(), limit=1)
    assert [c.id for c in claimed] == [high]
    assert (store.row(high).state, store.row(high).attempt, store.row(high).revision) == ("running", 1, 2)
    assert store.row(low).state == "queued"
    assert claimed[0].arguments == '{"number": 3}'


def test_the_oldest_is_claimed_whatever_its_priority(store: Store) -> None:
    old, _high = store.make_task(priority=-5), store.make_task(priority=5)
    assert [c.id for c in store.claim(store.make_worker(), limit=1, oldest=True)] == [old]


@pytest.mark.parametrize("state", ["lost", "stopped"])
def test_a_claim_by_a_worker_that_is_not_alive_returns_nothing(store: Store, state: str) -> None:
    task_id = store.make_task()
    assert store.claim(store.make_worker(state)) == []
    assert store.row(task_id).state == "queued"


def test_a_claim_leaves_unknown_functions_and_other_queues(store: Store) -> None:
    store.make_task(function="elsewhere.unknown")
    store.make_task(queue="other")
    assert store.claim(store.make_worker()) == []


def test_each_attempt_is_claimed_once(store: Store) -> None:
    store.make_task()
    assert len(store.claim(store.make_worker())) == 1
    assert store.claim(store.make_worker()) == []


def test_a_finish_stores_the_result_and_ends_the_attempt(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    store.claim(worker_id)
    changed = transitions.finish(
        store.session,
        worker_id=worker_id,
        outcomes=[Outcome(id=task_id, attempt=1, kind="succeeded", result='{"a":[1]}')],
    )
    assert [(c.id, c.attempt, c.state, c.revision) for c in changed] == [(task_id, 1, State.SUCCEEDED, 3)]
    task = store.row(task_id)
    assert (task.result, task.worker_id, task.error) == ({"a": [1]}, None, None)
    assert task.finished_at is not None


@pytest.mark.parametrize(
    "text", ["", "NULL", "a, b", "{1}", '"', "\\", 'a\\"b\\\\', "\ttab\nline ", "ä漢😀"], ids=ascii
)
def test_whatever_a_result_or_an_error_says_is_stored_as_it_is(store: Store, text: str) -> None:
    worker_id, ids = store.make_worker(), [store.make_task(), store.make_task(), store.make_task()]
    store.claim(worker_id, 3)
    well = Outcome(id=ids[0], attempt=1, kind="succeeded", result=json.dumps([text]))
    badly = Outcome(id=ids[1], attempt=1, kind="failed", error=text)
    neither = Outcome(id=ids[2], attempt=1, kind="failed")
    transitions.finish(store.session, worker_id=worker_id, outcomes=[well, badly, neither])
    assert [(store.row(id_).result, store.row(id_).error) for id_ in ids] == [
        ([text], None),
        (None, text),
        (None, None),
    ]


@pytest.mark.parametrize("wrong", ["attempt", "worker", "state"])
def test_a_finish_with_a_wrong_fence_changes_nothing(store: Store, wrong: str) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    if wrong != "state":
        store.claim(worker_id)
    before = store.tasks.values().get(pk=task_id)
    changed = transitions.finish(
        store.session,
        worker_id=store.make_worker() if wrong == "worker" else worker_id,
        outcomes=[
            Outcome(
                id=task_id, attempt=2 if wrong == "attempt" else before["attempt"], kind="failed", error="E"
            )
        ],
    )
    assert changed == []
    assert store.tasks.values().get(pk=task_id) == before
    assert not store.attempts.exists()


def test_a_failure_is_kept_with_its_traceback(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    store.claim(worker_id)
    transitions.finish(
        store.session,
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
    kept = store.attempts.get()
    assert (str(kept.task_id), kept.attempt, kept.kind, kept.error_class, kept.traceback) == (
        task_id,
        1,
        "failure",
        "ValueError",
        "T",
    )
    assert (store.row(task_id).state, store.row(task_id).failures) == ("failed", 1)


def test_a_lost_workers_tasks_go_back_with_a_loss_until_the_budget_is_spent(store: Store) -> None:
    task_id = store.make_task(max_losses=1)
    for expected in ("queued", "failed"):
        worker_id = store.make_worker()
        store.claim(worker_id)
        changed = transitions.reap(store.session, lost_id=worker_id, seen=0)
        assert changed is not None
        assert [c.state for c in changed] == [expected]
        assert store.workers.get(pk=worker_id).state == "lost"
    assert (store.row(task_id).losses, store.row(task_id).error) == (2, "worker lost")
    assert [a.kind for a in store.attempts] == ["loss", "loss"]


def test_a_heartbeat_notes_claims_and_messages(store: Store) -> None:
    worker_id = store.make_worker()
    assert store.workers.get(pk=worker_id).messages == {}
    counted = {"malformed": 3, "unknown": 1}
    assert transitions.heartbeat(
        store.session, worker_id=worker_id, claims_by_message=5, claims_direct=2, messages=counted
    )
    row = store.workers.get(pk=worker_id)
    assert (row.claims_by_message, row.claims_direct, row.messages) == (5, 2, counted)


def test_a_worker_that_renewed_is_not_reaped_and_a_lost_one_never_renews(store: Store) -> None:
    worker_id = store.make_worker()
    assert transitions.heartbeat(store.session, worker_id=worker_id, claims_by_message=5, claims_direct=2)
    assert transitions.reap(store.session, lost_id=worker_id, seen=0) is None
    assert transitions.reap(store.session, lost_id=worker_id, seen=1) == []
    assert not transitions.heartbeat(store.session, worker_id=worker_id, claims_by_message=5, claims_direct=2)


def test_a_sweep_returns_rows_of_workers_that_are_gone_and_no_others(store: Store) -> None:
    gone, live = store.make_worker(), store.make_worker()
    orphan = store.make_task(priority=1)
    store.claim(gone, 1)
    held = store.make_task()
    store.claim(live, 1)
    store.workers.filter(pk=gone).delete()
    assert [c.id for c in transitions.sweep(store.session)] == [orphan]
    assert store.row(held).state == "running"


def test_a_drain_gives_everything_back_without_a_loss_and_ends_the_worker(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    store.claim(worker_id)
    transitions.drain(store.session, worker_id=worker_id)
    task = store.row(task_id)
    assert (task.state, task.attempt, task.losses, task.worker_id) == ("queued", 1, 0, None)
    assert store.workers.get(pk=worker_id).state == "stopped"


def test_a_cancel_ends_a_waiting_task_and_flags_a_running_one_once(store: Store) -> None:
    worker_id, running = store.make_worker(), store.make_task(priority=1)
    store.claim(worker_id, 1)
    waiting = store.make_task()
    assert {(c.id, c.state.value) for c in transitions.cancel(store.session, ids=[running, waiting])} == {
        (running, "running"),
        (waiting, "cancelled"),
    }
    assert transitions.cancel(store.session, ids=[running, waiting]) == []
    assert transitions.held(store.session, worker_id=worker_id) == {(running, 1): True}


@pytest.mark.parametrize("way", ["release", "release_lost", "drain", "reap", "failed"])
def test_a_cancel_wins_over_every_way_back(store: Store, way: str) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    store.claim(worker_id)
    transitions.cancel(store.session, ids=[task_id])
    if way == "release":
        transitions.release(store.session, worker_id=worker_id, held=[(task_id, 1)])
    elif way == "release_lost":
        transitions.release_lost(store.session, worker_id=worker_id, held=[(task_id, 1)])
    elif way == "drain":
        transitions.drain(store.session, worker_id=worker_id)
    elif way == "reap":
        transitions.reap(store.session, lost_id=worker_id, seen=0)
    else:
        transitions.finish(
            store.session,
            worker_id=worker_id,
            outcomes=[Outcome(id=task_id, attempt=1, kind="failed", error="E")],
        )
    assert store.row(task_id).state == "cancelled"


def test_an_explicit_retry_clears_budgets_and_flag_and_keeps_the_attempt(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    store.claim(worker_id)
    transitions.cancel(store.session, ids=[task_id])
    transitions.drain(store.session, worker_id=worker_id)
    transitions.retry(store.session, ids=[task_id])
    task = store.row(task_id)
    assert (task.state, task.attempt, task.cancel_requested, task.failures) == ("queued", 1, False, 0)
    assert transitions.retry(store.session, ids=[task_id]) == []


def test_only_due_tasks_are_promoted(store: Store) -> None:
    now = datetime.now(UTC)
    due = store.make_task(state="scheduled", run_at=now - timedelta(seconds=1))
    store.make_task(state="scheduled", run_at=now + timedelta(hours=1))
    assert [c.id for c in transitions.promote_due(store.session)] == [due]
    assert transitions.promote_due(store.session) == []


def test_older_progress_never_replaces_newer(store: Store) -> None:
    task_id = store.make_task()
    for attempt, seq, done in [(1, 2, 20), (1, 1, 10), (2, 1, 5), (1, 9, 90)]:
        report = {"id": task_id, "attempt": attempt, "seq": seq, "done": done, "total": 100, "stage": "s"}
        transitions.report_progress(store.session, [report])
    live = store.live.get(pk=task_id)
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
def test_the_database_refuses_rows_that_contradict_themselves(store: Store, facts: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        store.make_task(**facts)


def test_each_live_worker_tells_its_counter_and_its_own_lease(store: Store) -> None:
    me, other = store.make_worker(), store.make_worker()
    store.make_worker("lost")
    transitions.heartbeat(store.session, worker_id=other, claims_by_message=0, claims_direct=0)
    store.workers.filter(pk=other).update(lease_seconds=4)
    assert transitions.alive_others(store.session, worker_id=me) == {other: Pulse(1, 4.0)}


def test_a_heartbeat_without_a_load_keeps_the_last(store: Store) -> None:
    worker_id = store.make_worker()
    beat = {"worker_id": worker_id, "claims_by_message": 0, "claims_direct": 0}
    load: LoadDocument = {"every_seconds": 15.0, "rss_mib": [80, 90], "cpu_cores": [0.1, 1.5]}
    transitions.heartbeat(store.session, **beat)
    assert store.workers.get().load is None
    transitions.heartbeat(store.session, **beat, load=load)
    transitions.heartbeat(store.session, **beat)
    assert store.workers.get().load == load
