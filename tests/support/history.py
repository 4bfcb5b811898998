"""A history of every write to a task row, kept by triggers, so that a run can be judged afterwards.

The order of the entries is the order of the writes for one task, and for one worker against its tasks:
row locks see to that on PostgreSQL, the single writer on SQLite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tasks_app.database import Session

COLUMNS = (
    *("state", "attempt", "revision", "worker_id", "cancel_requested", "failures", "losses"),
    *("max_attempts", "max_losses", "run_at", "finished_at"),
)
TABLE = "taskdeck_test_history"


@dataclass(frozen=True, slots=True)
class Row:
    """What the rules look at in a task row."""

    state: str
    attempt: int
    revision: int
    worker_id: str | None
    cancel_requested: bool
    failures: int
    losses: int
    max_attempts: int
    max_losses: int
    has_run_at: bool
    has_finished_at: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One write: of a task (``old`` None: inserted, ``new`` None: deleted), or of a worker's state.

    ``owner_state``: the state of the new owner's worker row at that moment, None where there is none.
    """

    number: int
    task_id: str | None
    old: Row | None = None
    new: Row | None = None
    owner_state: str | None = None
    worker_id: str | None = None
    worker_state: str | None = None


def install(session: Session) -> None:
    """Record from now on. May be repeated."""
    for statement in _SQLITE if session.vendor == "sqlite" else _POSTGRESQL:
        session.rows(statement, {})


def read(session: Session) -> list[Entry]:
    rows = session.rows(
        f"SELECT n, subject, id, before, after, owner_state FROM {TABLE} ORDER BY n",
        {},
    )
    return [_entry(*row) for row in rows]


def forget(session: Session) -> None:
    """Begin with an empty history."""
    session.rows(f"DELETE FROM {TABLE}", {})


def _entry(
    number: int, subject: str, key: str, before: str | None, after: str | None, owner_state: str | None
) -> Entry:
    if subject == "worker":
        return Entry(number, None, worker_id=str(UUID(key)), worker_state=after)
    old = None if before is None else _row(json.loads(before))
    new = None if after is None else _row(json.loads(after))
    return Entry(number, str(UUID(key)), old, new, owner_state)


def _row(facts: Mapping[str, Any]) -> Row:
    given = dict(facts)
    owner = given.pop("worker_id")
    return Row(
        worker_id=None if owner is None else str(UUID(owner)),
        cancel_requested=bool(given.pop("cancel_requested")),
        has_run_at=given.pop("run_at") is not None,
        has_finished_at=given.pop("finished_at") is not None,
        **given,
    )


def _document(function: str, row: str) -> str:
    return f"{function}({', '.join(f'{chr(39)}{name}{chr(39)}, {row}.{name}' for name in COLUMNS)})"


def _sqlite_trigger(event: str, before: str, after: str, row: str) -> str:
    return f"""
CREATE TRIGGER IF NOT EXISTS {TABLE}_{event} AFTER {event} ON taskdeck_task BEGIN
  INSERT INTO {TABLE} (subject, id, before, after, owner_state) VALUES
    ('task', {row}.id, {before}, {after}, (SELECT state FROM taskdeck_worker WHERE id = {row}.worker_id));
END"""


_OLD, _NEW = _document("json_object", "OLD"), _document("json_object", "NEW")
_SQLITE = (
    f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
  n INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT, id TEXT, before TEXT, after TEXT, owner_state TEXT)""",
    _sqlite_trigger("insert", "NULL", _NEW, "NEW"),
    _sqlite_trigger("update", _OLD, _NEW, "NEW"),
    _sqlite_trigger("delete", _OLD, "NULL", "OLD"),
    f"""
CREATE TRIGGER IF NOT EXISTS {TABLE}_worker AFTER UPDATE OF state ON taskdeck_worker BEGIN
  INSERT INTO {TABLE} (subject, id, before, after) VALUES ('worker', NEW.id, OLD.state, NEW.state);
END""",
)

_POSTGRESQL = (
    f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
  n bigserial PRIMARY KEY, subject text, id text, before text, after text, owner_state text)""",
    f"""
CREATE OR REPLACE FUNCTION {TABLE}_note_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before text; after text; key text; owner uuid;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    before := {_document("jsonb_build_object", "OLD")}::text; key := OLD.id::text;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    after := {_document("jsonb_build_object", "NEW")}::text; key := NEW.id::text; owner := NEW.worker_id;
  END IF;
  INSERT INTO {TABLE} (subject, id, before, after, owner_state)
    VALUES ('task', key, before, after, (SELECT state FROM taskdeck_worker WHERE id = owner));
  RETURN NULL;
END $$""",
    f"""
CREATE OR REPLACE TRIGGER {TABLE}_task AFTER INSERT OR UPDATE OR DELETE ON taskdeck_task
  FOR EACH ROW EXECUTE FUNCTION {TABLE}_note_task()""",
    f"""
CREATE OR REPLACE FUNCTION {TABLE}_note_worker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO {TABLE} (subject, id, before, after) VALUES ('worker', NEW.id::text, OLD.state, NEW.state);
  RETURN NULL;
END $$""",
    f"""
CREATE OR REPLACE TRIGGER {TABLE}_worker AFTER UPDATE OF state ON taskdeck_worker
  FOR EACH ROW EXECUTE FUNCTION {TABLE}_note_worker()""",
)
