"""Bulk, idempotency keys, unique functions and edited retries, as a client meets them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client

from tasks_app import submit as submit_module
from tasks_app import transitions
from tasks_app.access import access_of
from tasks_app.batches import enqueue_many
from tasks_app.bulk import act_on_ids
from tasks_app.database import DjangoSession
from tasks_app.errors import InvalidArguments
from tasks_app.functions import registry
from tasks_app.models import IdempotencyKey, Task
from tasks_app.transitions import Outcome
from tests.contract.store import Store
from tests.support import unique_tasks
from tests.support.api import fields_of, post

pytestmark = pytest.mark.django_db(transaction=True)
FIBONACCI = {"function": "fibonacci", "arguments": {"number": 3}}


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    __import__("tasks_app.api.urls")  # before, so that the paths of the site stay its own
    for name in ("_by_slug", "_by_path", "faults"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    registry.add_module("tests.support.unique_tasks")


def end(task_id: str) -> None:
    """Run it in vain."""
    store = Store(DjangoSession(), DEFAULT_DB_ALIAS)
    worker, path = store.make_worker(), Task.objects.get(pk=task_id).function
    facts = {"worker_id": worker, "node": "n", "ids": [task_id], "functions": [path]}
    [claimed] = transitions.claim_ids(store.session, **facts)
    outcome = Outcome(id=task_id, attempt=claimed.attempt, kind="failed", error="E")
    transitions.finish(store.session, worker_id=worker, outcomes=[outcome])


# --- bulk


def test_a_bulk_is_one_batch_in_the_order_given(api: Client) -> None:
    tasks = [{**FIBONACCI, "arguments": {"number": n}, "priority": n} for n in range(20)]
    answer = post(api, "/api/tasks/bulk/", {"tasks": tasks})
    assert answer.status_code == 202, answer.content
    batch = answer.json()
    ids = [task["task_id"] for task in batch["tasks"]]
    assert [Task.objects.get(pk=pk).arguments["number"] for pk in ids] == list(range(20))
    assert {str(task.batch) for task in Task.objects.all()} == {batch["batch"]}
    post(api, "/api/tasks/", FIBONACCI)
    listed = api.get(batch["url"]).json()["results"]
    assert {row["id"] for row in listed} == set(ids)
    assert {row["batch"] for row in listed} == {batch["batch"]}


def test_a_batch_is_cancelled_and_its_failures_retried_by_the_filter(api: Client) -> None:
    batch = post(api, "/api/tasks/bulk/", {"tasks": [FIBONACCI] * 4}).json()
    other = post(api, "/api/tasks/", FIBONACCI).json()["task_id"]
    first = batch["tasks"][0]["task_id"]
    end(first)
    wanted = {"batch": batch["batch"]}
    cancelled = post(api, "/api/tasks/actions/", {"action": "cancel", "filter": wanted}).json()
    assert cancelled["changed"] == 3
    assert Task.objects.get(pk=other).state == "queued"
    failed = {**wanted, "state": ["failed"]}
    assert post(api, "/api/tasks/actions/", {"action": "retry", "filter": failed}).json()["changed"] == 1
    assert Task.objects.get(pk=first).state == "queued"


def test_one_fault_stores_nothing_and_every_fault_is_named(api: Client) -> None:
    tasks = [
        FIBONACCI,
        {"function": "fibonacci", "arguments": {"number": 99}},
        {"function": "nothing"},
        7,
        {**FIBONACCI, "priority": 1000, "colour": 1},
        {**FIBONACCI, "priority": 1000},
        {**FIBONACCI, "run_after": "soon"},
    ]
    assert fields_of(post(api, "/api/tasks/bulk/", {"tasks": tasks})) == [
        "tasks.1.arguments.number",
        "tasks.2.function",
        "tasks.3",
        "tasks.4.colour",
        "tasks.5.priority",
        "tasks.6.run_after",
    ]
    assert not Task.objects.exists()


@pytest.mark.parametrize("tasks", [None, [], {}, [FIBONACCI] * 1001])
def test_a_bulk_has_1_to_1000_tasks(api: Client, tasks: Any) -> None:
    assert fields_of(post(api, "/api/tasks/bulk/", {"tasks": tasks})) == ["tasks"]


def test_a_bulk_may_weigh_eight_mebibytes_and_no_more(api: Client) -> None:
    def bulk(letters: int) -> dict[str, Any]:
        return {"tasks": [{"function": "text_report", "arguments": {"text": "x" * letters}}] * 50}

    assert post(api, "/api/tasks/bulk/", bulk(100_000)).status_code == 202
    refused = post(api, "/api/tasks/bulk/", bulk(170_000))
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert post(api, "/api/tasks/", FIBONACCI | {"arguments": {"text": "x" * 300_000}}).status_code == 413


def test_enqueue_many_stores_all_or_none() -> None:
    batch = enqueue_many(unique_tasks.bills.using(priority=3), [{"shop": n, "month": 1} for n in range(5)])
    rows = Task.objects.filter(batch=batch.id)
    assert [str(pk) for pk in rows.order_by("id").values_list("pk", flat=True)] == batch.task_ids
    assert {row.priority for row in rows} == {3}
    with pytest.raises(InvalidArguments, match=r"^1\.shop: "):
        enqueue_many(unique_tasks.bills, [{"shop": 9, "month": 1}, {"shop": "x", "month": 1}])
    assert Task.objects.count() == 5


# --- idempotency keys


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/api/tasks/", FIBONACCI, {**FIBONACCI, "priority": 1}),
        ("/api/functions/fibonacci/", {"number": 3}, {"number": 4}),
        ("/api/tasks/bulk/", {"tasks": [FIBONACCI] * 2}, {"tasks": [FIBONACCI] * 3}),
    ],
)
def test_the_same_request_under_the_same_key_is_one_task(
    api: Client, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    first = post(api, path, body, **{"Idempotency-Key": "k-1"})
    again = post(api, path, body, **{"Idempotency-Key": "k-1"})
    stored = Task.objects.count()
    assert (again.status_code, again.json(), again["Location"]) == (202, first.json(), first["Location"])
    conflict = post(api, path, other, **{"Idempotency-Key": "k-1"})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_key_reused")
    assert Task.objects.count() == stored == len(body.get("tasks", [1]))
    assert post(api, path, body, **{"Idempotency-Key": "k-2"}).json() != first.json()


def test_a_refused_request_leaves_its_key_free(api: Client) -> None:
    bad = {**FIBONACCI, "queue": ""}
    assert post(api, "/api/tasks/", bad, **{"Idempotency-Key": "k"}).status_code == 400
    assert post(api, "/api/tasks/", FIBONACCI, **{"Idempotency-Key": "k"}).status_code == 202


def test_a_key_is_forgotten_after_a_day(api: Client) -> None:
    first = post(api, "/api/tasks/", FIBONACCI, **{"Idempotency-Key": "k"}).json()
    IdempotencyKey.objects.update(created_at=datetime.now(UTC) - timedelta(hours=24, seconds=1))
    assert post(api, "/api/tasks/", FIBONACCI, **{"Idempotency-Key": "k"}).json() != first
    assert IdempotencyKey.objects.count() == 1


def test_keys_belong_to_their_owner(api: Client, client: Client) -> None:
    user = User.objects.create_user("ada")
    user.user_permissions.add(Permission.objects.get(codename="submit_task"))
    client.force_login(user)
    mine = post(client, "/api/tasks/", FIBONACCI, **{"Idempotency-Key": "k", "Origin": "http://testserver"})
    assert mine.status_code == 202, mine.content
    assert post(api, "/api/tasks/", FIBONACCI, **{"Idempotency-Key": "k"}).json() != mine.json()


@pytest.mark.parametrize("key", ["", "x" * 256, "\x7f"])
def test_a_bad_key_is_named(api: Client, key: str) -> None:
    assert fields_of(post(api, "/api/tasks/", FIBONACCI, **{"Idempotency-Key": key})) == ["Idempotency-Key"]


def test_requests_at_the_same_time_under_one_key_are_one_task(api: Client) -> None:
    answers: list[Any] = []

    def send() -> None:
        answers.append(post(Client(), "/api/tasks/", FIBONACCI, **{"Idempotency-Key": "k"}).json())
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({answer["task_id"] for answer in answers}) == 1
    assert (len(answers), Task.objects.count()) == (8, 1)


# --- unique functions


def test_a_unique_function_has_one_live_task_per_arguments(api: Client) -> None:
    first = unique_tasks.rebuilds.enqueue(index="a")
    same = unique_tasks.rebuilds.enqueue(index="a", deep=False)  # the default
    assert same.id == first.id
    assert unique_tasks.rebuilds.enqueue(index="a", deep=True).id != first.id
    answer = post(api, "/api/functions/rebuilds/", {"index": "a"}).json()
    assert (answer["task_id"], answer["is_new"]) == (first.id, False)
    end(first.id)
    answer = post(api, "/api/functions/rebuilds/", {"index": "a"}).json()
    assert (answer["task_id"] != first.id, answer["is_new"]) == (True, True)


def test_a_live_task_that_ends_before_it_is_looked_up_frees_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first = unique_tasks.rebuilds.enqueue(index="a").id
    look = submit_module._live_by_key

    def look_late(keys: list[str]) -> Any:
        if Task.objects.get(pk=first).state == "queued":
            end(first)
        return look(keys)

    monkeypatch.setattr(submit_module, "_live_by_key", look_late)
    second = unique_tasks.rebuilds.enqueue(index="a").id
    assert [Task.objects.get(pk=pk).state for pk in (first, second)] == ["failed", "queued"]


def test_a_key_of_ones_own_makes_others_the_same(api: Client) -> None:
    tasks = [{"function": "bills", "arguments": {"shop": n % 2, "month": n}} for n in range(4)]
    answers = post(api, "/api/tasks/bulk/", {"tasks": tasks}).json()["tasks"]
    assert [answer["is_new"] for answer in answers] == [True, True, False, False]
    assert [answer["task_id"] for answer in answers[:2]] == [answer["task_id"] for answer in answers[2:]]
    assert Task.objects.count() == 2


def test_a_retry_gives_way_to_the_live_task_of_the_same_key(api: Client) -> None:
    first = unique_tasks.rebuilds.enqueue(index="a").id
    end(first)
    second = unique_tasks.rebuilds.enqueue(index="a").id
    other = unique_tasks.rebuilds.enqueue(index="b").id
    end(other)
    answer = post(api, f"/api/tasks/{first}/retry/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_unique")
    everyone = access_of(User.objects.create_superuser("root"))
    ids = [Task.objects.get(pk=pk).pk for pk in (first, other)]
    assert act_on_ids(access=everyone, act="retry", ids=ids).changed == 1
    states = [Task.objects.get(pk=pk).state for pk in (first, second, other)]
    assert states == ["failed", "queued", "queued"]


# --- retry with other arguments


def test_a_retry_may_bring_other_arguments(api: Client) -> None:
    task_id = post(api, "/api/tasks/", FIBONACCI).json()["task_id"]
    path = f"/api/tasks/{task_id}/retry/"
    assert post(api, path, {"arguments": {"number": 4}}).status_code == 409
    end(task_id)
    assert fields_of(post(api, path, {"arguments": {"number": 99}})) == ["arguments.number"]
    assert fields_of(post(api, path, {"numbers": 1})) == ["numbers"]
    assert post(api, path, {"arguments": {"number": 4}}).status_code == 202
    row = Task.objects.get(pk=task_id)
    assert (row.state, row.arguments) == ("queued", {"number": 4})


def test_a_secret_that_was_shown_masked_survives_an_edited_retry(api: Client) -> None:
    task_id = post(api, "/api/functions/logs_in/", {"user": "ada", "password": "hunter2"}).json()["task_id"]
    end(task_id)
    shown = api.get(f"/api/tasks/{task_id}/").json()["arguments"]
    assert (
        post(api, f"/api/tasks/{task_id}/retry/", {"arguments": {**shown, "user": "bob"}}).status_code == 202
    )
    assert Task.objects.get(pk=task_id).arguments == {"user": "bob", "password": {"$secret": "hunter2"}}
