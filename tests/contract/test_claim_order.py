"""Claims of one session, one after the other: the best of what waits now, and nothing is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tasks_app import transitions
from tasks_app.models import QueuePause
from tests.contract.store import Store


def claimed(store: Store, worker_id: str, limit: int) -> list[str]:
    return [one.id for one in store.claim(worker_id, limit)]


def test_claims_take_the_best_first_over_many_claims(store: Store) -> None:
    worker_id = store.make_worker()
    made = [(-(n * 7 % 5), store.make_task(priority=n * 7 % 5)) for n in range(24)]
    taken = [task_id for _ in range(8) for task_id in claimed(store, worker_id, 3)]
    assert taken == [task_id for _, task_id in sorted(made)]


def test_an_urgent_newcomer_is_claimed_next_between_and_above_known_priorities(store: Store) -> None:
    worker_id = store.make_worker()
    known = [store.make_task(priority=priority) for priority in (4, 4, 0, 0, 0, 0)]
    assert claimed(store, worker_id, 3) == known[:3]
    for priority in (2, 9, 4, 0):
        newcomer = store.make_task(priority=priority)
        expected = newcomer if priority else known[3]
        assert claimed(store, worker_id, 1) == [expected]
    assert claimed(store, worker_id, 10) == [*known[4:], newcomer]


def test_a_lower_priority_follows_when_the_higher_has_ended(store: Store) -> None:
    worker_id = store.make_worker()
    low, *high = [store.make_task(priority=priority) for priority in (-3, 1, 1, 1)]
    assert claimed(store, worker_id, 2) == high[:2]
    assert claimed(store, worker_id, 10) == [high[2], low]


@pytest.mark.parametrize("priority", [0, 5])
def test_a_task_that_was_given_back_is_claimed_again_at_once_when_nothing_else_waits(
    store: Store, priority: int
) -> None:
    worker_id = store.make_worker()
    first, *others = [store.make_task(priority=priority) for _ in range(3)]
    for _ in range(3):
        store.claim(worker_id, 1)
    transitions.release(store.session, worker_id=worker_id, held=[(first, 1)])
    assert claimed(store, worker_id, 2) == [first]
    assert claimed(store, worker_id, 2) == []
    assert {store.row(task_id).attempt for task_id in others} == {1}


def test_a_later_claim_keeps_the_rules_of_the_first(store: Store) -> None:
    """Only for a worker that is alive, of an open queue, of known functions."""
    worker_id = store.make_worker()
    tasks = [store.make_task() for _ in range(4)]
    strange = store.make_task(function="elsewhere.unknown")
    assert claimed(store, worker_id, 1) == tasks[:1]
    QueuePause.objects.using(store.using).create(queue="default", paused_at=datetime.now(UTC))
    assert claimed(store, worker_id, 1) == []
    QueuePause.objects.using(store.using).all().delete()
    assert claimed(store, store.make_worker("lost"), 1) == []
    assert claimed(store, worker_id, 1) == tasks[1:2]
    assert claimed(store, worker_id, 10) == tasks[2:]
    assert store.row(strange).state == "queued"
