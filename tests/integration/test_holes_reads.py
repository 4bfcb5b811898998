"""Holes in what readers are shown and submitters are told, through the API, with the rule and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from tasks_app import bulk, redis_client, selectors, transitions
from tasks_app import submit as submit_module
from tasks_app.access import access_of
from tasks_app.bulk import act_on_ids
from tasks_app.database import DjangoSession
from tasks_app.errors import DatabaseUnavailable, StatementRefused
from tasks_app.functions import registry
from tasks_app.models import Task
from tasks_app.redis_client import result_key
from tasks_app.states import TERMINAL
from tasks_app.transitions import Outcome
from tests.contract.store import Store
from tests.protocol.rules import with_and_without_the_rule
from tests.support import unique_tasks
from tests.support.api import post

pytestmark = pytest.mark.django_db(transaction=True)
Patch = pytest.MonkeyPatch


@pytest.fixture
def store() -> Store:
    return Store(DjangoSession(), "default")


@pytest.fixture
def results(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client
        client.flushdb()


@pytest.fixture
def functions(monkeypatch: Patch) -> None:
    __import__("tasks_app.api.urls")  # before, so that the paths of the site stay its own
    for name in ("_by_slug", "_by_path", "faults"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    registry.add_module("tests.support.unique_tasks")


def run(store: Store, task_id: str, result: str | None) -> int:
    """Claim and finish; None: in vain. The attempt."""
    worker, path = store.make_worker(), Task.objects.get(pk=task_id).function
    facts = {"worker_id": worker, "node": "n", "ids": [task_id], "functions": [path]}
    [claimed] = transitions.claim_ids(store.session, **facts)
    kind = "failed" if result is None else "succeeded"
    outcome = Outcome(id=task_id, attempt=claimed.attempt, kind=kind, result=result, error="E")
    transitions.finish(store.session, worker_id=worker, outcomes=[outcome])
    return claimed.attempt


@with_and_without_the_rule
def test_the_state_comes_from_the_row_whatever_redis_still_holds(
    api: Client, store: Store, results: redis.Redis, monkeypatch: Patch, is_kept: bool
) -> None:
    """The user retried, and the old result was not deleted, or arrived late."""
    if not is_kept:

        def from_redis_first(task: Task) -> Any:
            text = results.get(result_key(str(task.pk), 1))
            return json.loads(text) if text is not None else task.result

        monkeypatch.setattr(selectors, "_result", from_redis_first)
    url = post(api, "/api/functions/fibonacci/", {"number": 5}).json()["url"]
    task_id = url.rstrip("/").rpartition("/")[2]
    run(store, task_id, '"old"')
    results.set(result_key(task_id, 1), '"old"')
    assert api.get(url).json()["result"] == "old"

    assert post(api, f"{url}retry/").status_code == 202

    shown = api.get(url).json()
    assert (shown["state"], shown["result"]) == ("queued", None if is_kept else "old")


@with_and_without_the_rule
def test_a_result_that_comes_late_is_that_of_its_own_attempt(
    api: Client, store: Store, results: redis.Redis, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        monkeypatch.setattr(redis_client, "result_key", lambda task_id, attempt: f"result:{task_id}")
    url = post(api, "/api/functions/fibonacci/", {"number": 5}).json()["url"]
    task_id = url.rstrip("/").rpartition("/")[2]
    first = run(store, task_id, '"old"')
    transitions.retry(store.session, ids=[task_id])
    second = run(store, task_id, '"new"')
    results.set(redis_client.result_key(task_id, second), '"new"')

    results.set(redis_client.result_key(task_id, first), '"old"')  # by a slow worker

    assert api.get(url).json()["result"] == ("new" if is_kept else "old")


@with_and_without_the_rule
def test_progress_of_an_older_attempt_is_not_shown(
    api: Client, store: Store, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        shown = selectors._progress

        def of_any_attempt(task: Task) -> Any:
            task.attempt = task.live.attempt
            return shown(task)

        monkeypatch.setattr(selectors, "_progress", of_any_attempt)
    url = post(api, "/api/functions/fibonacci/", {"number": 5}).json()["url"]
    task_id = url.rstrip("/").rpartition("/")[2]
    attempt = run(store, task_id, None)
    report = {"id": task_id, "attempt": attempt, "seq": 1, "done": 3, "total": 4, "stage": "old"}
    transitions.report_progress(store.session, [report])
    transitions.retry(store.session, ids=[task_id])
    worker = store.make_worker()
    transitions.claim_ids(
        store.session, worker_id=worker, node="n", ids=[task_id], functions=[Task.objects.get().function]
    )
    assert (api.get(url).json()["progress"] is None) is is_kept


@with_and_without_the_rule
def test_a_page_is_known_by_all_it_shows(
    api: Client, store: Store, monkeypatch: Patch, is_kept: bool
) -> None:
    """The maximum of a number does not change when a lower number is committed later."""
    if not is_kept:
        monkeypatch.setattr(
            selectors, "_etag", lambda tasks: selectors.digest([max(task.revision for task in tasks)])
        )
    quiet, busy = (post(api, "/api/functions/fibonacci/", {"number": 5}).json()["task_id"] for _ in range(2))
    run(store, busy, "1")
    known = api.get("/api/tasks/")
    transitions.cancel(store.session, ids=[quiet])  # and its event is lost
    again = api.get("/api/tasks/", headers={"If-None-Match": known["ETag"]})
    assert again.status_code == (200 if is_kept else 304)


@with_and_without_the_rule
def test_a_unique_submit_while_the_holder_ends_has_an_answer(
    store: Store, functions: None, monkeypatch: Patch, is_kept: bool
) -> None:
    """The insert meets the live row; before that is looked up, it ends."""
    if not is_kept:
        monkeypatch.setattr(submit_module, "MOST_ROUNDS", 1)
    holder = unique_tasks.rebuilds.enqueue(index="a").id
    look = submit_module._live_by_key

    def look_late(keys: list[str]) -> Any:
        if Task.objects.get(pk=holder).state not in TERMINAL:
            run(store, holder, None)
        return look(keys)

    monkeypatch.setattr(submit_module, "_live_by_key", look_late)
    if is_kept:
        assert unique_tasks.rebuilds.enqueue(index="a").id != holder
        return
    with pytest.raises(DatabaseUnavailable):
        unique_tasks.rebuilds.enqueue(index="a")


@with_and_without_the_rule
def test_one_conflict_in_a_bulk_retry_holds_no_other_back(
    store: Store, functions: None, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:

        def all_at_once(session: DjangoSession, ids: list[str]) -> Any:
            with transaction.atomic():
                return transitions.retry(session, ids=ids)

        monkeypatch.setattr(bulk, "_retry", all_at_once)
    ended = [unique_tasks.rebuilds.enqueue(index=index).id for index in ("a", "b", "c")]
    for task_id in ended:
        run(store, task_id, None)
    unique_tasks.rebuilds.enqueue(index="b")  # holds the key of the second
    everyone = access_of(User.objects.create_superuser("root"))
    ids = [Task.objects.get(pk=pk).pk for pk in ended]
    if is_kept:
        assert act_on_ids(access=everyone, act="retry", ids=ids).changed == 2
    else:
        with pytest.raises(StatementRefused):
            act_on_ids(access=everyone, act="retry", ids=ids)
    states = [Task.objects.get(pk=pk).state for pk in ended]
    assert states == (["queued", "failed", "queued"] if is_kept else ["failed"] * 3)
