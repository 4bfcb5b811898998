"""Accepting work: one INSERT, then the hand-over beside the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, transaction

from tasks_app.delivery import delivery
from tasks_app.documents import check_text
from tasks_app.errors import DatabaseUnavailable, FieldError, InvalidArguments
from tasks_app.functions import TaskFunction
from tasks_app.messages import Message
from tasks_app.models import Task
from tasks_app.states import State
from tasks_app.wire import TaskEvent

MOST_PRIORITY = 100
MOST_QUEUE_LETTERS = 100


@dataclass(frozen=True, slots=True)
class Submitted:
    id: str
    state: State
    arguments: dict[str, Any]
    """As they are stored: by name, secrets sealed."""


def submit(
    *,
    function: TaskFunction,
    arguments: Mapping[str, Any],
    owner_id: int | None,
    queue: str | None = None,
    priority: int | None = None,
    run_after: datetime | None = None,
    validate: bool = True,
    arguments_field: str = "",
) -> Submitted:
    """Store a task and, after commit, announce it.

    ``arguments`` by name; ``priority`` from -100 to 100, higher first; ``run_after`` aware. ``validate``
    is off only for the original interface, where a bad number is a failed task. Raises InvalidArguments
    with each field (those of arguments below ``arguments_field``) and DatabaseUnavailable.
    """
    checked = function.adapter.validate(arguments, prefix=arguments_field) if validate else dict(arguments)
    queue = function.queue if queue is None else queue
    priority = function.priority if priority is None else priority
    _check_options(function, queue, priority, run_after)
    now = datetime.now(UTC)
    waits = run_after is not None and run_after > now
    task = Task(
        function=function.path,
        queue=queue,
        priority=priority,
        state=State.SCHEDULED if waits else State.QUEUED,
        run_at=run_after if waits else None,
        owner_id=owner_id,
        max_attempts=function.options.max_attempts,
        max_losses=function.options.losses_allowed,
        arguments=checked,
        created_at=now,
    )
    try:
        task.save(force_insert=True)
    except DatabaseError as error:
        raise DatabaseUnavailable(str(error)) from error
    event: TaskEvent = {
        "id": str(task.id),
        "owner_id": owner_id,
        "revision": 1,
        "state": task.state,
        "function": function.slug,
        "queue": queue,
    }
    message = None if waits else Message(str(task.id), queue, function.path)
    transaction.on_commit(
        lambda: delivery.announce(event, waiting=message, is_urgent=priority > 0), robust=True
    )
    return Submitted(str(task.id), State(task.state), checked)


def _check_options(function: TaskFunction, queue: str, priority: int, run_after: datetime | None) -> None:
    faults = []
    listed = function.django_task.get_backend().queues
    if not queue or len(queue) > MOST_QUEUE_LETTERS or not queue.isprintable():
        faults.append(FieldError("queue", f"must have 1 to {MOST_QUEUE_LETTERS} printable characters"))
    else:
        check_text(queue, "queue")
    if listed and queue not in listed:
        faults.append(FieldError("queue", f"must be one of {', '.join(sorted(listed))}"))
    if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
        faults.append(FieldError("priority", f"must be between -{MOST_PRIORITY} and {MOST_PRIORITY}"))
    if run_after is not None and run_after.tzinfo is None:
        faults.append(FieldError("run_after", "must have a time zone"))
    if faults:
        raise InvalidArguments(faults)
