"""The overview's figures."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tasks_app.conf import get_conf
from tasks_app.models import Task, TaskAttempt, Worker
from tasks_app.overview import error_class
from tests.support.api import Level, finished


def test_the_overview_counts_what_the_rows_say(api: Client) -> None:
    now = datetime.now(UTC)
    node = Worker.objects.create(
        id=uuid.uuid4(), node="n", concurrency=3, queues=["default"], started_at=now, heartbeat_at=now
    )
    old = now - timedelta(minutes=7)
    common: dict[str, Any] = {"function": "tasks_app.examples.tasks.fibonacci"}
    Task.objects.create(state="queued", created_at=old, **common)
    Task.objects.create(state="queued", created_at=now, queue="nowhere", **common)
    Task.objects.create(state="running", created_at=now, worker=node, **common)
    for text, place in (
        ("ValueError: a", "m:1 in f"),
        ("ValueError: b", "m:1 in f"),
        ("ValueError: c", "m:2 in f"),
    ):
        failed_at(finished("failed", error=text), "m:9 in old", place)
    last = finished("failed", error="worker lost")
    finished("failed", error="ValueError: long ago", finished_at=now - timedelta(hours=2))
    finished()
    shown = api.get("/api/overview/").json()
    assert {key: shown[key] for key in ("workers", "slots", "running", "waiting", "stranded")} == {
        "workers": 1,
        "slots": 3,
        "running": 1,
        "waiting": 2,
        "stranded": ["nowhere"],
    }
    assert shown["oldest_at"] == old.isoformat().replace("+00:00", "Z")
    assert shown["failed_last_hour"] == 4
    groups = {(group["error_class"], group["place"]): group for group in shown["failures"]}
    assert {key: group["count"] for key, group in groups.items()} == {
        ("ValueError", "m:1 in f"): 2,
        ("ValueError", "m:2 in f"): 1,
        ("worker lost", ""): 1,
    }
    assert shown["failures"][0]["count"] == 2
    assert groups["worker lost", ""]["last_id"] == str(last.pk)


def test_the_overview_tells_how_long_tasks_stay_and_how_old_the_oldest_is(api: Client, settings: Any) -> None:
    assert api.get("/api/overview/").json()["retention"] == {
        "succeeded_days": 7,
        "failed_days": 30,
        "oldest_at": None,
    }
    settings.TASKDECK = {**settings.TASKDECK, "KEEP_SUCCEEDED_DAYS": 0}
    get_conf.cache_clear()
    old = datetime.now(UTC) - timedelta(days=9)
    finished(created_at=old)
    finished()
    kept = api.get("/api/overview/").json()["retention"]
    assert (kept["succeeded_days"], kept["oldest_at"]) == (None, old.isoformat().replace("+00:00", "Z"))


def failed_at(task: Task, *places: str) -> None:
    for attempt, place in enumerate(places, start=1):
        TaskAttempt.objects.create(
            task=task, attempt=attempt, kind="failure", place=place, finished_at=datetime.now(UTC)
        )


def test_the_overview_is_for_those_who_may_view_and_counts_own_tasks_only(
    api: Client, anonymous: Level
) -> None:
    anonymous("none")
    finished("failed", error="ValueError: not mine")
    assert api.get("/api/overview/").status_code == 401
    user = User.objects.create_user("ada", password="x")
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    api.force_login(user)
    assert api.get("/api/overview/").json()["failed_last_hour"] == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ValueError: no", "ValueError"),
        ("app.errors.Broken: x: y", "app.errors.Broken"),
        ("worker lost", "worker lost"),
        ("it broke: badly", "it broke: badly"),
        ("", ""),
    ],
)
def test_the_kind_of_an_error_is_its_class(error: str, expected: str) -> None:
    assert error_class(error) == expected
