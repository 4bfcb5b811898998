"""Why a task is not running yet, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Q

from tasks_app.access import Access
from tasks_app.delivery import delivery
from tasks_app.errors import TaskNotFound, UnknownFunction
from tasks_app.filters import in_state
from tasks_app.fleet import serving_nodes
from tasks_app.functions import registry
from tasks_app.models import Task
from tasks_app.pauses import paused_queues
from tasks_app.selectors import COUNT_CAP, instant, parse_id, visible_tasks
from tasks_app.states import HELD, State
from tasks_app.trends import attempts_per_second
from tasks_app.wire import WaitingReason


def reasons(access: Access, task_id: str) -> list[WaitingReason]:
    """What stands between a waiting task and its start, the decisive first; empty for any other.

    Raises NotAllowed, TaskNotFound.
    """
    task = visible_tasks(access).filter(pk=parse_id(task_id)).first()
    if task is None:
        raise TaskNotFound(task_id)
    if task.state == State.SCHEDULED:
        return [*_unknown_function(task), _not_due(task)]
    if task.state != State.QUEUED:
        return []
    stuck = [*_unknown_function(task), *_paused(task), *_nobody_serves(task)]
    slow = [] if stuck else _broker_down()
    return [*stuck, *slow, _in_line(task, is_moving=not stuck)]


def _reason(code: str, text: str, **facts: int | str | None) -> WaitingReason:
    return {"code": code, "text": text, "at": None, "ahead": None, **facts}  # type: ignore[typeddict-item]


def _unknown_function(task: Task) -> list[WaitingReason]:
    try:
        registry.by_path(task.function)
    except UnknownFunction:
        text = (
            f"This deployment does not know the function {task.function}. "
            "A worker whose code has it will take the task."
        )
        return [_reason("unknown_function", text)]
    return []


def _not_due(task: Task) -> WaitingReason:
    if task.run_at == HELD:
        return _reason("batch", "It runs when all tasks of its batch have ended.")
    if task.run_at is not None and task.run_at <= datetime.now(UTC):
        text = "It is due; a worker node moves it to its queue within a second, if one is alive."
        return _reason("due", text, at=instant(task.run_at))
    if task.failures:
        text = f"Attempt {task.failures} of {task.max_attempts} failed; the next one starts after a pause."
        return _reason("retry_pause", text, at=instant(task.run_at))
    return _reason("not_due", "It was submitted to run later.", at=instant(task.run_at))


def _paused(task: Task) -> list[WaitingReason]:
    pause = paused_queues().get(task.queue)
    if pause is None:
        return []
    by = f" by {pause['by']}" if pause["by"] else ""
    why = f": {pause['reason'].rstrip('.')}" if pause["reason"] else ""
    return [_reason("paused", f"The queue {task.queue} was paused{by}{why}.", at=pause["until"])]


def _nobody_serves(task: Task) -> list[WaitingReason]:
    if serving_nodes(task.queue):
        return []
    text = (
        f"No live worker serves the queue {task.queue}. "
        f"Start one with: manage.py runworker --queues {task.queue}"
    )
    return [_reason("no_worker", text)]


def _broker_down() -> list[WaitingReason]:
    """Whether the process that is asked can hand over messages; None where no broker is configured."""
    if delivery.broker_answers() is not False:
        return []
    text = (
        "The message broker does not answer. Tasks go on without it: "
        "a worker with a free slot looks into the table itself, every few seconds."
    )
    return [_reason("broker_down", text)]


def _in_line(task: Task, *, is_moving: bool) -> WaitingReason:
    """With an estimate of the start from what the queue did lately, while it moves and can be counted."""
    before = Q(priority__gt=task.priority) | Q(priority=task.priority, id__lt=task.pk)
    line = in_state(Task.objects.all(), State.QUEUED).filter(before, queue=task.queue)
    ahead = line.order_by().values("pk")[:COUNT_CAP].count()
    if not ahead:
        text = "It is the next one" if is_moving else "No task stands before it"
        return _reason("next", f"{text} in the queue {task.queue}.", ahead=0)
    number = f"{COUNT_CAP:,} or more" if ahead >= COUNT_CAP else f"{ahead:,}"
    stand = "task stands" if ahead == 1 else "tasks stand"
    text = f"{number} {stand} before it in the queue {task.queue}."
    rate = attempts_per_second(task.queue) if is_moving and ahead < COUNT_CAP else 0.0
    start = datetime.now(UTC) + timedelta(seconds=ahead / rate) if rate else None
    return _reason("in_line", text, ahead=ahead, at=instant(start))
