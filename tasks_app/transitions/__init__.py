"""The only writer of state. Each write says what it expects and returns what it won.

Rows that do not match are not errors: they are the losers of a race.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks_app.database import Row, Session
from tasks_app.states import State
from tasks_app.transitions import sqlite as sql


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt this worker now owns. ``arguments`` is JSON text."""

    id: str
    attempt: int
    revision: int
    priority: int
    function: str
    queue: str
    arguments: str
    failures: int
    losses: int
    max_attempts: int
    owner_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended. ``kind`` is succeeded, failed or cancelled; ``result`` is JSON text."""

    id: str
    attempt: int
    kind: str
    result: str | None = None
    error: str | None = None
    error_class: str = ""
    message: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a transition made of a row."""

    id: str
    attempt: int
    state: State
    revision: int
    function: str
    queue: str
    owner_id: int | None


def now_text(instant: datetime | None = None) -> str:
    return str((instant or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None))


def hex_id(task_id: str) -> str:
    return task_id.replace("-", "")


def text_id(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _changed(rows: Iterable[Row]) -> list[Changed]:
    return [Changed(text_id(row[0]), row[1], State(row[2]), *row[3:]) for row in rows]


def claim(
    session: Session,
    *,
    worker_id: str,
    node: str,
    queue: str,
    functions: Sequence[str],
    limit: int,
    oldest: bool = False,
) -> list[Claimed]:
    """Claim up to ``limit`` waiting tasks of one queue, best first; empty unless the worker is alive."""
    rows = session.rows(
        sql.CLAIM_OLDEST if oldest else sql.CLAIM_NEXT,
        {
            "worker": hex_id(worker_id),
            "node": node,
            "queue": queue,
            "functions": json.dumps(list(functions)),
            "limit": limit,
            "now": now_text(),
        },
    )
    claimed = [Claimed(text_id(row[0]), *row[1:]) for row in rows]
    claimed.sort(key=lambda c: (-c.priority, c.id))
    return claimed


def finish(session: Session, *, worker_id: str, outcomes: Sequence[Outcome]) -> list[Changed]:
    """Record outcomes, fenced by id, attempt and worker; failures of effective ones get their row."""
    failed = {o.id: o for o in outcomes if o.kind == "failed"}
    params = {
        "worker": hex_id(worker_id),
        "now": now_text(),
        "outcomes": json.dumps(
            [
                {
                    "id": hex_id(o.id),
                    "attempt": o.attempt,
                    "kind": o.kind,
                    "result": o.result,
                    "error": o.error,
                }
                for o in outcomes
            ]
        ),
    }
    if not failed:
        return _changed(session.rows(sql.FINISH, params))
    with session.transaction():
        changed = _changed(session.rows(sql.FINISH, params))
        for row in changed:
            if outcome := failed.get(row.id):
                session.rows(
                    sql.FAILURE,
                    {
                        "id": hex_id(row.id),
                        "error_class": outcome.error_class,
                        "message": outcome.message,
                        "traceback": outcome.traceback,
                        "now": params["now"],
                    },
                )
    return changed


def _held(held: Iterable[tuple[str, int]]) -> str:
    return json.dumps([[hex_id(id_), attempt] for id_, attempt in held])


def release(session: Session, *, worker_id: str, held: Iterable[tuple[str, int]]) -> list[Changed]:
    """Give unstarted attempts back, without a loss."""
    params = {"worker": hex_id(worker_id), "held": _held(held), "now": now_text()}
    return _changed(session.rows(sql.RELEASE, params))


def _record_losses(session: Session, rows: list[Row]) -> list[Changed]:
    if rows:
        session.rows(sql.LOSS, {"ids": json.dumps([row[0] for row in rows]), "now": now_text()})
    return _changed(rows)


def release_lost(session: Session, *, worker_id: str, held: Iterable[tuple[str, int]]) -> list[Changed]:
    """Give attempts back whose executor died while they ran: each counts a loss."""
    params = {"worker": hex_id(worker_id), "held": _held(held), "now": now_text()}
    with session.transaction():
        return _record_losses(session, session.rows(sql.RELEASE_LOST, params))


def reap(session: Session, *, lost_id: str, seen: int | None) -> list[Changed] | None:
    """Declare a worker lost if its counter still is ``seen`` (None: known dead) and requeue what it held.

    None when the worker was not taken: it renewed, stopped, or another reaper was first.
    """
    params = {"lost": hex_id(lost_id), "seen": seen, "now": now_text()}
    with session.transaction():
        if not session.rows(sql.MARK_DEAD if seen is None else sql.REAP_MARK, params):
            return None
        return _record_losses(session, session.rows(sql.REQUEUE_LOST, params))


def sweep(session: Session) -> list[Changed]:
    """Requeue running rows whose worker is not alive."""
    with session.transaction():
        return _record_losses(session, session.rows(sql.SWEEP, {"now": now_text()}))


def promote_due(session: Session, *, limit: int = 500) -> list[Changed]:
    """Scheduled rows whose time has come go to their queue."""
    return _changed(session.rows(sql.PROMOTE_DUE, {"now": now_text(), "limit": limit}))


def cancel(session: Session, *, ids: Iterable[str]) -> list[Changed]:
    """Cancel waiting tasks at once, ask running ones to stop."""
    return _changed(
        session.rows(sql.CANCEL, {"ids": json.dumps([hex_id(i) for i in ids]), "now": now_text()})
    )


def retry(session: Session, *, ids: Iterable[str]) -> list[Changed]:
    """Send finished tasks back to their queue; the attempt number keeps growing."""
    return _changed(session.rows(sql.RETRY, {"ids": json.dumps([hex_id(i) for i in ids])}))


def report_progress(session: Session, reports: Sequence[dict[str, Any]]) -> None:
    """Keep the newest report of each task; older attempts and numbers change nothing."""
    rows = [{**report, "id": hex_id(report["id"])} for report in reports]
    session.rows(sql.PROGRESS, {"reports": json.dumps(rows), "now": now_text()})


def register(session: Session, *, worker_id: str, queues: Sequence[str], **facts: Any) -> None:
    """A new incarnation. ``facts``: node, host, pid, version, concurrency."""
    params = {**facts, "worker": hex_id(worker_id), "queues": json.dumps(list(queues)), "now": now_text()}
    session.rows(sql.REGISTER, params)


def heartbeat(session: Session, *, worker_id: str) -> bool:
    """Renew the lease. False: this incarnation is over and never comes back."""
    return bool(session.rows(sql.HEARTBEAT, {"worker": hex_id(worker_id), "now": now_text()}))


def alive_others(session: Session, *, worker_id: str) -> dict[str, int]:
    """Other live workers and their counters."""
    return {text_id(id_): beat for id_, beat in session.rows(sql.ALIVE, {"worker": hex_id(worker_id)})}


def held(session: Session, *, worker_id: str) -> dict[tuple[str, int], bool]:
    """What this worker runs according to the table, and whether a cancel was asked."""
    rows = session.rows(sql.HELD, {"worker": hex_id(worker_id)})
    return {(text_id(id_), attempt): bool(flag) for id_, attempt, flag in rows}


def drain(session: Session, *, worker_id: str) -> list[Changed]:
    """End this incarnation: whatever it still holds goes back, in one transaction."""
    with session.transaction():
        released = release(session, worker_id=worker_id, held=held(session, worker_id=worker_id))
        session.rows(sql.STOP, {"worker": hex_id(worker_id), "now": now_text()})
    return released
