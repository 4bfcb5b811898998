"""Tallies: what each worker ended in each minute and quarter of an hour. They are for display only.

A worker writes its own rows, and always what it has counted so far in a span, so that a write may come
twice. What it counted since its last write dies with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks_app.database import Session
from tasks_app.documents import dump_json
from tasks_app.histogram import Histogram
from tasks_app.transitions import sqlite

MINUTE_SECONDS, QUARTER_SECONDS = 60, 900
KEPT = {MINUTE_SECONDS: timedelta(hours=3), QUARTER_SECONDS: timedelta(days=8)}
DEPTH_CAP = 10_000
"""Waiting tasks of one queue are counted so far."""
MOST_OTHERS = 50
"""Queues that a worker counts without serving them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """One row: ``subject`` is all, function or queue; ``name`` the path or the queue, "" for all.

    ``retried`` attempts failed and got a further one. ``waits`` are from submit to claim, of tasks
    that were due at once and claimed for the first time; ``runs`` are of attempts that ended by themselves.
    ``depth`` is how many tasks waited when the worker last looked, for queues only, served or not.
    """

    span_seconds: int
    at: datetime
    subject: str
    name: str
    succeeded: int
    failed: int
    cancelled: int
    retried: int
    waits: Histogram
    runs: Histogram
    depth: int | None = None


_VALUES = "succeeded", "failed", "cancelled", "retried", "waits", "runs", "depth"
_COLUMNS = ", ".join(("worker_id", "span_seconds", "at", "subject", "name", *_VALUES))
_UPSERT = "ON CONFLICT (span_seconds, subject, at, name, worker_id) DO UPDATE SET " + ", ".join(
    f"{column} = excluded.{column}" for column in _VALUES
)
# "WHERE true" keeps SQLite from reading ON CONFLICT as a join's condition.
_RECORD_SQLITE = f"""
INSERT INTO taskdeck_tally ({_COLUMNS})
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
       value ->> 8, value -> 9, value -> 10, value ->> 11
  FROM json_each(%(rows)s) WHERE true
{_UPSERT}
"""
_RECORD_POSTGRESQL = f"""
INSERT INTO taskdeck_tally ({_COLUMNS})
SELECT (r ->> 0)::uuid, (r ->> 1)::int, (r ->> 2)::timestamptz, r ->> 3, r ->> 4, (r ->> 5)::int,
       (r ->> 6)::int, (r ->> 7)::int, (r ->> 8)::int, r -> 9, r -> 10, (r ->> 11)::int
  FROM jsonb_array_elements(%(rows)s::jsonb) AS r
{_UPSERT}
"""
_PRUNE = "DELETE FROM taskdeck_tally WHERE span_seconds = %(span)s AND at < %(before)s"
_NEXT = "SELECT queue FROM taskdeck_task WHERE state = 'queued' {beyond} ORDER BY queue LIMIT 1"
# One look into the index per queue, however many tasks wait in it.
_WAITING_QUEUES = f"""
WITH RECURSIVE waiting (queue) AS (
  SELECT * FROM ({_NEXT.format(beyond="")}) AS first
   UNION ALL
  SELECT ({_NEXT.format(beyond="AND queue > waiting.queue")}) FROM waiting WHERE waiting.queue IS NOT NULL)
SELECT queue FROM waiting WHERE queue IS NOT NULL LIMIT %(most)s
"""
_DEPTH = """
SELECT count(*) FROM (
  SELECT 1 FROM taskdeck_task WHERE state = 'queued' AND queue = %(queue)s LIMIT %(most)s) AS waiting
"""


def record_tallies(session: Session, worker_id: str, rows: Sequence[Tallied]) -> None:
    """Store what a worker has counted so far in these spans."""
    is_sqlite = session.vendor == "sqlite"
    written_id = sqlite.written_id(worker_id) if is_sqlite else worker_id
    written = dump_json(
        [
            [
                written_id,
                row.span_seconds,
                sqlite.instant(row.at) if is_sqlite else row.at.isoformat(),
                *(getattr(row, column) for column in ("subject", "name", *_VALUES)),
            ]
            for row in rows
        ]
    )
    session.rows(_RECORD_SQLITE if is_sqlite else _RECORD_POSTGRESQL, {"rows": written})


def prune_tallies(session: Session, now: datetime | None = None) -> None:
    """Delete the rows of spans older than they are kept."""
    now = now or datetime.now(UTC)
    for span_seconds, kept in KEPT.items():
        before = now - kept
        written = sqlite.instant(before) if session.vendor == "sqlite" else before
        session.rows(_PRUNE, {"span": span_seconds, "before": written})


def waiting_queues(session: Session, most: int) -> list[str]:
    """The first queues, by name, in which tasks wait: whether a worker serves them or not."""
    return [queue for (queue,) in session.rows(_WAITING_QUEUES, {"most": most})]


def queue_depth(session: Session, queue: str) -> int:
    """How many tasks wait in a queue, counted up to DEPTH_CAP."""
    [(count,)] = session.rows(_DEPTH, {"queue": queue, "most": DEPTH_CAP})
    return int(count)
