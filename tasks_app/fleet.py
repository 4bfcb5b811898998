"""The worker nodes and the queues they serve, as people look at them. Nothing here decides anything."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from tasks_app.access import Access
from tasks_app.errors import WorkerNotFound
from tasks_app.filters import in_state
from tasks_app.fleet_wire import MessageCounts, QueueDocument, RunningTask, WorkerDocument
from tasks_app.functions import registry
from tasks_app.models import Task, Worker
from tasks_app.pauses import paused_queues
from tasks_app.selectors import COUNT_CAP, instant, visible_tasks
from tasks_app.states import State

MOST_WORKERS = 100
MOST_OTHERS = 100
MOST_RUNNING = 500


def is_heard_of(worker: Worker, now: datetime) -> bool:
    """Did the node renew within its lease? By the wall clock: for display, the reaper knows better."""
    return worker.state == "alive" and now - timedelta(seconds=worker.lease_seconds) < worker.heartbeat_at


def heard_of() -> list[Worker]:
    """The nodes that can be counted on now."""
    now = datetime.now(UTC)
    return [worker for worker in Worker.objects.filter(state="alive") if is_heard_of(worker, now)]


def workers(access: Access) -> list[WorkerDocument]:
    """Live worker nodes first, then those that ended, newest first; a hundred at most."""
    access.require("view")
    now = datetime.now(UTC)
    rows = list(Worker.objects.order_by("state", "-started_at")[:MOST_WORKERS])
    counted, in_loops = _running_by("worker_id", Task.objects.all())
    running = _running_by_worker(access)
    return [
        {
            "id": str(w.pk),
            "node": w.node,
            "host": w.host,
            "pid": w.pid,
            "version": w.version,
            "state": w.state,
            "is_late": w.state == "alive" and not is_heard_of(w, now),
            "is_quiet": w.is_quiet,
            "queues": w.queues,
            "concurrency": w.concurrency,
            "async_concurrency": w.async_concurrency,
            "blocked_by": w.blocked_by,
            "running": counted[w.pk],
            "running_async": in_loops[w.pk],
            "running_tasks": running[w.pk],
            "claims_by_message": w.claims_by_message,
            "claims_direct": w.claims_direct,
            "messages": _messages(w.messages),
            "load": w.load,
            "started_at": instant(w.started_at) or "",
            "heartbeat_at": instant(w.heartbeat_at) or "",
            "heartbeat_age_seconds": max(0.0, round((now - w.heartbeat_at).total_seconds(), 1)),
            "stopped_at": instant(w.stopped_at),
        }
        for w in rows
    ]


def _messages(noted: dict[str, int]) -> MessageCounts:
    return {
        "malformed": noted.get("malformed", 0),
        "unknown": noted.get("unknown", 0),
        "dropped": noted.get("dropped", 0),
        "nacked": noted.get("nacked", 0),
        "waiting": noted.get("waiting", 0),
    }


def quiet(access: Access, worker_id: str, is_quiet: bool) -> None:
    """Ask a live worker to claim nothing more, or to claim again. It hears so at its next heartbeat.

    Raises NotAllowed, WorkerNotFound.
    """
    access.require("operate")
    try:
        live = Worker.objects.filter(pk=UUID(worker_id), state="alive")
    except ValueError:
        raise WorkerNotFound(worker_id) from None
    if not live.update(is_quiet=is_quiet):
        raise WorkerNotFound(worker_id)


def _running_by(field: str, tasks: QuerySet[Task]) -> tuple[Counter[Any], Counter[Any]]:
    """By the field: the tasks that run, and those of async functions among them."""
    every: Counter[Any] = Counter()
    in_loops: Counter[Any] = Counter()
    is_async = {function.path for function in registry if function.is_async}
    running = in_state(tasks, State.RUNNING).order_by()
    for value, path, count in running.values_list(field, "function").annotate(Count("pk")):
        every[value] += count
        in_loops[value] += count if path in is_async else 0
    return every, in_loops


def _running_by_worker(access: Access) -> defaultdict[Any, list[RunningTask]]:
    """What the caller may see of the tasks that run now, oldest first."""
    found: defaultdict[Any, list[RunningTask]] = defaultdict(list)
    tasks = in_state(visible_tasks(access), State.RUNNING).only("worker_id", "function", "started_at")
    for task in tasks.order_by("started_at")[:MOST_RUNNING]:
        found[task.worker_id].append(
            {
                "id": str(task.pk),
                "function": registry.slug_of(task.function),
                "started_at": instant(task.started_at),
            }
        )
    return found


def queues(access: Access) -> list[QueueDocument]:
    """Every queue that a function names, that a worker serves or holds tasks of, or that is paused, by name;
    of others in which tasks wait the first MOST_OTHERS, as any submit may name one.
    """
    waiting = in_state(visible_tasks(access), State.QUEUED).order_by()
    running, in_loops = _running_by("queue", visible_tasks(access))
    serving: defaultdict[str, list[Worker]] = defaultdict(list)
    for worker in heard_of():
        for queue in () if worker.is_quiet else worker.queues:
            serving[queue].append(worker)
    paused = paused_queues()
    names = {function.queue for function in registry} | serving.keys() | running.keys() | paused.keys()
    return [
        {
            "name": name,
            "depth": waiting.filter(queue=name).values("pk")[:COUNT_CAP].count(),
            "cap": COUNT_CAP,
            "oldest_at": instant(_oldest(waiting.filter(queue=name))),
            "running": running[name],
            "running_async": in_loops[name],
            "workers": len(serving[name]),
            "slots": sum(worker.concurrency for worker in serving[name]),
            "async_slots": sum(worker.async_concurrency for worker in serving[name]),
            "paused": paused.get(name),
        }
        for name in sorted(names | set(itertools.islice(_queues_of(waiting), len(names) + MOST_OTHERS)))
    ]


def _queues_of(waiting: QuerySet[Task]) -> Iterator[str]:
    """The queues in which tasks wait: one look into the index per queue, however many wait."""
    name = waiting.order_by("queue").values_list("queue", flat=True).first()
    while name is not None:
        yield name
        name = waiting.filter(queue__gt=name).order_by("queue").values_list("queue", flat=True).first()


def _oldest(waiting: QuerySet[Task]) -> datetime | None:
    """When the oldest of one queue was submitted: the head of each priority, as the index has them."""
    heads = []
    line = waiting.order_by("-priority", "id").values_list("priority", "created_at")
    head = line.first()
    while head is not None:
        heads.append(head[1])
        head = line.filter(priority__lt=head[0]).first()
    return min(heads, default=None)


def serving_nodes(queue: str) -> list[Worker]:
    """Those heard of within their lease that claim."""
    return [worker for worker in heard_of() if queue in worker.queues and not worker.is_quiet]
