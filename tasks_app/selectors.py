"""Every read, scoped to what the caller may see."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from tasks_app.access import Access
from tasks_app.documents import dump_json
from tasks_app.errors import TaskNotFound
from tasks_app.filters import Matches, TaskFilter, in_state, matching, succeeded_count
from tasks_app.functions import registry
from tasks_app.media import Media, from_document, is_media, shown_result
from tasks_app.models import Task
from tasks_app.progress import eta_seconds
from tasks_app.redis_client import read_result
from tasks_app.sealing import mask
from tasks_app.states import HELD, State
from tasks_app.wire import (
    AttemptDocument,
    Progress,
    RecentDocument,
    RecentTask,
    StopStep,
    TaskDetail,
    TaskRow,
)

PREVIEW_LETTERS = 200
COUNT_CAP = 10_000
MOST_ATTEMPTS = 100
"""The newest failed ones that a task is shown with: some are tried again for months."""
RECENT_EACH = 5
RECENT_WINDOW = 2_000
"""So many tasks are looked at for those: by function no index answers."""


@dataclass(frozen=True, slots=True)
class Page:
    """``searched_all`` is False when it is short because enough tasks were looked at; ``next`` goes on."""

    rows: list[TaskRow]
    next: str | None
    searched_all: bool
    etag: str


def visible_tasks(access: Access) -> QuerySet[Task]:
    """The tasks this caller may see. Raises NotAllowed without the right to view."""
    access.require("view")
    tasks = Task.objects.all()
    return tasks if access.view_all else tasks.filter(owner_id=access.user_id)


def digest(parts: Iterable[object]) -> str:
    text = "\n".join(map(str, parts))
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def instant(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None


def _progress(task: Task) -> Progress | None:
    live = getattr(task, "live", None)
    if live is None or live.attempt != task.attempt:
        return None
    return {
        "attempt": live.attempt,
        "seq": live.seq,
        "done": live.done,
        "total": live.total,
        "stage": live.stage,
        "rate": live.rate,
        "eta_seconds": eta_seconds(live.done, live.total, live.rate),
    }


def _steps(task: Task) -> list[StopStep]:
    live = getattr(task, "live", None)
    return list(live.steps) if live is not None and live.attempt == task.attempt else []


def _metadata(task: Task) -> dict[str, Any]:
    live = getattr(task, "live", None)
    return dict(live.metadata) if live is not None and live.attempt == task.attempt else {}


def _base(task: Task) -> dict[str, Any]:
    return {
        "id": str(task.pk),
        "function": registry.slug_of(task.function),
        "path": task.function,
        "queue": task.queue,
        "priority": task.priority,
        "state": task.state,
        "attempt": task.attempt,
        "failures": task.failures,
        "max_attempts": task.max_attempts,
        "losses": task.losses,
        "cancel_requested": task.cancel_requested,
        "revision": task.revision,
        "owner": task.owner.get_username() if task.owner else None,
        "batch": str(task.batch) if task.batch else None,
        "worker": task.last_worker or None,
        "created_at": instant(task.created_at),
        "run_at": instant(None if task.run_at == HELD else task.run_at),
        "started_at": instant(task.started_at),
        "finished_at": instant(task.finished_at),
        "error": task.error,
        "progress": _progress(task),
    }


def _row(task: Task) -> TaskRow:
    return {**_base(task), "arguments_preview": dump_json(mask(task.arguments))[:PREVIEW_LETTERS]}  # type: ignore[typeddict-item]


def _etag(tasks: Iterable[Task]) -> str:
    return digest(f"{t.pk} {t.revision} {_progress(t)}" for t in tasks)


def parse_id(text: str) -> UUID:
    """Raises TaskNotFound: what is no id names no task."""
    try:
        return UUID(text)
    except ValueError:
        raise TaskNotFound(text) from None


def matches(access: Access, wanted: TaskFilter, *, below: UUID | None = None) -> Matches:
    """What the caller may see of the tasks that match. Raises NotAllowed."""
    return matching(visible_tasks(access), wanted, below=below)


def task_page(access: Access, wanted: TaskFilter, *, cursor: UUID | None = None, limit: int = 50) -> Page:
    """Newest first, by keyset: the tasks with ids below ``cursor``. A page may be short, and not the last."""
    looked = matches(access, wanted, below=cursor)
    tasks = looked.tasks.select_related("owner", "live").defer("result").order_by("-id")
    found = list(tasks[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    following = found[-1].pk if more else looked.end
    return Page(
        rows=[_row(task) for task in found],
        next=str(following) if following else None,
        searched_all=more or looked.end is None,
        etag=digest([_etag(found), str(more), str(looked.end is None)]),
    )


def recent(access: Access) -> list[RecentDocument]:
    """The newest RECENT_EACH tasks of each function, among the newest RECENT_WINDOW. Raises NotAllowed."""
    fields = ("id", "state", "failures", "cancel_requested", "created_at", "started_at", "finished_at")
    newest = visible_tasks(access).order_by("-id").values_list("function", *fields)[:RECENT_WINDOW]
    found: defaultdict[str, list[RecentTask]] = defaultdict(list)
    for function, *values in newest:
        tasks = found[function]
        if len(tasks) < RECENT_EACH:
            task = dict(zip(fields, values, strict=True))
            tasks.append(
                {
                    "id": str(task["id"]),
                    "state": task["state"],
                    "failures": task["failures"],
                    "cancel_requested": task["cancel_requested"],
                    "created_at": instant(task["created_at"]) or "",
                    "started_at": instant(task["started_at"]),
                    "finished_at": instant(task["finished_at"]),
                }
            )
    return [{"name": registry.slug_of(path), "tasks": found[path]} for path in sorted(found)]


def _result(task: Task) -> Any:
    if task.state != State.SUCCEEDED:
        return None
    text = read_result(str(task.pk), task.attempt)
    return json.loads(text) if text is not None else task.result


def task_detail(access: Access, task_id: str) -> tuple[TaskDetail, str]:
    """One task in full, and its ETag. State from the row; the body from Redis, else from the row."""
    tasks = visible_tasks(access).select_related("owner", "live", "then_of")
    task = tasks.defer("result").filter(pk=parse_id(task_id)).first()
    if task is None:
        raise TaskNotFound(task_id)
    attempts: list[AttemptDocument] = [
        {
            "attempt": a.attempt,
            "kind": "loss" if a.kind == "loss" else "failure",
            "worker": a.worker_name,
            "error_class": a.error_class,
            "message": a.message,
            "traceback": a.traceback,
            "place": a.place,
            "started_at": instant(a.started_at),
            "finished_at": instant(a.finished_at),
        }
        for a in reversed(list(task.attempts.order_by("-attempt")[:MOST_ATTEMPTS]))
    ]
    result = _result(task)
    kind, shown = shown_result(result)
    document: TaskDetail = {
        **_base(task),  # type: ignore[typeddict-item]
        "then_of": str(task.then_of.pk) if hasattr(task, "then_of") else None,
        "arguments": mask(task.arguments),
        "result": shown,
        "result_kind": kind if task.state == State.SUCCEEDED else None,
        "result_url": f"/api/tasks/{task.pk}/result/" if kind in ("picture", "file") else None,
        "traceback": attempts[-1]["traceback"] or None if attempts and task.state == State.FAILED else None,
        "metadata": _metadata(task),
        "steps": _steps(task),
        "attempts": attempts,
    }
    return document, digest([_etag([task]), str(document["steps"])])


def media_result(access: Access, task_id: str) -> Media:
    """The picture or file a task returned. Raises TaskNotFound when there is none, ResultExpired."""
    task = visible_tasks(access).filter(pk=parse_id(task_id)).first()
    result = _result(task) if task else None
    if result is None or not is_media(result):
        raise TaskNotFound(task_id)
    return from_document(result)


@dataclass(frozen=True, slots=True)
class Counts:
    """``is_complete`` is False when there are older tasks than were counted."""

    by_state: dict[str, int]
    is_complete: bool


def counts(access: Access, wanted: TaskFilter) -> Counts:
    """Matching tasks per state, up to COUNT_CAP each, or among the newest where an index cannot count."""
    states = wanted.states or tuple(state.value for state in State)
    if wanted.is_plain and access.view_all:
        tasks = visible_tasks(access)
        found, is_complete = {}, True
        for state in map(State, states):
            if state == State.SUCCEEDED:
                found[state.value], is_complete = succeeded_count(COUNT_CAP)
            else:
                found[state.value] = in_state(tasks, state).values("pk")[:COUNT_CAP].count()
        return Counts(found, is_complete)
    looked = matching(visible_tasks(access), replace(wanted, states=()), is_counted=True)
    rows = looked.tasks.order_by().values_list("state").annotate(Count("pk"))
    by_state = dict.fromkeys(states, 0) | {s: min(n, COUNT_CAP) for s, n in rows if s in states}
    return Counts(by_state, looked.end is None)
