"""Log lines on every database and session."""

from __future__ import annotations

from datetime import UTC, datetime

from tasks_app.log_store import record_lines
from tasks_app.loglines import LogLine
from tasks_app.models import TaskLog
from tests.contract.store import Store

AT = datetime(2030, 1, 31, 12, 0, 0, 250_000, UTC)
UNKNOWN_ID = "0190a0a0-0000-7000-8000-000000000000"


def line(seq: int, text: str = "a 'line' ü %s %(x)s") -> LogLine:
    return LogLine(seq, AT.timestamp(), "INFO", text)


def stored(store: Store) -> list[tuple[str, int, int, datetime, str, str]]:
    rows = TaskLog.objects.using(store.using).order_by("task", "attempt", "seq")
    return [(str(r.task_id), r.attempt, r.seq, r.at, r.level, r.text) for r in rows]


def test_lines_are_kept_by_task_attempt_and_number(store: Store) -> None:
    one, two = sorted([store.make_task(), store.make_task()])
    record_lines(store.session, [(one, 1, line(1)), (one, 2, line(1, "again")), (two, 1, line(1, "x"))])
    assert stored(store) == [
        (one, 1, 1, AT, "INFO", "a 'line' ü %s %(x)s"),
        (one, 2, 1, AT, "INFO", "again"),
        (two, 1, 1, AT, "INFO", "x"),
    ]


def test_a_batch_that_comes_twice_is_kept_once(store: Store) -> None:
    task_id = store.make_task()
    record_lines(store.session, [(task_id, 1, line(1))])
    record_lines(store.session, [(task_id, 1, line(1)), (task_id, 1, line(2))])
    assert [row[2] for row in stored(store)] == [1, 2]


def test_lines_of_a_task_that_is_gone_hold_nothing_up(store: Store) -> None:
    task_id = store.make_task()
    record_lines(store.session, [(UNKNOWN_ID, 1, line(1)), (task_id, 1, line(1))])
    assert [row[0] for row in stored(store)] == [task_id]
