"""How things stand, at a glance. Every figure is bounded, so that ten million rows cost what ten do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tasks_app.access import Access
from tasks_app.filters import in_state
from tasks_app.fleet import heard_of, queues
from tasks_app.functions import registry
from tasks_app.selectors import COUNT_CAP, instant, visible_tasks
from tasks_app.states import State
from tasks_app.wire import FailureGroup, OverviewDocument

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
        "running": in_state(tasks, State.RUNNING).values("pk")[:COUNT_CAP].count(),
        "waiting": in_state(tasks, State.QUEUED).values("pk")[:COUNT_CAP].count(),
        "oldest_at": min((line["oldest_at"] for line in lines if line["oldest_at"]), default=None),
        "cap": COUNT_CAP,
        "stranded": [line["name"] for line in lines if line["depth"] and not line["workers"]],
        "failed_last_hour": failed,
        "failed_cap": MOST_FAILURES,
        "failures": groups,
    }


def _failures(access: Access) -> tuple[list[FailureGroup], int]:
    """The last hour's failures by function and kind of error, most first, and their number."""
    since = datetime.now(UTC) - FAILED_WITHIN
    newest = in_state(visible_tasks(access), State.FAILED).order_by("-id")
    rows = newest.values_list("pk", "function", "error", "finished_at")[:MOST_FAILURES]
    groups: dict[tuple[str, str], FailureGroup] = {}
    failed = 0
    for pk, function, error, finished_at in rows:
        if finished_at is None or finished_at < since:
            continue
        failed += 1
        name = registry.slug_of(function)
        kind = error_class(error or "")
        group = groups.setdefault(
            (name, kind),
            {
                "function": name,
                "error_class": kind,
                "count": 0,
                "last_at": instant(finished_at) or "",
                "last_id": str(pk),
            },
        )
        group["count"] += 1
    most = sorted(groups.values(), key=lambda group: -group["count"])[:MOST_GROUPS]
    return most, failed


def error_class(error: str) -> str:
    """The class in an error line such as "ValueError: no"; the whole line where there is none."""
    name, colon, _ = error.partition(":")
    return name if colon and name.replace(".", "").isidentifier() else error[:80]
