"""Short hands for protocol tests: rows and workers made through a raw session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from uuid_utils.compat import uuid7

from tasks_app import transitions
from tasks_app.database import Session
from tasks_app.states import HELD
from tasks_app.transitions import DIALECTS, Claimed

FUNCTION = "tests.protocol.nothing"
QUEUE = "default"

_INSERT = """
INSERT INTO taskdeck_task (id, function, queue, priority, state, attempt, failures, losses, max_attempts,
                           max_losses, last_worker, cancel_requested, run_at, created_at, revision, arguments)
VALUES (%(id)s, %(function)s, %(queue)s, %(priority)s, %(state)s, 0, 0, 0, %(max_attempts)s, %(max_losses)s,
        '', {false}, %(run_at)s, %(now)s, 1, %(arguments)s)
"""


def make_task(
    session: Session,
    *,
    function: str = FUNCTION,
    arguments: str = "{}",
    queue: str = QUEUE,
    priority: int = 0,
    delay_seconds: float | None = None,
    run_at: datetime | None = None,
    max_attempts: int = 2,
    max_losses: int = 3,
    task_id: str = "",
) -> str:
    """Insert a waiting task; with one of the times (the delay may be negative) a scheduled one. Its id.

    ``task_id``: of a task that is older than others in the table.
    """
    task_id = task_id or str(uuid7())
    now = datetime.now(UTC)
    if delay_seconds is not None:
        run_at = now + timedelta(seconds=delay_seconds)
    session.rows(
        _INSERT.format(false="0" if session.vendor == "sqlite" else "false"),
        {
            "id": DIALECTS[session.vendor].written_id(task_id),
            "function": function,
            "arguments": arguments,
            "queue": queue,
            "priority": priority,
            "state": "queued" if run_at is None else "scheduled",
            "max_attempts": max_attempts,
            "max_losses": max_losses,
            "run_at": run_at and instant(session, run_at),
            "now": instant(session, now),
        },
    )
    return task_id


def make_held(session: Session) -> str:
    """A task that runs after an empty batch. Its id."""
    task_id = make_task(session, run_at=HELD)
    make_empty_batch(session, then=task_id)
    return task_id


def make_empty_batch(session: Session, *, then: str) -> None:
    sql = DIALECTS[session.vendor]
    session.rows(
        "INSERT INTO taskdeck_batch (id, created_at, size, then_task_id)"
        " VALUES (%(id)s, %(now)s, 0, %(task)s)",
        {
            "id": sql.written_id(str(uuid4())),
            "now": instant(session, datetime.now(UTC)),
            "task": sql.written_id(then),
        },
    )


def instant(session: Session, moment: datetime) -> Any:
    return str(moment.replace(tzinfo=None)) if session.vendor == "sqlite" else moment


def make_worker(session: Session, *, node: str = "n1", worker_id: str | None = None) -> str:
    worker_id = worker_id or str(uuid4())
    transitions.register(
        session,
        worker_id=worker_id,
        node=node,
        host="h",
        pid=1,
        version="1",
        queues=[QUEUE],
        concurrency=2,
        lease_seconds=15.0,
    )
    return worker_id


def claim(session: Session, worker_id: str, *, limit: int = 10, queue: str = QUEUE) -> list[Claimed]:
    return transitions.claim(
        session, worker_id=worker_id, node="n1", queue=queue, functions=[FUNCTION], limit=limit
    )


def claim_ids(session: Session, worker_id: str, ids: list[str]) -> list[Claimed]:
    return transitions.claim_ids(session, worker_id=worker_id, node="n1", ids=ids, functions=[FUNCTION])


def row(session: Session, task_id: str) -> dict[str, Any]:
    """State, attempt, losses, failures, revision, cancel flag and owner of one task."""
    names = ("state", "attempt", "losses", "failures", "revision", "cancel_requested", "worker_id")
    dialect = DIALECTS[session.vendor]
    [found] = session.rows(
        f"SELECT {', '.join(names)} FROM taskdeck_task WHERE id = %(id)s", {"id": dialect.written_id(task_id)}
    )
    return dict(zip(names, found, strict=True))
