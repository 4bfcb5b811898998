"""New rows of the task table: any number by one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from tasks_app.database import Session
from tasks_app.functions import TaskFunction
from tasks_app.states import State
from tasks_app.transitions import DIALECTS
from tasks_app.transitions.dialect import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task that is fit to be stored. ``run_at`` lies ahead, None: now. ``unique_key`` None: not unique."""

    id: str
    function: TaskFunction
    arguments: dict[str, Any]
    queue: str
    priority: int
    run_at: datetime | None
    owner_id: int | None
    created_at: datetime
    unique_key: str | None
    batch: UUID | None = None

    @property
    def state(self) -> State:
        return State.QUEUED if self.run_at is None else State.SCHEDULED


_COLUMNS = """
INSERT INTO taskdeck_task (attempt, failures, losses, revision, last_worker, cancel_requested,
                           id, function, queue, priority, state, max_attempts, max_losses, owner_id, run_at,
                           created_at, arguments, unique_key, batch)
"""
# A key that a live task holds: no row, and no error that would end the caller's transaction.
SQLITE = f"""{_COLUMNS}
SELECT 0, 0, 0, 1, '', 0, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
       value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
  FROM json_each(%(tasks)s) WHERE true
    ON CONFLICT DO NOTHING RETURNING id
"""
POSTGRESQL = f"""{_COLUMNS}
SELECT 0, 0, 0, 1, '', false, n.*
  FROM unnest(%(ids)s::uuid[], %(functions)s::text[], %(queues)s::text[], %(priorities)s::smallint[],
              %(states)s::text[], %(max_attempts)s::int[], %(max_losses)s::int[], %(owners)s::int[],
              %(run_ats)s::timestamptz[], %(created_ats)s::timestamptz[], %(arguments)s::jsonb[],
              %(unique_keys)s::text[], %(batches)s::uuid[]) AS n
    ON CONFLICT DO NOTHING RETURNING id::text
"""
POSTGRESQL_ONE = f"""{_COLUMNS}
VALUES (0, 0, 0, 1, '', false, %(ids)s, %(functions)s, %(queues)s, %(priorities)s, %(states)s,
        %(max_attempts)s, %(max_losses)s, %(owners)s, %(run_ats)s, %(created_ats)s, %(arguments)s,
        %(unique_keys)s, %(batches)s)
    ON CONFLICT DO NOTHING RETURNING id::text
"""
"""One row, the usual case: a third of the work of unnesting arrays of one."""
POSTGRESQL_ALIKE = f"""{_COLUMNS}
SELECT 0, 0, 0, 1, '', false, n.id, %(functions)s::text, %(queues)s::text, %(priorities)s::smallint,
       %(states)s::text, %(max_attempts)s::int, %(max_losses)s::int, %(owners)s::int,
       %(run_ats)s::timestamptz, %(created_ats)s::timestamptz, n.arguments, n.unique_key, %(batches)s::uuid
  FROM unnest(string_to_array(%(ids)s, E'\\x1f')::uuid[], string_to_array(%(arguments)s, E'\\x1f')::jsonb[],
              string_to_array(%(unique_keys)s, E'\\x1f', '')) AS n (id, arguments, unique_key)
    ON CONFLICT DO NOTHING RETURNING id::text
"""
"""Rows that differ in no more than these, as those of a batch of one function: ten arrays less, and those in
one text each, which spares psycopg to look for quotes in each element."""
BETWEEN = "\x1f"
"""Stands in no id and no key, and JSON writes it otherwise."""
_OWN = ("ids", "arguments", "unique_keys")
_PARAMETERS = (
    "ids",
    "functions",
    "queues",
    "priorities",
    "states",
    "max_attempts",
    "max_losses",
    "owners",
    "run_ats",
    "created_ats",
    "arguments",
    "unique_keys",
    "batches",
)


def insert(session: Session, tasks: Sequence[NewTask]) -> set[str]:
    """The ids that were stored: all but those whose unique key a live task holds.

    Raises DatabaseUnavailable.
    """
    sql = DIALECTS[session.vendor]
    rows = [_row(task, sql) for task in tasks]
    if session.vendor == "sqlite":
        stored = session.rows(SQLITE, {"tasks": json.dumps(rows)})
    elif len(rows) == 1:
        stored = session.rows(POSTGRESQL_ONE, dict(zip(_PARAMETERS, rows[0], strict=True)))
    elif rows:
        columns = dict(zip(_PARAMETERS, map(list, zip(*rows, strict=True)), strict=True))
        alike = {name: values[0] for name, values in columns.items() if name not in _OWN}
        if all(columns[name].count(value) == len(rows) for name, value in alike.items()):
            own = {name: BETWEEN.join(text or "" for text in columns[name]) for name in _OWN}
            stored = session.rows(POSTGRESQL_ALIKE, alike | own)
        else:
            stored = session.rows(POSTGRESQL, columns)
    else:
        stored = []
    return {sql.read_id(row[0]) for row in stored}


def _row(task: NewTask, sql: Dialect) -> tuple[Any, ...]:
    """In the order of _PARAMETERS."""
    options = task.function.options
    return (
        sql.written_id(task.id),
        task.function.path,
        task.queue,
        task.priority,
        task.state,
        options.max_attempts,
        options.losses_allowed,
        task.owner_id,
        sql.instant(task.run_at) if task.run_at else None,
        sql.instant(task.created_at),
        to_json(task.arguments).decode(),
        task.unique_key,
        sql.written_id(str(task.batch)) if task.batch else None,
    )
