"""Many tasks at once: one transaction, one hand-over, one batch id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tasks_app.compat import task_enqueued
from tasks_app.django_result import waiting_result
from tasks_app.functions import registry
from tasks_app.insertion import NewTask
from tasks_app.submit import Submitted, prepare, submit_all

DJANGOS_OWN_RECEIVERS = 1


@dataclass(frozen=True, slots=True)
class Batch:
    """``task_ids`` in the order of the arguments."""

    id: UUID
    task_ids: list[str]


def enqueue_many(task: Any, arguments: Iterable[Mapping[str, Any]]) -> Batch:
    """``enqueue(**arguments)`` for each, all or none. ``task`` as from ``@task``, or from its ``using()``.

    Raises InvalidTask, InvalidArguments with fields such as ``3.number``, and DatabaseUnavailable.
    """
    task.get_backend().validate_task(task)
    function = registry.by_path(task.module_path)
    bound = [function.adapter.bind((), given) for given in arguments]
    new: list[NewTask] = [
        prepare(
            function=function,
            arguments=function.adapter.validate(given, prefix=str(index)),
            owner_id=None,
            queue=task.queue_name,
            priority=task.priority,
            run_after=task.run_after,
        )
        for index, given in enumerate(bound)
    ]
    batch, submitted = submit_all(new)
    _send_signals(task, submitted)
    return Batch(batch, [one.id for one in submitted])


def _send_signals(task: Any, submitted: Iterable[Submitted]) -> None:
    """``task_enqueued`` for each new one, if any receiver but Django's log line listens."""
    if len(task_enqueued.receivers) <= DJANGOS_OWN_RECEIVERS:
        return
    sender = type(task.get_backend())
    for one in submitted:
        if one.is_new:
            result = waiting_result(task, task_id=one.id, arguments=one.arguments)
            task_enqueued.send(sender, task_result=result)
