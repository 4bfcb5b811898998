"""Worker nodes delete old tasks by themselves; so does the command. One at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tasks_app.conf import Conf
from tasks_app.models import Task
from tasks_app.pruning import Retention, first_id
from worker.lanes import Lane
from worker.pruner import Pruner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane("prune")
    yield lane
    lane.close()


def ended(state: str, days: float) -> Task:
    at = datetime.now(UTC) - timedelta(days=days)
    made = UUID(int=UUID(first_id(at)).int + uuid4().int % 2**64)
    return Task.objects.create(id=made, function="f", state=state, created_at=at, finished_at=at)


def test_a_node_deletes_what_is_older_than_the_settings_say(lane: Lane, caplog: Any) -> None:
    for days in (1, 8, 9):
        ended("succeeded", days)
    failed = ended("failed", 8)
    pruner = Pruner(lane, Retention.of(Conf()))
    with caplog.at_level("INFO", "taskdeck.worker"):
        asyncio.run(pruner.turn())
    assert pruner.deleted == 2
    assert Task.objects.count() == 2
    assert Task.objects.filter(pk=failed.pk).exists()
    assert "2 old tasks were deleted, 2 since the start" in caplog.text


def test_with_retention_off_the_duty_ends_at_once(lane: Lane) -> None:
    ended("succeeded", 9000)
    asyncio.run(Pruner(lane, Retention.of(Conf(keep_succeeded_days=0, keep_failed_days=0))).run())
    assert Task.objects.count() == 1


def test_the_command_takes_a_time_of_its_own_and_counts_first(capsys: pytest.CaptureFixture[str]) -> None:
    ended("failed", 3)
    ended("succeeded", 1)
    call_command("prune", "--older-than", "2", "--dry-run")
    assert Task.objects.count() == 2
    call_command("prune", "--older-than", "2")
    assert capsys.readouterr().out.splitlines() == [
        "1 tasks would be deleted",
        "1 tasks deleted, 0 files deleted",
    ]
    assert Task.objects.get().state == "succeeded"


def test_the_command_tells_what_the_project_still_refers_to(capsys: pytest.CaptureFixture[str]) -> None:
    kept = ended("succeeded", 30)
    ended("succeeded", 20)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE shop_order (task_id {Task._meta.pk.db_type(connection)}"
            " REFERENCES taskdeck_task (id) DEFERRABLE INITIALLY DEFERRED)"
        )
        cursor.execute("INSERT INTO shop_order SELECT id FROM taskdeck_task ORDER BY id LIMIT 1")
    try:
        with pytest.raises(CommandError, match=r"^1 old tasks cannot be deleted: .*(?i:foreign key)"):
            call_command("prune", "--older-than", "2")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE shop_order")
    assert capsys.readouterr().out.splitlines() == ["1 tasks deleted, 0 files deleted"]
    assert Task.objects.get().pk == kept.pk


@pytest.mark.parametrize("days", ["-1", "many", "nan", "1e300"])
def test_the_command_refuses_a_time_that_is_none(days: str) -> None:
    with pytest.raises(CommandError, match="--older-than"):
        call_command("prune", f"--older-than={days}")
