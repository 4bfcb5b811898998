"""Running the sample functions without a worker."""

from __future__ import annotations

import json
from typing import Any

from tasks_app.models import Task
from tasks_app.testing import run_attempt
from tasks_app.transitions import Claimed

MODULE = "tests.support.sample_tasks"


def result_of(task_id: str) -> Any:
    """What a stored task returns when it is run."""
    row = Task.objects.get(pk=task_id)
    outcome = run_attempt(
        Claimed(
            id=str(row.pk),
            attempt=1,
            revision=row.revision,
            priority=row.priority,
            function=row.function,
            queue=row.queue,
            arguments=json.dumps(row.arguments),
            failures=0,
            losses=0,
            max_attempts=1,
            owner_id=None,
        )
    )
    assert outcome.result is not None, outcome
    return json.loads(outcome.result)
