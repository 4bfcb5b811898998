"""For users' tests on the real backend: run in this process what waits in the database."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from functools import partial
from os import getpid
from typing import Any

import msgpack
from uuid_utils.compat import uuid7

from tasks_app import transitions
from tasks_app.compat import task_backends
from tasks_app.context import running
from tasks_app.database import DjangoSession
from tasks_app.django_result import row_result, running_result
from tasks_app.django_signals import announce_failure, announce_start, announce_success
from tasks_app.execution import failed_attempt, result_text
from tasks_app.functions import registry
from tasks_app.models import Task
from tasks_app.reporting import DeadLine
from tasks_app.states import HELD, State
from tasks_app.transitions import Claimed, Outcome

NODE = "test"
MOST_RUNS = 1000


def run_queued_tasks(*, ahead: bool = False) -> list[Any]:
    """Run all that waits, best first, with what these tasks enqueue and the retries that are due.

    Rows change by a worker's own statements, on this thread's connection and inside the transaction of the
    test. ``ahead``: what is scheduled for later runs too, retries included. What follows
    a batch runs after it. Progress and logs go nowhere.
    The ``TaskResult`` of each task that ran. Raises RuntimeError after MOST_RUNS attempts.
    """
    session, worker_id = DjangoSession(), str(uuid7())
    transitions.register(
        session,
        worker_id=worker_id,
        node=NODE,
        host=socket.gethostname(),
        pid=getpid(),
        version="",
        queues=[],
        concurrency=1,
        async_concurrency=1,
        lease_seconds=15.0,
    )
    ran: list[str] = []
    while claimed := _next(session, worker_id, ahead=ahead):
        if len(ran) == MOST_RUNS:
            raise RuntimeError(f"{MOST_RUNS} attempts and no end: does a task enqueue itself?")
        ran.append(claimed.id)
        transitions.finish(session, worker_id=worker_id, outcomes=[run_attempt(claimed)])
    transitions.drain(session, worker_id=worker_id)
    rows = Task.objects.prefetch_related("attempts").in_bulk(ran)
    by_id = {str(key): row for key, row in rows.items()}
    return [_result(by_id[task_id]) for task_id in dict.fromkeys(ran)]


def _next(session: DjangoSession, worker_id: str, *, ahead: bool) -> Claimed | None:
    if ahead:
        Task.objects.filter(state=State.SCHEDULED, run_at__lt=HELD).update(run_at=datetime.now(UTC))
    transitions.promote_due(session)
    transitions.promote_ended(session)
    known = [function.path for function in registry]
    waiting = Task.objects.filter(state=State.QUEUED, function__in=known).order_by("-priority", "id")
    for key in waiting.values_list("pk", flat=True).iterator():
        claimed = transitions.claim_ids(
            session, worker_id=worker_id, node=NODE, ids=[str(key)], functions=known
        )
        if claimed:  # none from a paused queue
            return claimed[0]
    return None


def run_attempt(claimed: Claimed) -> Outcome:
    """Run one attempt. ``KeyboardInterrupt`` is for the test, not for the task."""
    function = registry.by_path(claimed.function)
    envelope = claimed.envelope()
    result = running_result(function, envelope, node=NODE)
    announce_start(result)
    started = time.perf_counter()
    end = partial(Outcome, id=claimed.id, attempt=claimed.attempt)
    try:
        arguments = function.adapter.decode(claimed.arguments)
        with running(
            task_id=claimed.id, attempt=claimed.attempt, line=DeadLine(), result=lambda: result
        ) as context:
            positional = (context,) if function.takes_context else ()
            text = result_text(function.django_task.call(*positional, **arguments))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind, body = failed_attempt(function, envelope, error, time.perf_counter() - started)
        if kind == "failed":
            announce_failure(result, error)
        told: dict[str, Any] = msgpack.unpackb(body)
        del told["run_seconds"]
        return end(kind=kind, **told)
    announce_success(result, json.loads(text))
    return end(kind="succeeded", result=text)


def _result(row: Task) -> Any:
    function = registry.by_path(row.function)
    return row_result(row, alias=task_backends[function.django_task.backend].alias)
