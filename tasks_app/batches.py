"""Many tasks at once: one transaction, one hand-over, one batch id, and what is to run when all have ended.

The task that is to run then is stored with the others, scheduled for ``states.HELD``, a time that never
comes. Any worker node moves it to its queue once no task of the batch is live, by one conditional update:
there is no moment at which a crash could lose it or let it run twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from tasks_app.compat import task_enqueued
from tasks_app.django_result import waiting_result
from tasks_app.errors import FieldError, InvalidArguments
from tasks_app.functions import TaskFunction, registry
from tasks_app.insertion import NewTask
from tasks_app.submit import Submitted, prepare, submit_all

DJANGOS_OWN_RECEIVERS = 1
BATCH_ID = "batch_id"
"""The argument by which a function that runs after a batch is told which one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """``task_ids`` in the order of the arguments; ``then_id`` is the task that waits for their end."""

    id: UUID
    task_ids: list[str]
    then_id: str | None = None


def enqueue_many(
    task: Any,
    arguments: Iterable[Mapping[str, Any]],
    *,
    then: Any = None,
    then_arguments: Mapping[str, Any] | None = None,
) -> Batch:
    """``enqueue(**arguments)`` for each, all or none. ``task`` as from ``@task``, or from its ``using()``.

    ``then``, a task as well, is submitted with them and runs once when all have succeeded, failed or been
    cancelled; after none at once. It gets ``then_arguments``, and the batch's id if it takes a ``batch_id``.

    Raises InvalidTask, InvalidArguments with fields such as ``3.number`` and ``then.number``, UniqueConflict
    where another task holds the key of ``then``, and DatabaseUnavailable.
    """
    batch: UUID = uuid7()
    task.get_backend().validate_task(task)
    function = registry.by_path(task.module_path)
    bound = [function.adapter.bind((), given) for given in arguments]
    new = _prepared(
        task,
        function,
        [function.adapter.validate(given, prefix=str(index)) for index, given in enumerate(bound)],
        batch=batch,
        field="0",
    )
    held = None if then is None else _held(then, then_arguments or {}, batch)
    submitted = submit_all(new, batch=batch, then=held)
    _send_signals(task, submitted.tasks)
    if submitted.then:
        _send_signals(then, [submitted.then])
    return Batch(batch, [one.id for one in submitted.tasks], submitted.then.id if submitted.then else None)


def with_batch_id(function: TaskFunction, arguments: Mapping[str, Any], batch: UUID) -> dict[str, Any]:
    """``arguments`` of a function that is to run after ``batch``: with its id, if it takes a ``batch_id``."""
    told = {BATCH_ID: str(batch)} if BATCH_ID in function.adapter.names else {}
    return {**told, **arguments}


def _prepared(
    task: Any, function: TaskFunction, arguments: list[dict[str, Any]], *, batch: UUID | None, field: str
) -> list[NewTask]:
    return prepare(
        function=function,
        arguments=arguments,
        owner_id=None,
        queue=task.queue_name,
        priority=task.priority,
        run_after=task.run_after,
        batch=batch,
        field=field,
    )


def _held(then: Any, arguments: Mapping[str, Any], batch: UUID) -> NewTask:
    if then.run_after is not None:
        raise InvalidArguments([FieldError("then.run_after", "cannot be given: it runs after the batch")])
    then.get_backend().validate_task(then)
    function = registry.by_path(then.module_path)
    given = with_batch_id(function, function.adapter.bind((), arguments), batch)
    checked = function.adapter.validate(given, prefix="then")
    [held] = _prepared(then, function, [checked], batch=None, field="then")
    return held


def _send_signals(task: Any, submitted: Iterable[Submitted]) -> None:
    """``task_enqueued`` for each new one, if any receiver but Django's log line listens."""
    if len(task_enqueued.receivers) <= DJANGOS_OWN_RECEIVERS:
        return
    sender = type(task.get_backend())
    for one in submitted:
        if one.is_new:
            result = waiting_result(task, task_id=one.id, arguments=one.arguments)
            task_enqueued.send(sender, task_result=result)
