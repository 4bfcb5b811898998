"""How things stand, at a glance. Every figure is bounded, so that ten million rows cost what ten do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from tasks_app.access import Access
from tasks_app.conf import get_conf
from tasks_app.filters import in_state
from tasks_app.fleet import heard_of, queues
from tasks_app.fleet_wire import FailureGroup, OverviewDocument, RetentionDocument
from tasks_app.functions import registry
from tasks_app.models import TaskAttempt
from tasks_app.selectors import COUNT_CAP, instant, visible_tasks
from tasks_app.states import State

FAILED_WITHIN = timedelta(hours=1)
MOST_FAILURES = 1_000
"""The newest failed tasks that are looked at."""
MOST_GROUPS = 20


def overview(access: Access) -> OverviewDocument:
    """Raises NotAllowed."""
    tasks = visible_tasks(access)
    nodes = heard_of()
    lines = queues(access)
    groups, failed = _failures(access)
    return {
        "workers": len(nodes),
        "slots": sum(node.concurrency for node in nodes),
        "async_slots": sum(node.async_concurrency for node in nodes),
        "running": sum(line["running"] for line in lines),
        "running_async": sum(line["running_async"] for line in lines),
        "waiting": in_state(tasks, State.QUEUED).values("pk")[:COUNT_CAP].count(),
        "oldest_at": min((line["oldest_at"] for line in lines if line["oldest_at"]), default=None),
        "cap": COUNT_CAP,
        "stranded": [line["name"] for line in lines if line["depth"] and not line["workers"]],
        "failed_last_hour": failed,
        "failed_cap": MOST_FAILURES,
        "failures": groups,
        "retention": _retention(access),
    }


def _retention(access: Access) -> RetentionDocument:
    conf = get_conf()
    oldest = visible_tasks(access).order_by("id").values_list("created_at", flat=True).first()
    return {
        "succeeded_days": conf.keep_succeeded_days or None,
        "failed_days": conf.keep_failed_days or None,
        "oldest_at": instant(oldest),
    }


def _failures(access: Access) -> tuple[list[FailureGroup], int]:
    """The last hour's failures by function, kind of error and place, most first, and their number."""
    since = datetime.now(UTC) - FAILED_WITHIN
    fields = ("id", "function", "error", "finished_at")
    newest = in_state(visible_tasks(access), State.FAILED).order_by("-id").values_list(*fields)
    failed = [row for row in newest[:MOST_FAILURES] if row[3] >= since]
    places = _places([task_id for task_id, *_ in failed])
    groups: dict[tuple[str, str, str], FailureGroup] = {}
    for task_id, function, error, finished_at in failed:
        name, kind, place = (
            registry.slug_of(function),
            error_class(error or ""),
            places.get(task_id, ""),
        )
        group = groups.setdefault(
            (name, kind, place),
            {
                "function": name,
                "error_class": kind,
                "place": place,
                "count": 0,
                "last_at": instant(finished_at) or "",
                "last_id": str(task_id),
            },
        )
        group["count"] += 1
    most = sorted(groups.values(), key=lambda group: -group["count"])[:MOST_GROUPS]
    return most, len(failed)


def _places(task_ids: list[UUID]) -> dict[UUID, str]:
    """Where the last attempt of each was raised."""
    attempts = TaskAttempt.objects.filter(task_id__in=task_ids).order_by("attempt")
    return dict(attempts.values_list("task_id", "place"))


def error_class(error: str) -> str:
    """The class in an error line such as "ValueError: no"; the whole line where there is none."""
    name, colon, _ = error.partition(":")
    return name if colon and name.replace(".", "").isidentifier() else error[:80]
