"""Behaviours that Django's and django-tasks' own tests ask of backends and tasks, asked of Taskdeck's."""

from __future__ import annotations

import dataclasses
import logging
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils.module_loading import import_string
from pytest_django import Settings

from tasks_app.backend import TaskdeckBackend
from tasks_app.backend_testing import ImmediateBackend
from tasks_app.compat import (
    TASKS_LOGGER,
    InvalidTask,
    InvalidTaskBackend,
    TaskResultMismatch,
    TaskResultStatus,
    default_task_backend,
    task,
    task_backends,
)
from tasks_app.errors import InvalidArguments
from tasks_app.functions import registry
from tasks_app.models import Task
from tests.support import heard_tasks
from tests.support.heard_tasks import add, add_async, describe_context

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "tasks_app.backend.TaskdeckBackend"
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(autouse=True)
def functions() -> None:
    registry.add_module(heard_tasks.__name__)


@pytest.fixture
def backends(settings: Settings) -> None:
    settings.TASKS = {
        "default": {"BACKEND": BACKEND, "QUEUES": ["default"], "OPTIONS": {"FUNCTIONS": {}}},
        "immediate": {"BACKEND": "tasks_app.backend_testing.ImmediateBackend", "QUEUES": []},
        "missing": {"BACKEND": "does.not.exist"},
    }


def test_the_default_backend_is_taskdecks_with_its_options(backends: None) -> None:
    assert default_task_backend == task_backends["default"]
    assert isinstance(task_backends["default"], TaskdeckBackend)
    assert (default_task_backend.alias, default_task_backend.options) == ("default", {"FUNCTIONS": {}})
    assert list(default_task_backend.check()) == []


def test_the_decorator_needs_no_parentheses() -> None:
    bare = task(add.func)
    assert (bare.priority, bare.queue_name, bare.options.max_attempts) == (0, "default", 1)


def test_names_lead_back_to_the_task() -> None:
    assert (add.name, add_async.name) == ("add", "add_async")
    assert import_string(add.module_path) is add


def test_using_makes_another_task_and_leaves_the_first() -> None:
    same = add.using()
    assert same == add
    assert same is not add
    later = add.using(run_after=TOMORROW)
    both = later.using(priority=10)
    assert (both.priority, both.run_after) == (10, TOMORROW)
    assert (later.priority, add.run_after) == (0, None)
    assert both.options == add.options


def test_another_backend_may_be_used(backends: None) -> None:
    assert isinstance(add.using(backend="immediate").get_backend(), ImmediateBackend)
    assert add.using(backend="immediate", queue_name="any").enqueue(1).return_value == 2
    with pytest.raises(InvalidTaskBackend, match="unknown"):
        add.using(backend="unknown")
    with pytest.raises(InvalidTaskBackend, match=r"does\.not\.exist"):
        add.using(backend="missing")


def test_run_after_is_no_keyword_of_the_decorator() -> None:
    with pytest.raises(TypeError, match="run_after"):
        task(run_after=TOMORROW)(add.func)


@pytest.mark.parametrize("function", [any, logging.Logger("x").info], ids=["builtin", "method"])
def test_only_functions_of_a_module_are_tasks(function: Any) -> None:
    with pytest.raises(InvalidTask, match="module level"):
        task()(function)


@pytest.mark.parametrize("priority", [-100, 0, 100])
def test_a_priority_within_the_range_is_taken(priority: int) -> None:
    result = add.using(priority=priority).enqueue(1)
    assert Task.objects.get(pk=result.id).priority == priority


async def test_a_task_can_be_called_without_being_enqueued() -> None:
    assert await add.acall(1) == await add_async.acall(1) == 2
    assert not await Task.objects.aexists()


def test_an_async_task_can_be_called_from_plain_code() -> None:
    assert add.call(1, b=2) == add_async.call(1, b=2) == 3


def test_submitting_is_one_statement_and_reading_two(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        result = add.enqueue(1)
    with django_assert_num_queries(2):
        assert add.get_result(result.id).id == result.id
    with django_assert_num_queries(2):
        result.refresh()


async def test_a_refresh_without_news_changes_nothing() -> None:
    result = await add.aenqueue(1)
    await result.arefresh()
    before = dataclasses.asdict(result)
    await result.arefresh()
    assert dataclasses.asdict(result) == before


def test_a_result_of_another_function_is_a_mismatch() -> None:
    result = add_async.enqueue(1)
    with pytest.raises(TaskResultMismatch):
        add.get_result(result.id)
    assert task_backends["default"].get_result(result.id).task == add_async


async def test_a_result_of_another_function_is_a_mismatch_for_async_callers_too() -> None:
    result = await add_async.aenqueue(1)
    with pytest.raises(TaskResultMismatch):
        await add.aget_result(result.id)


def test_a_result_can_be_read_from_another_process_or_thread_by_its_id_alone() -> None:
    result = add.using(priority=3).enqueue(1)
    again = task_backends["default"].get_result(str(result.id))
    assert (again.status, again.task.priority) == (TaskResultStatus.READY, 3)
    assert len(result.id) < 64


def test_a_queue_is_checked_when_the_task_is_enqueued(settings: Settings) -> None:
    reports = add.using(queue_name="reports")
    settings.TASKS = {"default": {"BACKEND": BACKEND, "QUEUES": ["default"]}}
    with pytest.raises(InvalidTask, match="reports"):
        reports.enqueue(1)
    assert not Task.objects.exists()


async def test_a_queue_is_checked_when_the_task_is_enqueued_by_async_code(settings: Settings) -> None:
    reports = add_async.using(queue_name="reports")
    settings.TASKS = {"default": {"BACKEND": BACKEND, "QUEUES": ["default"]}}
    with pytest.raises(InvalidTask, match="reports"):
        await reports.aenqueue(1)


async def test_a_wrong_argument_is_refused_to_async_callers() -> None:
    with pytest.raises(InvalidArguments, match="a: "):
        await add.aenqueue(datetime.now(UTC))


def test_a_submit_is_logged_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, TASKS_LOGGER):
        result = add.enqueue(1)
    [line] = [record.getMessage() for record in caplog.records if record.name == TASKS_LOGGER]
    assert "enqueued" in line
    assert result.id in line


def test_no_backend_at_all_is_said(settings: Settings) -> None:
    settings.TASKS = {}
    with pytest.raises(InvalidTaskBackend):
        add.enqueue(1)


def test_a_task_and_its_result_equal_their_copies() -> None:
    result = describe_context.enqueue()
    copy = dataclasses.replace(result)
    assert copy == result
    assert dataclasses.replace(result, id="another") != result
    assert dataclasses.replace(result, status=TaskResultStatus.FAILED) != result


def test_tasks_and_results_can_be_pickled_where_django_lets_them() -> None:
    if not hasattr(type(add), "_reconstruct"):  # older ones hold on to the plain function
        with pytest.raises(pickle.PicklingError):
            pickle.dumps(add)
        return
    stubborn = add.using(priority=5, queue_name="reports")
    assert pickle.loads(pickle.dumps(stubborn)) == stubborn
    result = stubborn.enqueue(1)
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize("caller", ["atomic", "durable"])
def test_what_a_transaction_enqueues_is_seen_by_others_after_its_commit(caller: str) -> None:
    other = connections.create_connection("default")
    try:
        with transaction.atomic(durable=caller == "durable"):
            result = add.enqueue(1)
            assert result.enqueued_at is not None
            assert result.status == TaskResultStatus.READY
            if other.vendor == "postgresql":  # SQLite lets one transaction in at a time
                assert count_seen_by(other) == 0
        assert count_seen_by(other) == 1
    finally:
        other.close()


def count_seen_by(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM taskdeck_task")
        return int(cursor.fetchone()[0])
