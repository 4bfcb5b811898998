"""Accepting work: one INSERT, then the hand-over beside the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils import uuid7

from tasks_app.database import DjangoSession
from tasks_app.delivery import Notice, delivery
from tasks_app.documents import check_text, join_field
from tasks_app.errors import DatabaseUnavailable, FieldError, InvalidArguments, UniqueConflict
from tasks_app.functions import TaskFunction
from tasks_app.insertion import NewTask, insert
from tasks_app.messages import Message
from tasks_app.models import Task, TaskBatch
from tasks_app.states import HELD, TERMINAL, State
from tasks_app.uniqueness import unique_key
from tasks_app.wire import TaskEvent

MOST_PRIORITY = 100
MOST_QUEUE_LETTERS = 100
MOST_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Submitted:
    """``is_new`` False: the live task of a unique function, which was there before."""

    id: str
    state: State
    arguments: dict[str, Any]
    """As they are stored: by name, secrets sealed."""
    is_new: bool = True


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
    tasks = prepare(
        function=function,
        arguments=[checked],
        owner_id=owner_id,
        queue=queue,
        priority=priority,
        run_after=run_after,
    )
    return store(tasks)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedBatch:
    """``tasks`` in the order given; ``then`` is held until they have ended."""

    id: UUID
    tasks: list[Submitted]
    then: Submitted | None


def submit_all(
    tasks: Sequence[NewTask],
    *,
    batch: UUID | None = None,
    owner_id: int | None = None,
    then: NewTask | None = None,
) -> SubmittedBatch:
    """Store prepared tasks as one batch, all or none, and ``then``, which is held until all have ended.

    ``batch`` is the id it gets. A unique task that gave way to a live one is not of the batch. Raises
    DatabaseUnavailable, and UniqueConflict where ``then`` itself would give way.
    """
    batch = batch or UUID(str(uuid7()))
    members = [task if task.batch == batch else replace(task, batch=batch) for task in tasks]
    held = [replace(then, run_at=HELD)] if then else []
    with transaction.atomic():
        submitted = store([*members, *held])
        kept_then = submitted[len(members)] if then else None
        if kept_then and not kept_then.is_new:
            raise UniqueConflict
        TaskBatch.objects.create(
            id=batch,
            owner_id=owner_id,
            created_at=datetime.now(UTC),
            size=sum(one.is_new for one in submitted[: len(members)]),
            then_task_id=kept_then.id if kept_then else None,
        )
    return SubmittedBatch(id=batch, tasks=submitted[: len(members)], then=kept_then)


def prepare(
    *,
    function: TaskFunction,
    arguments: Iterable[dict[str, Any]],
    owner_id: int | None,
    queue: str | None = None,
    priority: int | None = None,
    run_after: datetime | None = None,
    batch: UUID | None = None,
    field: str = "",
) -> list[NewTask]:
    """One task for each of ``arguments``, alike in all else; each as its adapter returned it.

    Raises InvalidArguments with fields below ``field``.
    """
    queue = function.queue if queue is None else queue
    priority = function.priority if priority is None else priority
    _check_options(function, queue, priority, run_after, field)
    now = datetime.now(UTC)
    run_at = run_after if run_after is not None and run_after > now else None
    return [
        NewTask(
            id=str(uuid7()),
            function=function,
            arguments=own,
            queue=queue,
            priority=priority,
            run_at=run_at,
            owner_id=owner_id,
            created_at=now,
            unique_key=unique_key(function, own),
            batch=batch,
        )
        for own in arguments
    ]


def store(tasks: Sequence[NewTask]) -> list[Submitted]:
    """One answer for each, in the same order. Raises DatabaseUnavailable.

    A unique task whose key is taken gives way to the live one. That may end before it is looked up: then
    the key is free, and the task is inserted after all.
    """
    answers: dict[str, Submitted] = {}
    stored: list[NewTask] = []
    left = list(tasks)
    for _ in range(MOST_ROUNDS):
        inserted = insert(DjangoSession(is_preparing=True), left)
        stored += [task for task in left if task.id in inserted]
        left = [task for task in left if task.id not in inserted]
        if not left:
            break
        live = _live_by_key([task.unique_key for task in left if task.unique_key])
        answers |= {task.id: live[task.unique_key] for task in left if task.unique_key in live}
        left = [task for task in left if task.id not in answers]
    if left:
        raise DatabaseUnavailable("a unique key changed hands too often")
    answers |= {task.id: Submitted(task.id, task.state, task.arguments) for task in stored}
    notices = [_notice(task) for task in stored]
    transaction.on_commit(lambda: delivery.announce_all(notices), robust=True)
    return [answers[task.id] for task in tasks]


def _live_by_key(keys: Iterable[str]) -> dict[str, Submitted]:
    live = Task.objects.filter(unique_key__in=set(keys)).exclude(state__in=TERMINAL)
    return {
        key: Submitted(str(pk), State(state), arguments, is_new=False)
        for key, pk, state, arguments in live.values_list("unique_key", "pk", "state", "arguments")
        if key
    }


def _notice(task: NewTask) -> Notice:
    event: TaskEvent = {
        "id": task.id,
        "owner_id": task.owner_id,
        "revision": 1,
        "state": task.state,
        "function": task.function.slug,
        "queue": task.queue,
    }
    if task.batch:
        event["batch"] = str(task.batch)
    return Notice(
        event=event,
        waiting=Message(task.id, task.queue, task.function.path) if task.run_at is None else None,
        is_urgent=task.priority > 0,
    )


def _check_options(
    function: TaskFunction, queue: str, priority: int, run_after: datetime | None, field: str
) -> None:
    faults = []
    listed = function.django_task.get_backend().queues
    if fault := queue_fault(queue, join_field(field, "queue")):
        faults.append(("queue", fault))
    if listed and queue not in listed:
        faults.append(("queue", f"must be one of {', '.join(sorted(listed))}"))
    if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
        faults.append(("priority", f"must be between -{MOST_PRIORITY} and {MOST_PRIORITY}"))
    if run_after is not None and run_after.tzinfo is None:
        faults.append(("run_after", "must have a time zone"))
    if faults:
        raise InvalidArguments([FieldError(join_field(field, name), message) for name, message in faults])


def queue_fault(queue: str, field: str) -> str | None:
    """What is wrong with a queue's name. Raises InvalidDocument for characters no database stores."""
    if not queue or len(queue) > MOST_QUEUE_LETTERS or not queue.isprintable():
        return f"must have 1 to {MOST_QUEUE_LETTERS} printable characters"
    check_text(queue, field)
    return None
