"""Taskdeck as a backend of Django's Tasks API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from tasks_app.compat import BaseTaskBackend, TaskResultDoesNotExist, task_enqueued
from tasks_app.django_result import row_result, waiting_result
from tasks_app.django_task import TaskdeckTask
from tasks_app.functions import registry
from tasks_app.models import Task


class TaskdeckBackend(BaseTaskBackend):
    """``TASKS = {"default": {"BACKEND": "tasks_app.backend.TaskdeckBackend"}}``."""

    task_class = TaskdeckTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Store the task. Raises InvalidTask, InvalidArguments and DatabaseUnavailable."""
        from tasks_app.submit import submit  # publisher and Redis client, for those alone who enqueue

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
        if not submitted.is_new:
            return self.get_result(submitted.id)
        result = waiting_result(task, task_id=submitted.id, arguments=submitted.arguments)
        task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """Raises TaskResultDoesNotExist."""
        try:
            row = Task.objects.prefetch_related("attempts").get(pk=result_id)
        except (Task.DoesNotExist, ValidationError):
            raise TaskResultDoesNotExist(result_id) from None
        return row_result(row, alias=self.alias)
