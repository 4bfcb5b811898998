"""Backends for users' own tests. They take the same keywords and refuse the same arguments as the real one.

``ImmediateBackend`` runs a task inside ``enqueue()``, once; ``DummyBackend`` only keeps it in ``results``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from uuid_utils.compat import uuid7

from tasks_app.compat import DjangoDummyBackend, DjangoImmediateBackend, TaskResultStatus, task_enqueued
from tasks_app.context import running
from tasks_app.django_result import update, waiting_result
from tasks_app.django_signals import announce_failure, announce_start, announce_success
from tasks_app.django_task import TaskdeckTask
from tasks_app.documents import dump_json
from tasks_app.execution import result_text
from tasks_app.functions import TaskFunction, describe
from tasks_app.reporting import DeadLine


@cache
def function_of(task: Any) -> TaskFunction:
    """Functions of test modules are registered nowhere."""
    return describe(task)


def checked_arguments(task: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """By name, as JSON values. Raises InvalidArguments."""
    adapter = function_of(task).adapter
    return adapter.validate(adapter.bind(tuple(args), kwargs))


class DummyBackend(DjangoDummyBackend):
    """``enqueue()`` adds to ``default_task_backend.results``."""

    task_class = TaskdeckTask

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Raises InvalidTask and InvalidArguments."""
        return super().enqueue(task, [], checked_arguments(task, args, kwargs))


class ImmediateBackend(DjangoImmediateBackend):
    """``enqueue()`` returns when the function has ended; what it raised is in the result's ``errors``.

    Arguments are decoded, results pass the gate and functions get their context as in a worker.
    """

    task_class = TaskdeckTask

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Raises InvalidTask and InvalidArguments."""
        self.validate_task(task)
        arguments = checked_arguments(task, args, kwargs)
        result = waiting_result(task, task_id=str(uuid7()), arguments=arguments)
        task_enqueued.send(type(self), task_result=result)
        self._run(result, arguments)
        return result

    def _run(self, result: Any, arguments: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        update(result, status=TaskResultStatus.RUNNING, started_at=now, last_attempted_at=now)
        result.worker_ids.append(self.worker_id)
        announce_start(result)
        try:
            text = result_text(self._call(result, arguments))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            announce_failure(result, error)
        else:
            announce_success(result, json.loads(text))

    def _call(self, result: Any, arguments: dict[str, Any]) -> Any:
        function = function_of(result.task)
        decoded = function.adapter.decode(dump_json(arguments))
        with running(task_id=result.id, attempt=1, line=DeadLine(), result=lambda: result) as context:
            return result.task.call(*((context,) if function.takes_context else ()), **decoded)
