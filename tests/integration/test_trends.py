"""The charts' figures: what the API makes of the tallies, and what a worker counts."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tasks_app.models import QueuePause, Tally, Task, Worker
from tasks_app.trends import attempts_per_second
from tests.support.api import Level, fields_of
from tests.support.machine import Up
from tests.support.processes import wait_until

SLOW = [0] * 20 + [1]  # one of about a second
FIBONACCI = "tasks_app.examples.tasks.fibonacci"


def floor(moment: datetime, seconds: int) -> datetime:
    whole = int(moment.timestamp())
    return datetime.fromtimestamp(whole - whole % seconds, UTC)


def tally(at: datetime, **values: Any) -> Tally:
    span = values.pop("span_seconds", 60)
    defaults: dict[str, Any] = {"worker_id": uuid.uuid4(), "subject": "all", "span_seconds": span}
    return Tally.objects.create(at=floor(at, span), **{**defaults, **values})


def trend(api: Client, query: str = "") -> dict[str, Any]:
    response = api.get(f"/api/trends/?{query}")
    assert response.status_code == 200, response.content
    return dict(response.json())


def total(shown: dict[str, Any], figure: str) -> int:
    return sum(point[figure] for point in shown["points"])


@pytest.mark.django_db
def test_the_pace_of_a_queue_is_that_of_all_its_workers_since_the_first_end() -> None:
    now = datetime.now(UTC)
    waiting, ending = now - timedelta(minutes=9), now - timedelta(minutes=4)
    tally(waiting, subject="queue", name="default", depth=50)
    for _ in range(2):
        tally(ending, subject="queue", name="default", succeeded=100, failed=20)
    seconds = (now - floor(ending, 60)).total_seconds()
    assert attempts_per_second("default") == pytest.approx(240 / seconds, rel=0.05)
    assert attempts_per_second("other") == 0.0


def test_the_workers_of_a_minute_add_up(api: Client) -> None:
    now = datetime.now(UTC)
    at = now - timedelta(minutes=5)
    tally(at, succeeded=3, failed=1, waits=[4], runs=[2, 2])
    tally(at, succeeded=4, retried=2, cancelled=1, waits=SLOW, runs=[])
    shown = trend(api)
    assert (shown["range"], shown["span_seconds"], len(shown["points"])) == ("1h", 60, 60)
    [point] = [point for point in shown["points"] if point["succeeded"]]
    assert point["at"] == floor(at, 60).isoformat().replace("+00:00", "Z")
    counts = [point[name] for name in ("succeeded", "failed", "cancelled", "retried")]
    assert counts == [7, 1, 1, 2]
    assert point["wait_p50"] == pytest.approx(0.001, rel=0.3)
    assert point["wait_p95"] == pytest.approx(1.024, rel=0.3)
    assert point["run_p95"] == pytest.approx(0.0014, rel=0.3)
    empty = shown["points"][0]
    assert (empty["succeeded"], empty["wait_p50"], empty["depth"]) == (0, None, None)


@pytest.mark.parametrize(("name", "points", "span"), [("15m", 15, 60), ("24h", 96, 900), ("7d", 168, 3600)])
def test_each_range_has_its_span_and_ends_now(api: Client, name: str, points: int, span: int) -> None:
    now = datetime.now(UTC)
    tally(now, span_seconds=60, succeeded=1)
    tally(now, span_seconds=900, succeeded=1)
    tally(now - timedelta(days=8), span_seconds=900, succeeded=100)
    tally(now - timedelta(minutes=16), span_seconds=60, succeeded=100)
    shown = trend(api, f"range={name}")
    assert (len(shown["points"]), shown["span_seconds"]) == (points, span)
    assert total(shown, "succeeded") == 1
    assert [shown["points"][-1]["succeeded"], shown["points"][-2]["succeeded"]] in ([1, 0], [0, 1])


def test_the_depth_is_the_most_that_a_worker_saw_of_each_queue(api: Client) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    for name, depth in (("a", 5), ("a", 7), ("b", 1), ("c", None)):
        tally(at, subject="queue", name=name, depth=depth)
    assert max(point["depth"] or 0 for point in trend(api)["points"]) == 8
    assert max(point["depth"] or 0 for point in trend(api, "queue=a")["points"]) == 7


def test_one_function_or_one_queue_can_be_asked_for(api: Client) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    tally(at, succeeded=9)
    tally(at, succeeded=4, subject="function", name=FIBONACCI)
    tally(at, succeeded=5, subject="queue", name="slow")
    assert total(trend(api, "function=fibonacci"), "succeeded") == 4
    assert total(trend(api, "queue=slow"), "succeeded") == 5


def test_each_function_and_each_queue_has_its_totals(api: Client) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    tally(at, succeeded=4, failed=1, subject="function", name=FIBONACCI, runs=[0, 0, 9])
    tally(at, cancelled=2, subject="function", name=FIBONACCI)
    tally(at, succeeded=1, subject="function", name="gone.since")
    tally(at, succeeded=5, subject="queue", name="slow", retried=3)
    functions = {row["name"]: row for row in api.get("/api/trends/totals/").json()["results"]}
    assert set(functions) == {"fibonacci", "gone.since"}
    found = functions["fibonacci"]
    assert (found["succeeded"], found["failed"], found["cancelled"]) == (4, 1, 2)
    assert (len(found["ended"]), sum(found["ended"]), max(found["ended"])) == (60, 7, 7)
    assert found["run_p50"] == pytest.approx(0.002, rel=0.42)
    [queue] = api.get("/api/trends/totals/?by=queue&range=15m").json()["results"]
    assert (queue["name"], queue["succeeded"], queue["retried"], sum(queue["ended"])) == ("slow", 5, 3, 5)
    assert fields_of(api.get("/api/trends/totals/?by=owner")) == ["by"]


def test_the_start_of_a_waiting_task_is_estimated_from_the_pace_of_its_queue(api: Client) -> None:
    now = datetime.now(UTC)
    worker: dict[str, Any] = {"queues": ["default"], "concurrency": 1, "started_at": now, "heartbeat_at": now}
    Worker.objects.create(id=uuid.uuid4(), node="n", **worker)
    waiting = [Task.objects.create(function=FIBONACCI, state="queued", created_at=now) for _ in range(31)][-1]

    def reason() -> dict[str, Any]:
        return dict(api.get(f"/api/tasks/{waiting.pk}/waiting/").json()["results"][0])

    assert (reason()["code"], reason()["ahead"], reason()["at"]) == ("in_line", 30, None)
    tally(now - timedelta(minutes=4), subject="queue", name="default", succeeded=20, retried=10)
    wait = datetime.fromisoformat(reason()["at"]) - now
    assert timedelta(minutes=4) <= wait <= timedelta(minutes=6)
    QueuePause.objects.create(queue="default", paused_at=now)
    assert [r["at"] for r in api.get(f"/api/tasks/{waiting.pk}/waiting/").json()["results"]] == [None, None]


def test_what_cannot_be_asked_is_refused_with_its_name(api: Client) -> None:
    assert fields_of(api.get("/api/trends/?range=1y")) == ["range"]
    assert fields_of(api.get("/api/trends/?function=fibonacci&queue=a")) == ["queue"]
    assert api.get("/api/trends/?function=nobody").status_code == 404


def test_who_sees_only_their_own_tasks_does_not_see_what_all_do(api: Client, anonymous: Level) -> None:
    anonymous("none")
    assert api.get("/api/trends/").status_code == 401
    user = User.objects.create_user("ada", password="x")
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    api.force_login(user)
    assert api.get("/api/trends/").status_code == 403
    assert api.get("/api/trends/totals/").status_code == 403


def test_a_worker_counts_what_it_ends(up: Up) -> None:
    up.wait_until_ready()
    for number in (20, 21):
        up.call("/task", {"number": number})
    up.call("/task", {"number": 41})

    def shown() -> dict[str, Any]:
        return dict(up.call("/api/trends/?function=fibonacci")[1])

    def counts() -> tuple[int, int]:
        found = shown()
        return total(found, "succeeded"), total(found, "failed")

    wait_until(lambda: counts() == (2, 1), seconds=60, what="all three are counted")
    found = shown()
    last = [point for point in found["points"] if point["succeeded"]][-1]
    assert 0 < last["run_p50"] <= last["run_p95"]
    assert last["wait_p50"] is not None
    assert total(up.call("/api/trends/")[1], "succeeded") == 2
