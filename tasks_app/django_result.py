"""Django's ``TaskResult`` for our tasks: from a submit, from what an executor was given, from a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tasks_app.compat import TaskError, TaskResult, TaskResultStatus
from tasks_app.errors import WorkerLost
from tasks_app.failures import traceback_of
from tasks_app.functions import TaskFunction, registry
from tasks_app.models import Task
from tasks_app.sealing import mask
from tasks_app.states import State, django_status


def waiting_result(task: Any, *, task_id: str, arguments: Mapping[str, Any]) -> Any:
    """A task that was just stored; every argument stands by its name, as in the row."""
    return _result(
        task,
        id=task_id,
        status=TaskResultStatus.READY,
        enqueued_at=instant_of(task_id),
        kwargs=dict(arguments),
        backend=task.backend,
    )


def running_result(function: TaskFunction, envelope: Mapping[str, Any], *, node: str) -> Any:
    """The attempt that runs here, without a look into the database.

    Therefore the errors of earlier attempts are missing and ``worker_ids`` names this node for each of
    them; ``refresh()`` reads the whole.
    """
    now = datetime.now(UTC)
    return _result(
        submitted_task(
            function.django_task,
            priority=envelope["priority"],
            queue_name=envelope["queue"],
        ),
        id=envelope["id"],
        status=TaskResultStatus.RUNNING,
        enqueued_at=instant_of(envelope["id"]),
        started_at=now,
        last_attempted_at=now,
        kwargs=json.loads(envelope["arguments"]),
        backend=function.django_task.backend,
        worker_ids=[node] * envelope["attempt"],
    )


def row_result(row: Task, *, alias: str) -> Any:
    """Everything that the row and its attempts tell. Raises UnknownFunction."""
    past = sorted(row.attempts.all(), key=lambda attempt: attempt.attempt)
    workers = [attempt.worker_name for attempt in past]
    workers += [row.last_worker] * (row.attempt - len(workers))
    result = _result(
        submitted_task(
            registry.by_path(row.function).django_task,
            priority=row.priority,
            queue_name=row.queue,
            run_after=row.run_at,
        ),
        id=str(row.pk),
        status=TaskResultStatus[django_status(State(row.state))],
        enqueued_at=row.created_at,
        started_at=past[0].started_at if past else row.started_at,
        finished_at=row.finished_at,
        last_attempted_at=row.started_at,
        kwargs=row.arguments,
        backend=alias,
        errors=[
            TaskError(
                exception_class_path=_class_path(attempt.error_class, attempt.kind),
                traceback=attempt.traceback or attempt.message,
            )
            for attempt in past
        ],
        worker_ids=workers,
    )
    if row.state == State.SUCCEEDED:
        update(result, _return_value=row.result)
    return result


def update(result: Any, **changes: Any) -> None:
    """Set fields of a result, which Django made a frozen dataclass and changes in this way itself."""
    for name, value in changes.items():
        object.__setattr__(result, name, value)


def error_of(error: BaseException) -> Any:
    """What ``TaskResult.errors`` holds for an exception."""
    kind = type(error)
    return TaskError(
        exception_class_path=f"{kind.__module__}.{kind.__qualname__}",
        traceback=traceback_of(error),
    )


def submitted_task(task: Any, **changes: Any) -> Any:
    """The task as it was submitted. Unlike ``using()`` it is not validated: the settings, such as the
    queues, may have changed since."""
    if all(getattr(task, name) == value for name, value in changes.items()):
        return task
    copy = object.__new__(type(task))
    for field in fields(task):
        object.__setattr__(copy, field.name, changes.get(field.name, getattr(task, field.name)))
    return copy


def instant_of(task_id: str) -> datetime:
    """When the id was made: a UUID of version 7 begins with the milliseconds (RFC 9562, section 5.7)."""
    return datetime.fromtimestamp((UUID(task_id).int >> 80) / 1000, UTC)


def _result(task: Any, **facts: Any) -> Any:
    empty: dict[str, Any] = {
        "started_at": None,
        "finished_at": None,
        "last_attempted_at": None,
        "args": [],
        "errors": [],
        "worker_ids": [],
    }
    facts["kwargs"] = mask(facts["kwargs"])
    return TaskResult(task=task, **(empty | facts))


def _class_path(name: str, kind: str) -> str:
    if kind == "loss":
        return f"{WorkerLost.__module__}.{WorkerLost.__qualname__}"
    return name if "." in name else f"builtins.{name or 'Exception'}"
