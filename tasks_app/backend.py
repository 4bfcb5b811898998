"""Taskdeck as a backend of Django's Tasks API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from tasks_app.compat import (
    BaseTaskBackend,
    Task,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_enqueued,
)
from tasks_app.django_task import TaskdeckTask
from tasks_app.functions import registry
from tasks_app.models import Task as TaskRecord
from tasks_app.states import State, django_status
from tasks_app.submit import submit


class TaskdeckBackend(BaseTaskBackend):
    """``TASKS = {"default": {"BACKEND": "tasks_app.backend.TaskdeckBackend"}}``."""

    task_class = TaskdeckTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Store the task. Raises InvalidTask, InvalidArguments and DatabaseUnavailable."""
        self.validate_task(task)
        function = registry.by_path(task.module_path)
        submitted = submit(
            function=function,
            arguments=function.adapter.bind(tuple(args), kwargs),
            owner_id=None,
            queue=task.queue_name,
            priority=task.priority,
            run_after=task.run_after,
        )
        result = self.get_result(submitted.id)
        task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """Raises TaskResultDoesNotExist."""
        try:
            row = TaskRecord.objects.prefetch_related("attempts").get(pk=result_id)
        except (TaskRecord.DoesNotExist, ValidationError):
            raise TaskResultDoesNotExist(result_id) from None
        return self._result(row)

    def _result(self, row: TaskRecord) -> Any:
        task: Task[Any, Any] = registry.by_path(row.function).django_task
        past = sorted(row.attempts.all(), key=lambda a: a.attempt)
        workers = [attempt.worker_name for attempt in past]
        if row.attempt > len(workers):
            workers += [row.last_worker] * (row.attempt - len(workers))
        result: Any = TaskResult(
            task=task.using(priority=row.priority, queue_name=row.queue, run_after=row.run_at),
            id=str(row.pk),
            status=TaskResultStatus[django_status(State(row.state))],
            enqueued_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            last_attempted_at=row.started_at,
            args=[],
            kwargs=row.arguments,
            backend=self.alias,
            errors=[
                TaskError(exception_class_path=_class_path(a.error_class), traceback=a.traceback or a.message)
                for a in past
            ],
            worker_ids=workers,
        )
        if row.state == State.SUCCEEDED:
            object.__setattr__(result, "_return_value", row.result)
        return result


def _class_path(name: str) -> str:
    if not name:
        return "builtins.RuntimeError"
    return name if "." in name else f"builtins.{name}"
