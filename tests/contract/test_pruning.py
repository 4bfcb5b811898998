"""Which tasks retention deletes, what goes with them, and what stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import connections

from tasks_app import pruning
from tasks_app.models import IdempotencyKey, TaskAttempt, TaskBatch, TaskLive, TaskLog, Worker
from tasks_app.pruning import START, Pass, Retention, first_id, forget_leftovers, prune_step
from tasks_app.states import HELD
from tests.contract.conftest import each_way
from tests.contract.store import Store
from worker import lanes
from worker.lanes import Lane
from worker.pruner import Pruner

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
WEEK_AND_MONTH = Retention(succeeded=timedelta(days=7), failed=timedelta(days=30))


def old_task(store: Store, state: str, days: float, **facts: Any) -> str:
    """A task that was made, and ended where its state says so, some days before NOW."""
    at = NOW - timedelta(days=days)
    ended = {"finished_at": at} if state in ("succeeded", "failed", "cancelled") else {}
    made = UUID(int=UUID(first_id(at)).int | 7 << 76 | 2 << 62 | uuid4().int % 2**62)
    return store.make_task(id=made, state=state, created_at=at, **(ended | facts))


def pruned(store: Store, *, limit: int = 500, retention: Retention = WEEK_AND_MONTH) -> int:
    """One whole pass."""
    count, after = 0, START
    while after:
        step = prune_step(store.session, retention, after=after, now=NOW, limit=limit)
        assert step is not None
        count, after = count + step.deleted, step.after or ""
    return count


def left(store: Store) -> set[str]:
    return {str(task_id) for task_id in store.tasks.values_list("pk", flat=True)}


def test_each_state_has_its_time(store: Store) -> None:
    stays = {
        old_task(store, "succeeded", 6.9),
        old_task(store, "cancelled", 6.9),
        old_task(store, "failed", 29.9),
        old_task(store, "queued", 90),
        old_task(store, "scheduled", 90, run_at=NOW),
        old_task(store, "running", 90, worker_id=store.make_worker()),
    }
    for state, days in (("succeeded", 7.1), ("cancelled", 7.1), ("failed", 30.1)):
        old_task(store, state, days)
    assert pruned(store) == 3
    assert left(store) == stays
    assert pruned(store) == 0


def test_no_row_of_a_deleted_task_is_looked_for_by_a_constraint(store: Store) -> None:
    """A foreign key to the task table asks for each deleted task by itself: two were 40 % of a pass."""
    table = store.tasks.model._meta.db_table
    pointing = [
        (model._meta.db_table, column)
        for model in apps.get_app_config("tasks_app").get_models()
        for column, (_, target) in foreign_keys(store, model._meta.db_table).items()
        if target == table
    ]
    assert pointing == []


def foreign_keys(store: Store, table: str) -> dict[str, tuple[str, str]]:
    connection = connections[store.tasks.db]
    with connection.cursor() as cursor:
        found: dict[str, tuple[str, str]] = connection.introspection.get_relations(cursor, table)
        return {column: (other[0], other[1]) for column, other in found.items()}


def test_a_task_that_ran_for_long_is_as_old_as_its_end(store: Store) -> None:
    old_task(store, "succeeded", 60, finished_at=NOW - timedelta(days=1))
    assert pruned(store) == 0


def test_small_steps_reach_everything(store: Store) -> None:
    kept = {old_task(store, "failed", 10 + number) for number in range(5)}
    for number in range(11):
        old_task(store, "succeeded", 10 + number)
    assert pruned(store, limit=3) == 11
    assert left(store) == kept


def test_what_belongs_to_a_task_goes_with_it(store: Store) -> None:
    gone, stays = old_task(store, "failed", 31), old_task(store, "failed", 29)
    for task_id in (gone, stays):
        common = {"task_id": task_id, "attempt": 1}
        store._rows(TaskAttempt).create(**common, kind="failure", finished_at=NOW)
        store._rows(TaskLive).create(**common, updated_at=NOW)
        store._rows(TaskLog).create(**common, seq=1, at=NOW, level="INFO", text="x")
    assert pruned(store) == 1
    for model in (TaskAttempt, TaskLive, TaskLog):
        assert [str(row.task_id) for row in store._rows(model)] == [stays]


@pytest.mark.parametrize(
    ("last", "then", "deleted"),
    [
        ("queued", "scheduled", 0),
        ("succeeded", "scheduled", 0),
        ("succeeded", "queued", 0),
        ("failed", "succeeded", 3),
    ],
)
def test_a_batch_stays_until_all_of_it_and_its_successor_have_ended(
    store: Store, last: str, then: str, deleted: int
) -> None:
    batch = uuid4()
    held = {"run_at": HELD} if then == "scheduled" else {}
    successor = old_task(store, then, 40, **held)
    store._rows(TaskBatch).create(id=batch, created_at=NOW, size=2, then_task_id=successor)
    old_task(store, "succeeded", 40, batch=batch)
    old_task(store, last, 40, batch=batch)
    assert pruned(store) == deleted
    assert store._rows(TaskBatch).exists() == (not deleted)


def test_a_cancelled_successor_stays_while_its_batch_runs(store: Store) -> None:
    batch, then = uuid4(), old_task(store, "cancelled", 40)
    store._rows(TaskBatch).create(id=batch, created_at=NOW, size=1, then_task_id=then)
    old_task(store, "running", 40, batch=batch, worker_id=store.make_worker())
    assert pruned(store) == 0


def test_a_batch_is_kept_for_the_last_of_its_tasks(store: Store) -> None:
    batch = uuid4()
    store._rows(TaskBatch).create(id=batch, created_at=NOW, size=2)
    old_task(store, "succeeded", 10, batch=batch)
    failed = old_task(store, "failed", 10, batch=batch)
    assert pruned(store) == 1
    assert left(store) == {failed}
    assert store._rows(TaskBatch).exists()


@pytest.mark.parametrize("which", ["succeeded", "failed"])
def test_one_kind_may_be_kept_for_ever(store: Store, which: str) -> None:
    kept = old_task(store, which, 9000)
    old_task(store, "failed" if which == "succeeded" else "succeeded", 9000)
    days = {"succeeded": timedelta(days=7), "failed": timedelta(days=7), which: None}
    assert pruned(store, retention=Retention(**days)) == 1
    assert left(store) == {kept}
    assert pruned(store, retention=Retention(succeeded=None, failed=None)) == 0


def test_a_step_that_breaks_off_deletes_nothing(store: Store) -> None:
    """The connection is lost before the task's own row goes; the next pass does all of it."""
    task_id = old_task(store, "failed", 31)
    store._rows(TaskAttempt).create(task_id=task_id, attempt=1, kind="failure", finished_at=NOW)

    class Lost(Exception):
        pass

    class Breaking:
        vendor = store.session.vendor
        transaction = store.session.transaction

        def rows(self, sql: str, params: Any) -> Any:
            if sql.startswith("DELETE FROM taskdeck_task WHERE"):
                raise Lost
            return store.session.rows(sql, params)

    with pytest.raises(Lost):
        prune_step(Breaking(), WEEK_AND_MONTH, now=NOW)
    assert store._rows(TaskAttempt).count() == 1
    assert pruned(store) == 1
    assert not store._rows(TaskAttempt).exists()


def test_a_dry_run_counts_and_deletes_nothing(store: Store) -> None:
    task_id = old_task(store, "succeeded", 8)
    step = prune_step(store.session, WEEK_AND_MONTH, now=NOW, dry_run=True)
    assert step is not None
    assert step.deleted == 1
    assert left(store) == {task_id}


def test_expired_keys_and_workers_that_ended_long_ago_are_forgotten(store: Store) -> None:
    for digest, days in (("old", 2), ("new", 0.5)):
        created_at = NOW - timedelta(days=days)
        store._rows(IdempotencyKey).create(digest=digest, body="", created_at=created_at)
    ended = {days: store.make_worker("stopped") for days in (6, 8)}
    for days, worker_id in ended.items():
        store.workers.filter(pk=worker_id).update(stopped_at=NOW - timedelta(days=days))
    alive = store.make_worker()
    forget_leftovers(store.session, WEEK_AND_MONTH, now=NOW)
    assert [row.digest for row in store._rows(IdempotencyKey)] == ["new"]
    assert {str(row.pk) for row in store._rows(Worker)} == {ended[6], alive}


@pytest.fixture
def referred(store: Store) -> Iterator[str]:
    """An old task that a table of the project refers to, with a constraint as Django makes them."""
    task_id = old_task(store, "succeeded", 900)
    kind = store.row(task_id)._meta.pk.db_type(connections[store.using])
    with connections[store.using].cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE shop_order (task_id {kind} REFERENCES taskdeck_task (id)"
            " DEFERRABLE INITIALLY DEFERRED)"
        )
        cursor.execute("INSERT INTO shop_order SELECT id FROM taskdeck_task")
    yield task_id
    with connections[store.using].cursor() as cursor:
        cursor.execute("DROP TABLE shop_order")


def test_a_task_that_the_project_refers_to_stays_and_holds_up_no_other(store: Store, referred: str) -> None:
    for days in range(300, 312):
        old_task(store, "succeeded", days)
    recent = old_task(store, "succeeded", 1)
    walk = Pass(retention=WEEK_AND_MONTH, now=NOW)
    while not walk.is_over:
        assert walk.step(store.session)
    assert (walk.deleted, walk.refused) == (12, {referred})
    assert left(store) == {referred, recent}
    assert "foreign key" in walk.why.lower()
    again = Pass(retention=WEEK_AND_MONTH, now=NOW, refused=walk.refused)
    assert again.step(store.session)
    assert (again.is_over, again.why) == (True, "")


@pytest.mark.parametrize("store", [way for way in each_way() if way.id == "postgresql-own"], indirect=True)
def test_beyond_a_number_refused_steps_are_passed_over_whole(
    store: Store, referred: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MOST_REFUSED", 0)
    walk = Pass(retention=WEEK_AND_MONTH, now=NOW)
    assert walk.step(store.session)
    assert (walk.is_over, walk.deleted, walk.refused) == (True, 0, set())
    assert left(store) == {referred}


@pytest.mark.parametrize("store", [way for way in each_way() if way.id == "postgresql-own"], indirect=True)
def test_a_foreign_key_of_the_project_ends_no_worker(
    store: Store, referred: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lanes, "open_session", lambda: store.session)
    lane = Lane("prune")

    async def until_refused() -> None:
        pruner = asyncio.create_task(Pruner(lane, WEEK_AND_MONTH).run())
        async with asyncio.timeout(20):
            while "old tasks cannot be deleted, 1 of them" not in caplog.text and not pruner.done():
                await asyncio.sleep(0.01)
        assert not pruner.done()
        pruner.cancel()

    try:
        asyncio.run(until_refused())
        assert left(store) == {referred}
    finally:
        lane.close()
        lane.thread.join()
