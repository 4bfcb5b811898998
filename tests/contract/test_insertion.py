"""New rows on every database and session."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connections

from tasks_app import transitions
from tasks_app.database import DjangoSession
from tasks_app.functions import registry
from tasks_app.insertion import NewTask, insert
from tests.contract.store import FUNCTION, Store
from tests.support.servers.postgresql import DJANGO_ALIAS

NOW = datetime(2030, 1, 31, 12, 0, 0, 250_000, UTC)


def new_task(**facts: object) -> NewTask:
    task = NewTask(
        id=str(uuid4()),
        function=registry.by_path(FUNCTION),
        arguments={"number": 3, "text": 'ü "x" %s'},
        queue="default",
        priority=-7,
        run_at=None,
        owner_id=None,
        created_at=NOW,
        unique_key=None,
    )
    return replace(task, **facts)  # type: ignore[arg-type]


def test_rows_are_stored_as_the_orm_reads_them(store: Store) -> None:
    batch = uuid4()
    now, later = new_task(batch=batch), new_task(run_at=NOW + timedelta(hours=1), unique_key="k")
    assert insert(store.session, [now, later]) == {now.id, later.id}
    row = store.row(now.id)
    assert (row.state, row.function, row.arguments, row.priority, row.queue) == (
        "queued",
        FUNCTION,
        now.arguments,
        -7,
        "default",
    )
    assert (row.created_at, row.run_at, row.batch, row.unique_key) == (NOW, None, batch, None)
    assert (row.attempt, row.failures, row.losses, row.revision, row.cancel_requested) == (0, 0, 0, 1, False)
    row = store.row(later.id)
    assert (row.state, row.run_at, row.unique_key, row.batch) == ("scheduled", later.run_at, "k", None)
    [claimed] = store.claim(store.make_worker())
    assert claimed.id == now.id


def test_one_live_task_holds_a_key_and_frees_it_when_it_ends(store: Store) -> None:
    first, second, other = (new_task(unique_key=key) for key in ("k", "k", "l"))
    assert insert(store.session, [first, second, other]) == {first.id, other.id}
    assert insert(store.session, [second]) == set()
    transitions.cancel(store.session, ids=[first.id])
    assert insert(store.session, [second]) == {second.id}


def test_a_retry_replaces_the_arguments_and_the_key(store: Store) -> None:
    task = new_task(unique_key="k")
    insert(store.session, [task])
    transitions.cancel(store.session, ids=[task.id])
    [changed] = transitions.retry(store.session, ids=[task.id], arguments='{"number": 4}', unique_key="m")
    assert (changed.state, changed.id) == ("queued", task.id)
    row = store.row(task.id)
    assert (row.arguments, row.unique_key) == ({"number": 4}, "m")
    transitions.cancel(store.session, ids=[task.id])
    transitions.retry(store.session, ids=[task.id])
    assert (store.row(task.id).arguments, store.row(task.id).unique_key) == ({"number": 4}, "m")


def test_rows_alike_are_stored_each_with_what_is_its_own(store: Store) -> None:
    alike = {"batch": uuid4(), "run_at": NOW + timedelta(hours=1), "owner_id": None}
    first, taken, third = (
        new_task(arguments={"number": number, "text": 'ü\x1f"\\'}, unique_key=key, **alike)
        for number, key in ((1, "a"), (2, "a"), (3, None))
    )
    assert insert(store.session, [first, taken, third]) == {first.id, third.id}
    for task in (first, third):
        row = store.row(task.id)
        assert (row.state, row.arguments, row.unique_key) == ("scheduled", task.arguments, task.unique_key)
        assert (row.batch, row.run_at, row.created_at) == (task.batch, task.run_at, NOW)
        assert (row.priority, row.queue, row.owner_id, row.function) == (-7, "default", None, FUNCTION)


PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%INSERT INTO taskdeck_task%%'"


@pytest.mark.django_db(transaction=True, databases=[DJANGO_ALIAS])
@pytest.mark.parametrize(("threshold", "count"), [(5, 1), (None, 0)])
def test_the_statement_of_a_submit_is_planned_once_a_session_unless_that_is_turned_off(
    threshold: int | None, count: int
) -> None:
    connection = connections[DJANGO_ALIAS]
    connection.close()
    connection.ensure_connection()
    connection.connection.prepare_threshold = threshold
    tasks = [new_task() for _ in range(3)]
    for task in tasks:
        assert insert(DjangoSession(DJANGO_ALIAS, is_preparing=True), [task]) == {task.id}
    with connection.cursor() as cursor:
        cursor.execute(PREPARED, [])
        assert cursor.fetchone() == (count,)
    connection.close()
