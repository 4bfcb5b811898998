"""What runs after a batch."""

from __future__ import annotations

from uuid import UUID

from tasks_app.compat import task
from tasks_app.models import Task


@task()
def sums_up(batch_id: UUID, plus: int = 0) -> int:
    """The sum of what the batch returned."""
    results = Task.objects.filter(batch=batch_id, state="succeeded").values_list("result", flat=True)
    return sum(results, start=plus)


@task()
def takes_no_batch(text: str) -> str:
    return text
