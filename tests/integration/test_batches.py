"""Batches: how they stand, who sees them, and what runs after them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import DEFAULT_DB_ALIAS
from django.test import Client

from tasks_app import transitions
from tasks_app.batches import enqueue_many
from tasks_app.database import DjangoSession
from tasks_app.errors import InvalidArguments, UniqueConflict
from tasks_app.functions import registry
from tasks_app.models import Task, TaskBatch
from tasks_app.transitions import Outcome
from tests.contract.store import Store
from tests.support import batch_tasks, unique_tasks
from tests.support.api import UNKNOWN_ID, Level, fields_of, post

pytestmark = pytest.mark.django_db(transaction=True)
FIBONACCI = {"function": "fibonacci", "arguments": {"number": 3}}
NONE = dict.fromkeys(("scheduled", "queued", "running", "succeeded", "failed", "cancelled"), 0)


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    __import__("tasks_app.api.urls")  # before, so that the paths of the site stay its own
    for name in ("_by_slug", "_by_path", "faults"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    registry.add_module("tests.support.unique_tasks")
    registry.add_module("tests.support.batch_tasks")


def bulk(client: Client, size: int = 2, **more: Any) -> dict[str, Any]:
    answer = post(client, "/api/tasks/bulk/", {"tasks": [FIBONACCI] * size, **more})
    assert answer.status_code == 202, answer.content
    document: dict[str, Any] = answer.json()
    return document


def end(task_id: str, kind: str = "succeeded", result: str | None = "2") -> None:
    store = Store(DjangoSession(), DEFAULT_DB_ALIAS)
    worker = store.make_worker()
    functions = [function.path for function in registry.all()]
    facts = {"worker_id": worker, "node": "n", "ids": [task_id], "functions": functions}
    [claimed] = transitions.claim_ids(store.session, **facts)
    outcome = Outcome(id=task_id, attempt=claimed.attempt, kind=kind, result=result)
    transitions.finish(store.session, worker_id=worker, outcomes=[outcome])


def promote() -> list[str]:
    return [changed.id for changed in transitions.promote_ended(DjangoSession())]


def test_a_batch_tells_how_it_stands_and_what_runs_after_it(api: Client) -> None:
    answer = bulk(api, 3, then={"function": "sums_up", "arguments": {"plus": 1}, "priority": 7})
    first, second, third = (task["task_id"] for task in answer["tasks"])
    end(first)
    end(second, "failed", None)
    batch = api.get(answer["batch_url"]).json()
    assert batch["counts"] == NONE | {"queued": 1, "succeeded": 1, "failed": 1}
    assert (batch["size"], batch["functions"], batch["finished_at"]) == (3, ["fibonacci"], None)
    then = {"id": answer["then"]["task_id"], "function": "sums_up", "state": "scheduled"}
    assert batch["then_task"] == then
    held = api.get(answer["then"]["url"]).json()
    assert (held["run_at"], held["then_of"], held["batch"], held["priority"]) == (None, batch["id"], None, 7)
    assert held["arguments"] == {"batch_id": batch["id"], "plus": 1}
    [reason] = api.get(f"{answer['then']['url']}waiting/").json()["results"]
    assert (reason["code"], reason["at"]) == ("batch", None)

    assert promote() == []
    post(api, f"/api/tasks/{third}/cancel/")
    assert promote() == [then["id"]]
    batch = api.get(answer["batch_url"]).json()
    assert batch["counts"] == NONE | {"succeeded": 1, "failed": 1, "cancelled": 1}
    assert batch["finished_at"] == api.get(f"/api/tasks/{third}/").json()["finished_at"]
    assert batch["then_task"]["state"] == "queued"


def test_an_unchanged_batch_is_not_sent_again(api: Client) -> None:
    answer = bulk(api)
    etag = api.get(answer["batch_url"])["ETag"]
    assert api.get(answer["batch_url"], headers={"If-None-Match": etag}).status_code == 304
    end(answer["tasks"][0]["task_id"])
    assert api.get(answer["batch_url"], headers={"If-None-Match": etag}).status_code == 200


def test_batches_are_listed_newest_first_by_cursor(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [bulk(api, size)["batch"] for size in (1, 2, 3)]
    page = api.get("/api/batches/?limit=2").json()
    assert [batch["id"] for batch in page["results"]] == [ids[2], ids[1]]
    assert page["results"][0]["counts"] == NONE | {"queued": 3}
    last = api.get(f"/api/batches/?limit=2&cursor={page['next']}").json()
    assert ([batch["id"] for batch in last["results"]], last["next"]) == ([ids[0]], None)
    monkeypatch.setattr("tasks_app.batch_selectors.MOST_COUNTED", 2)
    counted = [batch["counts"] is not None for batch in api.get("/api/batches/").json()["results"]]
    assert counted == [False, True, True]
    assert fields_of(api.get("/api/batches/?limit=51")) == ["limit"]
    assert fields_of(api.get("/api/batches/?cursor=x")) == ["cursor"]


def test_a_large_batch_is_not_counted_for_each_look(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks_app.batch_selectors.MOST_COUNTED", 1)
    monkeypatch.setattr("tasks_app.batch_selectors.KEPT_FACTOR", 1e9)
    answer = bulk(api)
    assert api.get(answer["batch_url"]).json()["counts"]["queued"] == 2
    end(answer["tasks"][0]["task_id"])
    assert api.get(answer["batch_url"]).json()["counts"]["queued"] == 2
    monkeypatch.setattr("tasks_app.batch_selectors._kept", {})
    assert api.get(answer["batch_url"]).json()["counts"]["queued"] == 1


def test_a_batch_is_seen_by_its_owner_and_by_who_sees_all(
    client: Client, ada: User, anonymous: Level
) -> None:
    anonymous("none")
    client.force_login(ada)
    headers = {"Origin": "http://testserver"}
    answer = post(client, "/api/tasks/bulk/", {"tasks": [FIBONACCI]}, **headers).json()
    enqueue_many(batch_tasks.takes_no_batch, [{"text": "a"}])
    assert [batch["id"] for batch in client.get("/api/batches/").json()["results"]] == [answer["batch"]]
    assert client.get(answer["batch_url"]).json()["owner"] == "ada"
    eve = User.objects.create_user("eve")
    eve.user_permissions.set(Permission.objects.filter(codename="view_task"))
    client.force_login(eve)
    assert client.get(answer["batch_url"]).status_code == 404
    assert client.get("/api/batches/").json()["results"] == []
    client.logout()
    assert client.get("/api/batches/").status_code == 401


@pytest.mark.parametrize("batch_id", ["x", UNKNOWN_ID, "%00"])
def test_what_is_no_batch_is_not_found(api: Client, batch_id: str) -> None:
    assert api.get(f"/api/batches/{batch_id}/").status_code == 404


@pytest.mark.parametrize(
    ("then", "fields"),
    [
        (7, ["then"]),
        ({}, ["then.function"]),
        ({"function": "nothing"}, ["then.function"]),
        ({"function": "sums_up", "colour": 1}, ["then.colour"]),
        ({"function": "sums_up", "run_after": "2030-01-31T12:00:00Z"}, ["then.run_after"]),
        ({"function": "sums_up", "arguments": {"plus": "x"}}, ["then.arguments.plus"]),
        ({"function": "takes_no_batch", "arguments": {}}, ["then.arguments.text"]),
        ({"function": "sums_up", "priority": 101}, ["then.priority"]),
    ],
)
def test_a_wrong_then_is_refused_with_all_tasks(api: Client, then: Any, fields: list[str]) -> None:
    answer = post(api, "/api/tasks/bulk/", {"tasks": [FIBONACCI], "then": then})
    assert answer.status_code == 400
    assert fields_of(answer) == fields
    assert not Task.objects.exists()


def test_the_same_request_under_one_key_holds_one_task(api: Client) -> None:
    body = {"tasks": [FIBONACCI], "then": {"function": "sums_up"}}
    answers = [post(api, "/api/tasks/bulk/", body, **{"Idempotency-Key": "k"}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert (Task.objects.count(), TaskBatch.objects.count()) == (2, 1)


def test_enqueue_many_holds_a_task_until_the_others_have_ended() -> None:
    rows = [{"text": "a"}, {"text": "b"}]
    then = batch_tasks.sums_up.using(priority=9)
    batch = enqueue_many(batch_tasks.takes_no_batch, rows, then=then, then_arguments={"plus": 5})
    held = Task.objects.get(pk=batch.then_id)
    assert (held.state, held.priority, held.arguments) == (
        *("scheduled", 9),
        {"batch_id": str(batch.id), "plus": 5},
    )
    for task_id in batch.task_ids:
        assert promote() == []
        end(task_id)
    assert promote() == [batch.then_id]
    with pytest.raises(InvalidArguments, match=r"^then\.plus: "):
        enqueue_many(batch_tasks.takes_no_batch, rows, then=then, then_arguments={"plus": "x"})


def test_after_an_empty_batch_it_runs_at_once() -> None:
    batch = enqueue_many(batch_tasks.takes_no_batch, [], then=batch_tasks.sums_up)
    assert batch.task_ids == []
    assert promote() == [batch.then_id]


def test_a_then_whose_unique_key_is_taken_refuses_the_batch() -> None:
    unique_tasks.bills.enqueue(shop=1, month=1)
    with pytest.raises(UniqueConflict):
        enqueue_many(
            batch_tasks.takes_no_batch,
            [{"text": "a"}],
            then=unique_tasks.bills,
            then_arguments={"shop": 1, "month": 2},
        )
    assert (Task.objects.count(), TaskBatch.objects.count()) == (1, 0)


def test_a_unique_task_that_was_there_before_is_not_of_the_batch() -> None:
    live = unique_tasks.bills.enqueue(shop=1, month=1)
    rows = [{"shop": 1, "month": 1}, {"shop": 2, "month": 1}]
    batch = enqueue_many(unique_tasks.bills, rows, then=batch_tasks.sums_up)
    assert batch.task_ids[0] == live.id
    assert TaskBatch.objects.get(pk=batch.id).size == 1
    end(batch.task_ids[1])
    assert promote() == [batch.then_id]


def test_the_admin_lists_batches_without_a_query_per_row(
    api: Client, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    answers = [bulk(api, 1, then={"function": "sums_up"}) for _ in range(10)]
    with django_assert_max_num_queries(10):
        page = admin_client.get("/admin/tasks_app/taskbatch/")
    assert b"10 batches" in page.content
    batch = answers[0]["batch"]
    assert f'href="/console/batches/{batch}"'.encode() in page.content
    assert admin_client.get(f"/admin/tasks_app/taskbatch/{batch}/change/").status_code == 200
    assert admin_client.get(f"/admin/tasks_app/taskbatch/?q={uuid4()}").status_code == 200
