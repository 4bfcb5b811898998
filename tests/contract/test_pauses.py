"""A paused queue is held back inside the claim, on every database."""

from __future__ import annotations

from datetime import UTC, datetime

from tasks_app import transitions
from tasks_app.models import QueuePause
from tests.contract.store import FUNCTION, Store


def pause(store: Store, queue: str) -> None:
    QueuePause.objects.using(store.using).create(queue=queue, paused_at=datetime.now(UTC))


def claim_ids(store: Store, worker_id: str, ids: list[str]) -> list[transitions.Claimed]:
    return transitions.claim_ids(store.session, worker_id=worker_id, node="n1", ids=ids, functions=[FUNCTION])


def test_no_claim_takes_from_a_paused_queue(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    pause(store, "default")
    assert store.claim(worker_id) == []
    assert store.claim(worker_id, limit=1, oldest=True) == []
    assert claim_ids(store, worker_id, [task_id]) == []
    assert store.row(task_id).revision == 1


def test_a_pause_of_another_queue_holds_nothing_back(store: Store) -> None:
    worker_id = store.make_worker()
    first, second = store.make_task(), store.make_task()
    paused = store.make_task(queue="other")
    pause(store, "other")
    assert [c.id for c in claim_ids(store, worker_id, [first, paused])] == [first]
    assert [c.id for c in store.claim(worker_id)] == [second]


def test_after_the_pause_all_are_claimed_and_what_ran_could_end(store: Store) -> None:
    worker_id, running = store.make_worker(), store.make_task()
    store.claim(worker_id)
    pause(store, "default")
    waiting = store.make_task()
    outcome = transitions.Outcome(id=running, attempt=1, kind="succeeded", result="1")
    assert len(transitions.finish(store.session, worker_id=worker_id, outcomes=[outcome])) == 1
    assert store.claim(worker_id) == []
    QueuePause.objects.using(store.using).all().delete()
    assert [c.id for c in store.claim(worker_id)] == [waiting]
