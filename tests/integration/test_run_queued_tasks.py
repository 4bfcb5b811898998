"""The helper that runs what a test has enqueued."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from tasks_app import testing
from tasks_app.batches import enqueue_many
from tasks_app.compat import TaskResultStatus, task_finished
from tasks_app.functions import registry
from tasks_app.models import QueuePause, Task
from tests.support import chained_tasks
from tests.support.chained_tasks import again, counts_down, stumbles, waits_for

pytest_plugins = ["tasks_app.pytest_plugin"]
Run = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def functions() -> None:
    registry.add_module(chained_tasks.__name__)


def test_all_that_waits_runs_best_first(run_queued_tasks: Run) -> None:
    later, first = waits_for.enqueue("b"), waits_for.using(priority=9, queue_name="other").enqueue("a")
    results = run_queued_tasks()
    assert [result.id for result in results] == [first.id, later.id]
    assert [result.return_value for result in results] == ["a", "b"]
    assert results[0].worker_ids == ["test"]
    later.refresh()
    assert later.status == TaskResultStatus.SUCCESSFUL
    assert run_queued_tasks() == []


def test_what_the_tasks_enqueue_runs_too(run_queued_tasks: Run) -> None:
    counts_down.enqueue(2)
    assert [result.return_value for result in run_queued_tasks()] == [2, 1, 0]


def test_a_retry_runs_when_it_is_due_or_ahead_of_its_time(run_queued_tasks: Run) -> None:
    stumbles.enqueue()
    [result] = run_queued_tasks()
    assert (result.status, result.attempts) == (TaskResultStatus.READY, 1)
    assert result.errors[0].exception_class is LookupError
    [result] = run_queued_tasks(ahead=True)
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 3)
    assert len(result.errors) == 3


def test_what_is_scheduled_waits_unless_it_runs_ahead(run_queued_tasks: Run) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    waits_for.using(run_after=tomorrow).enqueue("x")
    assert run_queued_tasks() == []
    [result] = run_queued_tasks(ahead=True)
    assert result.return_value == "x"


@pytest.mark.parametrize("ahead", [False, True])
def test_what_follows_a_batch_runs_after_all_of_it(run_queued_tasks: Run, ahead: bool) -> None:
    texts = [{"text": "a"}, {"text": "b"}]
    batch = enqueue_many(waits_for, texts, then=waits_for.using(priority=9), then_arguments={"text": "then"})
    results = run_queued_tasks(ahead=ahead)
    assert [result.return_value for result in results] == ["a", "b", "then"]
    assert results[-1].id == batch.then_id


def test_a_paused_queue_holds_nothing_else_up(run_queued_tasks: Run) -> None:
    QueuePause.objects.create(queue="other", paused_at=datetime.now(UTC))
    waits_for.using(queue_name="other", priority=1).enqueue("held")
    waits_for.enqueue("free")
    assert [result.return_value for result in run_queued_tasks()] == ["free"]


def test_a_rolled_back_task_does_not_run(run_queued_tasks: Run) -> None:
    with transaction.atomic():
        waits_for.enqueue("x")
        transaction.set_rollback(True)
    assert run_queued_tasks() == []


def test_signals_are_sent_and_the_end_is_heard(run_queued_tasks: Run) -> None:
    heard = []

    def hear(task_result: Any, **kwargs: Any) -> None:
        heard.append(str(task_result.status))

    task_finished.connect(hear)
    try:
        waits_for.enqueue("x")
        run_queued_tasks()
    finally:
        task_finished.disconnect(hear)
    assert heard == ["SUCCESSFUL"]


def test_a_task_that_enqueues_itself_for_ever_is_noticed(
    run_queued_tasks: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "MOST_RUNS", 5)
    again.enqueue()
    with pytest.raises(RuntimeError, match="5 attempts and no end"):
        run_queued_tasks()
    assert Task.objects.filter(state="succeeded").count() == 5
