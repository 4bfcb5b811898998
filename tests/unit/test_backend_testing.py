"""The backends for users' tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pytest_django import Settings

from tasks_app.compat import (
    InvalidTask,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task,
    task_backends,
    task_enqueued,
    task_finished,
    task_started,
)
from tasks_app.django_result import update
from tasks_app.errors import InvalidArguments, InvalidDocument
from tests.support.heard_tasks import add


def next_year(day: date, years: int = 1) -> dict[str, Any]:
    assert isinstance(day, date), "decoded, as in a worker"
    return {"year": day.year + years}


async def wait_for_it(text: str) -> str:
    return text


def report(context: Any, steps: int) -> str:
    context.progress(steps, steps)
    return str(context.task_result.status)


def break_down() -> None:
    raise LookupError("no")


def interrupted() -> None:
    raise KeyboardInterrupt


def leaves() -> None:
    raise SystemExit("The task leaves")


def leak() -> float:
    return float("nan")


@pytest.fixture
def immediate(settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": "tasks_app.backend_testing.ImmediateBackend"}}


@pytest.fixture
def dummy(settings: Settings) -> Any:
    settings.TASKS = {"default": {"BACKEND": "tasks_app.backend_testing.DummyBackend"}}
    return task_backends["default"]


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str]]]:
    seen = []

    def hear(sender: Any, task_result: Any, **kwargs: Any) -> None:
        seen.append((sender.__name__, str(task_result.status)))

    signals = (task_enqueued, task_started, task_finished)
    for signal in signals:
        signal.connect(hear)
    yield seen
    for signal in signals:
        signal.disconnect(hear)


def test_a_task_runs_inside_enqueue_with_decoded_arguments(immediate: None) -> None:
    result = task(max_attempts=5, name="later")(next_year).enqueue(date(2030, 5, 1), years=2)
    assert result.errors == []
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.return_value == {"year": 2032}
    assert result.kwargs == {"day": "2030-05-01", "years": 2}
    assert result.attempts == 1


def test_async_functions_run_too(immediate: None) -> None:
    assert task()(wait_for_it).enqueue("x").return_value == "x"


async def test_an_async_caller_is_served(immediate: None) -> None:
    assert (await task()(wait_for_it).aenqueue("x")).return_value == "x"


def test_the_context_is_the_one_of_a_worker(immediate: None) -> None:
    assert task(takes_context=True)(report).enqueue(3).return_value == "RUNNING"


def test_what_a_function_raises_is_in_the_result(immediate: None) -> None:
    result = task()(break_down).enqueue()
    assert result.status == TaskResultStatus.FAILED
    assert result.errors[0].exception_class is LookupError


def test_a_function_that_leaves_has_failed_with_its_traceback(immediate: None) -> None:
    result = task()(leaves).enqueue()
    [error] = result.errors
    assert error.exception_class is SystemExit
    assert error.traceback.endswith("SystemExit: The task leaves\n")
    assert result.enqueued_at <= result.started_at <= result.finished_at
    with pytest.raises(ValueError, match="failed"):
        _ = result.return_value


def test_ctrl_c_passes_through(immediate: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        task()(interrupted).enqueue()


async def test_what_ran_at_once_can_neither_wait_nor_be_looked_up(immediate: None) -> None:
    with pytest.raises(InvalidTask, match="run_after"):
        task()(next_year).using(run_after=datetime.now(UTC)).enqueue(date(2030, 5, 1))
    result = await task()(wait_for_it).aenqueue("x")
    for lookup in (result.refresh, lambda: task_backends["default"].get_result(result.id)):
        with pytest.raises(NotImplementedError):
            lookup()
    with pytest.raises(NotImplementedError):
        await result.arefresh()


def test_a_result_that_could_not_be_stored_fails_here_too(immediate: None) -> None:
    result = task()(leak).enqueue()
    assert result.errors[0].exception_class is InvalidDocument


def test_signals_come_in_order(immediate: None, heard: list[tuple[str, str]]) -> None:
    task()(wait_for_it).enqueue("x")
    task()(break_down).enqueue()
    assert [status for _, status in heard] == ["READY", "RUNNING", "SUCCESSFUL", "READY", "RUNNING", "FAILED"]
    assert {sender for sender, _ in heard} == {"ImmediateBackend"}


def test_the_dummy_keeps_what_was_enqueued(dummy: Any) -> None:
    result = add.using(priority=3).enqueue(1, b=2)
    [kept] = dummy.results
    assert (kept.id, kept.status) == (result.id, TaskResultStatus.READY)
    assert (kept.kwargs, kept.task.priority) == ({"a": 1, "b": 2}, 3)
    dummy.clear()
    with pytest.raises(TaskResultDoesNotExist):
        dummy.get_result(result.id)


async def test_what_the_dummy_keeps_can_be_read_and_refreshed(dummy: Any) -> None:
    result = await add.using(run_after=datetime.now(UTC)).aenqueue(1)
    assert (await add.aget_result(result.id)).kwargs == {"a": 1}
    update(dummy.results[0], status=TaskResultStatus.SUCCESSFUL)
    await result.arefresh()
    assert result.status == TaskResultStatus.SUCCESSFUL


@pytest.mark.parametrize("backend", ["ImmediateBackend", "DummyBackend"])
def test_both_refuse_what_the_real_one_refuses(backend: str, settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": f"tasks_app.backend_testing.{backend}"}}
    with pytest.raises(InvalidTask, match="max_attempts"):
        task(max_attempts=0)(next_year)
    with pytest.raises(InvalidTask, match="'retries' is not an option"):
        task(retries=3)(next_year)
    with pytest.raises(InvalidArguments, match="day"):
        task()(next_year).enqueue(day="no day")
