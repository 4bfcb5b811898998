"""Running the sample functions as an executor does."""

from __future__ import annotations

import json
from typing import Any

import msgpack

from tasks_app.execution import run_task
from tasks_app.models import Task
from tasks_app.reporting import DeadLine

MODULE = "tests.support.sample_tasks"


def result_of(task_id: str) -> Any:
    """What a stored task returns when it is run."""
    row = Task.objects.get(pk=task_id)
    envelope = {
        "id": str(row.pk),
        "attempt": 1,
        "arguments": json.dumps(row.arguments),
        "queue": row.queue,
        "priority": row.priority,
        "failures": 0,
        "max_attempts": 1,
    }
    kind, body = run_task(row.function, msgpack.packb(envelope), DeadLine(), node="here")
    assert kind == "succeeded", msgpack.unpackb(body)
    return json.loads(msgpack.unpackb(body)[0])
