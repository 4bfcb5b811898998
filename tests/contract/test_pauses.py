"""A paused queue is held back inside the claim, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tasks_app import transitions
from tasks_app.models import QueuePause
from tests.contract.store import FUNCTION, Store

HOUR = timedelta(hours=1)


def pause(store: Store, queue: str, *, until: datetime | None = None) -> None:
    QueuePause.objects.using(store.using).create(queue=queue, paused_at=datetime.now(UTC), ends_at=until)


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


def test_no_claim_takes_from_a_queue_before_its_pause_ends(store: Store) -> None:
    worker_id, task_id = store.make_worker(), store.make_task()
    pause(store, "default", until=datetime.now(UTC) + HOUR)
    assert store.claim(worker_id) == []
    assert store.claim(worker_id, limit=1, oldest=True) == []
    assert claim_ids(store, worker_id, [task_id]) == []


def test_every_claim_takes_from_a_queue_whose_pause_has_ended_though_nobody_lifted_it(store: Store) -> None:
    worker_id = store.make_worker()
    first, second, third = (store.make_task() for _ in range(3))
    pause(store, "default", until=datetime.now(UTC) - timedelta(milliseconds=1))
    assert [c.id for c in store.claim(worker_id, limit=1, oldest=True)] == [first]
    assert [c.id for c in claim_ids(store, worker_id, [third])] == [third]
    assert [c.id for c in store.claim(worker_id)] == [second]


def test_only_the_pauses_that_have_ended_are_removed_and_once(store: Store) -> None:
    now = datetime.now(UTC)
    for queue, until in (("over", now - HOUR), ("later", now + HOUR), ("forever", None)):
        pause(store, queue, until=until)
    assert transitions.end_pauses(store.session) == ["over"]
    assert transitions.end_pauses(store.session) == []
    left = QueuePause.objects.using(store.using).values_list("queue", flat=True)
    assert sorted(left) == ["forever", "later"]
