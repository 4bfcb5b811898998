"""The stored log lines: written in batches by the recorder, read in pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tasks_app.access import Access
from tasks_app.database import Session
from tasks_app.documents import dump_json
from tasks_app.errors import TaskNotFound
from tasks_app.loglines import LogLine
from tasks_app.models import TaskLog
from tasks_app.selectors import instant, visible_tasks
from tasks_app.transitions import sqlite
from tasks_app.wire import LogLineDocument

# A batch may come twice, after a commit whose answer was lost. Lines of deleted tasks are let go.
INSERT_SQLITE = """
INSERT INTO taskdeck_task_log (task_id, attempt, seq, at, level, text)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM json_each(%(lines)s) WHERE value ->> 0 IN (SELECT id FROM taskdeck_task)
    ON CONFLICT DO NOTHING
"""
INSERT_POSTGRESQL = """
INSERT INTO taskdeck_task_log (task_id, attempt, seq, at, level, text)
SELECT l.id, l.attempt, l.seq, to_timestamp(l.at), l.level, l.text
  FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(seqs)s::int[], %(ats)s::float8[], %(levels)s::text[],
              %(texts)s::text[]) AS l(id, attempt, seq, at, level, text)
  JOIN taskdeck_task t ON t.id = l.id
    ON CONFLICT DO NOTHING
"""
Keyed = tuple[str, int, LogLine]
"""Task id, attempt, line."""


def record_lines(session: Session, lines: Iterable[Keyed]) -> None:
    """Store lines; those that are stored already change nothing."""
    if session.vendor == "sqlite":
        session.rows(INSERT_SQLITE, _for_sqlite(lines))
    else:
        session.rows(INSERT_POSTGRESQL, _for_postgresql(lines))


def _for_sqlite(lines: Iterable[Keyed]) -> Mapping[str, Any]:
    rows = [
        (sqlite.written_id(task_id), attempt, line.seq, _sqlite_instant(line.at), line.level, line.text)
        for task_id, attempt, line in lines
    ]
    return {"lines": dump_json(rows)}


def _sqlite_instant(seconds: float) -> str:
    return sqlite.instant(datetime.fromtimestamp(seconds, UTC))


def _for_postgresql(lines: Iterable[Keyed]) -> Mapping[str, Any]:
    rows = [(task_id, attempt, *line) for task_id, attempt, line in lines]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return dict(zip(("ids", "attempts", "seqs", "ats", "levels", "texts"), columns, strict=True))


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines of one attempt; ``next`` is the number of the last one where more follow."""

    attempt: int
    lines: list[LogLineDocument]
    next: int | None


def log_page(
    access: Access, task_id: UUID, *, attempt: int | None = None, after: int = 0, limit: int | None = None
) -> LogPage:
    """Oldest first, from the line behind number ``after``; ``attempt`` None: the newest.

    Raises TaskNotFound and NotAllowed.
    """
    number = visible_tasks(access).filter(pk=task_id).values_list("attempt", flat=True).first()
    if number is None:
        raise TaskNotFound(str(task_id))
    attempt = number if attempt is None else attempt
    found = TaskLog.objects.filter(task_id=task_id, attempt=attempt, seq__gt=after).order_by("seq")
    rows = list(found if limit is None else found[: limit + 1])
    more = limit is not None and len(rows) > limit
    lines: list[LogLineDocument] = [
        {"seq": row.seq, "at": instant(row.at) or "", "level": row.level, "text": row.text}
        for row in rows[:limit]
    ]
    return LogPage(attempt, lines, lines[-1]["seq"] if more else None)
