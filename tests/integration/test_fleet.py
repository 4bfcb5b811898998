"""Workers, queues, and why a task is not running yet."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tasks_app.functions import registry
from tasks_app.models import QueuePause, Task, Worker
from tests.support import async_tasks
from tests.support.api import Level, fields_of, post

NOW = datetime.now(UTC)


def node(name: str = "n1", *, age_seconds: float = 0, **values: Any) -> Worker:
    now = datetime.now(UTC)
    defaults: dict[str, Any] = {"queues": ["default"], "concurrency": 4, "started_at": now}
    heard_at = now - timedelta(seconds=age_seconds)
    return Worker.objects.create(id=uuid.uuid4(), node=name, heartbeat_at=heard_at, **{**defaults, **values})


def task(state: str = "queued", **values: Any) -> Task:
    defaults: dict[str, Any] = {"function": "tasks_app.examples.tasks.fibonacci", "created_at": NOW}
    return Task.objects.create(state=state, **{**defaults, **values})


def queue(api: Client, name: str) -> dict[str, Any]:
    found = {entry["name"]: entry for entry in api.get("/api/queues/").json()["results"]}
    return dict(found[name])


def why(api: Client, waiting: Task) -> list[str]:
    return [reason["code"] for reason in api.get(f"/api/tasks/{waiting.pk}/waiting/").json()["results"]]


def test_a_quiet_worker_serves_nobody_and_is_asked_by_who_may_operate(api: Client, anonymous: Level) -> None:
    worker = node()
    waiting = task()
    assert post(api, f"/api/workers/{worker.pk}/quiet/").json() == {"is_quiet": True}
    [shown] = api.get("/api/workers/").json()["results"]
    assert (shown["is_quiet"], shown["state"]) == (True, "alive")
    assert queue(api, "default")["workers"] == 0
    assert "no_worker" in why(api, waiting)
    assert post(api, f"/api/workers/{worker.pk}/wake/").json() == {"is_quiet": False}
    assert queue(api, "default")["workers"] == 1
    gone = node("gone", state="lost")
    for unknown in (gone.pk, uuid.uuid4(), "x"):
        assert post(api, f"/api/workers/{unknown}/quiet/").json()["code"] == "not_found"
    anonymous("submit")
    assert post(api, f"/api/workers/{worker.pk}/quiet/").status_code in (401, 403)


def test_a_queue_tells_its_depth_its_oldest_and_who_serves_it(api: Client) -> None:
    node(concurrency=4)
    node("n2", queues=["default", "slow"], concurrency=2)
    node("silent", age_seconds=60, concurrency=100)
    node("gone", state="stopped", concurrency=100)
    old = NOW - timedelta(hours=1)
    task(priority=-5, created_at=old)
    task(priority=5)
    task()
    task("running", worker=Worker.objects.get(node="n2"), queue="slow")
    assert queue(api, "default") == {
        "name": "default",
        "depth": 3,
        "cap": 10_000,
        "oldest_at": old.isoformat().replace("+00:00", "Z"),
        "running": 0,
        "running_async": 0,
        "workers": 2,
        "slots": 6,
        "async_slots": 0,
        "paused": None,
    }
    assert (queue(api, "slow")["running"], queue(api, "slow")["workers"]) == (1, 1)


def test_tasks_of_async_functions_use_slots_of_their_own(api: Client, samples: None) -> None:
    registry.add_module(async_tasks.__name__)
    worker = node(concurrency=2, async_concurrency=100)
    task("running", worker=worker)
    for _ in range(3):
        task("running", worker=worker, function=async_tasks.waits_async.module_path)
    shown = queue(api, "default")
    figures = ("slots", "async_slots", "running", "running_async")
    assert [shown[name] for name in figures] == [2, 100, 4, 3]
    overview = api.get("/api/overview/").json()
    assert [overview[name] for name in figures] == [2, 100, 4, 3]


def test_a_queue_nobody_serves_is_listed_as_soon_as_a_task_waits_in_it(api: Client) -> None:
    task(queue="nowhere")
    task(queue="another")
    assert (queue(api, "nowhere")["depth"], queue(api, "nowhere")["workers"]) == (1, 0)
    assert queue(api, "another")["depth"] == 1


def test_the_lists_take_the_same_number_of_queries_for_many_rows(
    api: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        worker = node(f"n{number}")
        task("running", worker=worker)
    with django_assert_max_num_queries(3):
        rows = api.get("/api/workers/").json()["results"]
    assert [len(row["running_tasks"]) for row in rows] == [1] * 20


def test_a_silent_worker_is_late(api: Client) -> None:
    node("silent", age_seconds=60)
    node("well")
    late = {row["node"]: row["is_late"] for row in api.get("/api/workers/").json()["results"]}
    assert late == {"silent": True, "well": False}


def test_a_waiting_task_tells_what_it_waits_for(api: Client) -> None:
    first, second = task(), task()
    urgent = task(priority=9)
    assert why(api, first) == ["no_worker", "in_line"]
    node()
    assert why(api, urgent) == ["next"]
    assert why(api, second) == ["in_line"]
    reason = api.get(f"/api/tasks/{second.pk}/waiting/").json()["results"][0]
    assert (reason["ahead"], reason["text"]) == (2, "2 tasks stand before it in the queue default.")


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"run_at": NOW + timedelta(hours=1)}, ["not_due"]),
        ({"run_at": NOW + timedelta(hours=1), "failures": 1, "max_attempts": 3}, ["retry_pause"]),
        ({"run_at": NOW - timedelta(hours=1)}, ["due"]),
        ({"run_at": NOW + timedelta(hours=1), "function": "gone.away"}, ["unknown_function", "not_due"]),
    ],
)
def test_a_scheduled_task_tells_when_it_is_due(api: Client, values: dict[str, Any], codes: list[str]) -> None:
    assert why(api, task("scheduled", **values)) == codes


def test_a_task_that_does_not_wait_needs_no_reason(api: Client) -> None:
    assert why(api, task("failed", finished_at=NOW)) == []
    assert why(api, task("running", worker=node())) == []


def test_the_lists_are_for_those_who_may_view_and_show_own_tasks_only(api: Client, anonymous: Level) -> None:
    anonymous("none")
    other = task(queue="secret")
    for path in ("/api/workers/", "/api/queues/", f"/api/tasks/{other.pk}/waiting/"):
        assert api.get(path).status_code in (401, 403)
    user = User.objects.create_user("ada", password="x")
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    api.force_login(user)
    worker = node()
    task("running", worker=worker)
    mine = task("running", worker=worker, owner=user)
    assert "secret" not in [entry["name"] for entry in api.get("/api/queues/").json()["results"]]
    assert api.get(f"/api/tasks/{other.pk}/waiting/").status_code == 404
    shown = api.get("/api/workers/").json()["results"][0]
    assert (shown["running"], [row["id"] for row in shown["running_tasks"]]) == (2, [str(mine.pk)])


def test_a_pause_tells_who_when_and_why_and_ends(api: Client, anonymous: Level) -> None:
    waiting = task()
    answer = post(api, "/api/queues/default/pause/", {"reason": "moving house"})
    assert (answer.status_code, answer.json()["paused"]["reason"]) == (200, "moving house")
    assert queue(api, "default")["paused"]["by"] is None
    assert why(api, waiting) == ["paused", "no_worker", "next"]
    assert fields_of(post(api, "/api/queues/%00/resume/")) == ["queue"]
    assert post(api, "/api/queues/default/resume/").json() == {"paused": None}
    assert queue(api, "default")["paused"] is None
    anonymous("submit")
    assert post(api, "/api/queues/default/pause/", {}).status_code == 401
    assert post(api, "/api/queues/default/resume/").status_code == 401
    anonymous("none")
    user = User.objects.create_user("olga", password="x")
    user.user_permissions.add(Permission.objects.get(codename="operate_taskdeck"))
    api.force_login(user)
    assert post(api, "/api/queues/with/slash/pause/", {}).json()["paused"]["by"] == "olga"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("default", {"reason": 7}, "reason"),
        ("default", {"reason": "a" * 501}, "reason"),
        ("default", {"until": "noon"}, "until"),
        ("default", {"until": 7}, "until"),
        ("default", {"until": "2040-01-31T12:00:00"}, "until"),
        ("default", {"until": "2020-01-31T12:00:00Z"}, "until"),
        ("default", {"end": "2040-01-31T12:00:00Z"}, "end"),
        ("a" * 101, {}, "queue"),
    ],
)
def test_a_bad_pause_is_named(api: Client, path: str, body: dict[str, Any], field: str) -> None:
    response = post(api, f"/api/queues/{path}/pause/", body)
    assert response.status_code == 400
    assert fields_of(response) == [field]


def test_a_pause_with_an_end_tells_when_and_is_over_then(api: Client) -> None:
    waiting = task()
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    text = until.isoformat().replace("+00:00", "Z")
    assert post(api, "/api/queues/default/pause/", {"until": text}).json()["paused"]["until"] == text
    reason = api.get(f"/api/tasks/{waiting.pk}/waiting/").json()["results"][0]
    assert (reason["code"], reason["at"]) == ("paused", text)
    QueuePause.objects.update(ends_at=datetime.now(UTC) - timedelta(seconds=1))
    assert queue(api, "default")["paused"] is None
    assert why(api, waiting) == ["no_worker", "next"]
    assert post(api, "/api/queues/default/pause/", {}).json()["paused"]["until"] is None
