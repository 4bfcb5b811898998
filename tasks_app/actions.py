"""What people do to a task after submitting it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from tasks_app import transitions
from tasks_app.access import Access
from tasks_app.database import DjangoSession
from tasks_app.delivery import delivery
from tasks_app.errors import StateConflict, StatementRefused, TaskNotFound, UniqueConflict
from tasks_app.functions import registry
from tasks_app.live import event_of
from tasks_app.messages import Message
from tasks_app.models import Task
from tasks_app.selectors import parse_id, visible_tasks
from tasks_app.states import State
from tasks_app.transitions import Changed
from tasks_app.uniqueness import unique_key
from tasks_app.wire import StopStep


@dataclass(frozen=True, slots=True)
class Acted:
    state: State
    cancel_requested: bool


def _find(access: Access, task_id: str) -> Task:
    task = visible_tasks(access).filter(pk=parse_id(task_id)).first()
    if task is None:
        raise TaskNotFound(task_id)
    return task


def cancel(*, access: Access, task_id: str) -> Acted:
    """Cancel a waiting task at once, ask a running one to stop. Raises StateConflict when it has ended."""
    access.require("cancel")
    task = _find(access, task_id)
    changed = transitions.cancel(DjangoSession(), ids=[str(task.pk)])
    if changed:
        announce_cancel(changed[0])
        return Acted(changed[0].state, True)
    task.refresh_from_db()
    if task.state == State.RUNNING and task.cancel_requested:
        return Acted(State.RUNNING, True)
    raise StateConflict(task.state, "cancel")


def announce_cancel(changed: Changed) -> None:
    if changed.state != State.RUNNING:
        delivery.announce(event_of(changed, cancel_requested=True))
        return
    step: StopStep = {"step": "requested", "reason": "cancel", "at": datetime.now(UTC).isoformat()}
    transitions.record_step(DjangoSession(), task_id=changed.id, attempt=changed.attempt, step=step)
    delivery.announce(event_of(changed, cancel_requested=True, step=step))


def retry(*, access: Access, task_id: str, arguments: Mapping[str, Any] | None = None) -> Acted:
    """Send an ended task back to its queue, with other arguments if they are given.

    Secrets that were only shown masked may come back masked: they stay. Raises StateConflict while it has not
    ended, UniqueConflict while another task holds its unique key, InvalidArguments, UnknownFunction.
    """
    access.require("retry")
    task = _find(access, task_id)
    edits = {} if arguments is None else _edits(access, task, arguments)
    try:
        with transaction.atomic():
            changed = transitions.retry(DjangoSession(), ids=[str(task.pk)], **edits)
    except StatementRefused:
        raise UniqueConflict from None
    if not changed:
        task.refresh_from_db()
        raise StateConflict(task.state, "retry")
    announce_retry(changed[0], is_urgent=task.priority > 0)
    return Acted(changed[0].state, False)


def _edits(access: Access, task: Task, arguments: Mapping[str, Any]) -> dict[str, Any]:
    access.require("submit")
    function = registry.by_path(task.function)
    checked = function.adapter.validate(arguments, prefix="arguments", before=task.arguments)
    return {"arguments": json.dumps(checked), "unique_key": unique_key(function, checked)}


def announce_retry(changed: Changed, *, is_urgent: bool = False) -> None:
    message = Message(changed.id, changed.queue, changed.function)
    delivery.announce(event_of(changed, cancel_requested=False), waiting=message, is_urgent=is_urgent)
