"""Django's Tasks API on this backend, as Django's and django-tasks' own backend tests ask for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from tasks_app.backend import TaskdeckBackend
from tasks_app.compat import InvalidTask, TaskResultStatus, task, task_backends, task_enqueued
from tasks_app.errors import InvalidArguments
from tasks_app.functions import describe, registry
from tasks_app.models import Task
from tasks_app.submit import submit
from tests.support import heard_tasks
from tests.support.heard_tasks import add, add_async, describe_context

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "tasks_app.backend.TaskdeckBackend"


@pytest.fixture(autouse=True)
def functions() -> None:
    registry.add_module(heard_tasks.__name__)


def test_enqueue_stores_a_waiting_task_with_its_priority() -> None:
    result = add.using(priority=7).enqueue(20, b=3)
    assert result.status == TaskResultStatus.READY
    assert not result.is_finished
    assert (result.args, result.kwargs) == ([], {"a": 20, "b": 3})
    assert result.task.priority == 7
    row = Task.objects.get(pk=result.id)
    assert (row.priority, row.arguments, row.state) == (7, {"a": 20, "b": 3}, "queued")


def test_what_enqueue_returns_is_what_can_be_read_back() -> None:
    result = add.using(priority=7, queue_name="reports").enqueue(20)
    again = add.get_result(result.id)
    for name in ("id", "status", "args", "kwargs", "backend", "worker_ids", "errors", "started_at", "task"):
        assert getattr(again, name) == getattr(result, name), name
    assert abs(again.enqueued_at - result.enqueued_at) < timedelta(milliseconds=2)


@pytest.mark.parametrize("function", [add, add_async])
async def test_async_functions_and_async_callers(function: Any) -> None:
    result = await function.aenqueue(1)
    again = await function.aget_result(result.id)
    await again.arefresh()
    assert (again.status, again.kwargs) == (TaskResultStatus.READY, {"a": 1})


def test_the_context_is_not_an_argument() -> None:
    assert describe_context.enqueue().kwargs == {}


def test_a_task_enqueued_in_a_transaction_is_there_after_the_commit() -> None:
    with transaction.atomic():
        result = add.enqueue(1)
    assert add.get_result(result.id).status == TaskResultStatus.READY


def test_a_task_enqueued_in_a_transaction_goes_with_its_rollback() -> None:
    with transaction.atomic():
        add.enqueue(1)
        assert Task.objects.exists()
        transaction.set_rollback(True)
    assert not Task.objects.exists()


def test_the_decorators_defaults_apply() -> None:
    reports = task(priority=4, queue_name="reports")(add.func)
    row = Task.objects.get(pk=reports.enqueue(1).id)
    assert (row.priority, row.queue, row.max_attempts, row.max_losses) == (4, "reports", 1, 3)


@pytest.mark.parametrize(("rule", "losses"), [("requeue", 2), ("fail", 0)])
def test_the_budgets_of_the_function_are_stored_with_the_task(rule: str, losses: int) -> None:
    options = task(max_attempts=5, on_worker_lost=rule, max_losses=2)(add.func)
    submitted = submit(function=describe(options), arguments={"a": 1}, owner_id=None)
    stored = Task.objects.get(pk=submitted.id)
    assert (stored.max_attempts, stored.max_losses) == (5, losses)


def test_run_after_schedules_and_reads_back() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    result = add.using(run_after=later).enqueue(1)
    assert Task.objects.get(pk=result.id).state == "scheduled"
    assert add.get_result(result.id).task.run_after == later


def test_a_run_after_in_the_past_runs_now() -> None:
    result = add.using(run_after=datetime.now(UTC) - timedelta(hours=1)).enqueue(1)
    assert Task.objects.get(pk=result.id).state == "queued"


def test_a_naive_run_after_is_refused() -> None:
    with pytest.raises(InvalidTask, match="aware"):
        add.using(run_after=datetime(2030, 1, 1))


@pytest.mark.parametrize("priority", [-101, 101, 1.5])
def test_a_priority_out_of_range_is_refused(priority: float) -> None:
    with pytest.raises(InvalidTask, match="priority"):
        add.using(priority=priority)


def test_a_queue_that_is_not_listed_is_refused_everywhere(settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": BACKEND, "QUEUES": ["default", "reports"]}}
    assert add.using(queue_name="reports").enqueue(1).status == TaskResultStatus.READY
    with pytest.raises(InvalidTask, match="nowhere"):
        add.using(queue_name="nowhere")
    with pytest.raises(InvalidArguments, match="queue: must be one of default, reports"):
        submit(function=registry.by_slug("add"), arguments={"a": 1}, owner_id=None, queue="nowhere")
    assert Task.objects.count() == 1


def test_a_row_in_a_queue_that_is_no_longer_listed_can_be_read(settings: Settings) -> None:
    result = add.using(queue_name="reports").enqueue(1)
    settings.TASKS = {"default": {"BACKEND": BACKEND, "QUEUES": ["default"]}}
    assert add.get_result(result.id).task.queue_name == "reports"


def test_bad_arguments_are_refused_and_nothing_is_stored() -> None:
    for args, kwargs in (((1, 2, 3), {}), ((1,), {"a": 2}), ((), {"a": "1"}), ((), {}), ((object(),), {})):
        with pytest.raises(InvalidArguments):
            add.enqueue(*args, **kwargs)
    assert not Task.objects.exists()


def test_a_function_that_is_no_module_level_function_is_refused() -> None:
    def inner() -> None: ...

    with pytest.raises(InvalidTask):
        task()(inner)


def test_a_context_that_is_not_taken_is_refused() -> None:
    with pytest.raises(InvalidTask, match="context"):
        task(takes_context=True)(add.func)


def test_task_enqueued_is_sent_by_the_backends_class() -> None:
    seen = []

    def hear(sender: Any, task_result: Any, **kwargs: Any) -> None:
        seen.append((sender, task_result.id))

    task_enqueued.connect(hear)
    try:
        result = add.enqueue(1)
    finally:
        task_enqueued.disconnect(hear)
    assert seen == [(TaskdeckBackend, result.id)]


def test_the_backend_says_what_it_can_do() -> None:
    backend = task_backends["default"]
    flags = ("supports_defer", "supports_async_task", "supports_get_result", "supports_priority")
    assert all(getattr(backend, flag) for flag in flags)
