"""The plans of all statements of a task's life, asked for as they run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks_app import transitions
from tasks_app.database import Row
from tasks_app.log_store import record_lines
from tasks_app.loglines import LogLine
from tasks_app.postgres_session import PostgresSession
from tasks_app.pruning import Retention, prune_step
from tasks_app.tallies import queue_depth, waiting_queues
from tasks_app.transitions import Outcome
from tests.protocol.actors import FUNCTION, claim, claim_ids, make_task, make_worker

PRIMARY_KEY = "taskdeck_task_pkey"


EXPLAIN = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}


class Explaining:
    """Keeps the plan of each statement that runs, as the server ran it, by its module ``auto_explain``.

    ``plans`` and ``ms``, what the last run took, by the statement's text.
    """

    vendor = "postgresql"

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        self.transaction = session.transaction
        self.plans: dict[str, dict[str, Any]] = {}
        self.ms: dict[str, float] = {}
        self._heard: list[str] = []
        session.rows("LOAD 'auto_explain'", {})
        for name, value in EXPLAIN.items():
            session.rows("SELECT set_config(%(name)s, %(value)s, false)", {"name": name, "value": value})
        session._connection.add_notice_handler(lambda notice: self._heard.append(str(notice.message_primary)))

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        self._heard.clear()
        started = time.perf_counter()
        rows = self._session.rows(sql, params)
        self.ms[sql] = (time.perf_counter() - started) * 1000
        if "taskdeck_task" in sql:
            told = [text for text in self._heard if text.startswith("duration:")]
            assert told, sql
            plans = [json.loads(text[text.index("{") :])["Plan"] for text in told]  # foreign keys have theirs
            self.plans[sql] = {"Node Type": "Statements", "Plans": plans}
        return rows


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def faults(plan: dict[str, Any]) -> list[str]:
    """Nodes that read all tasks: a scan of the table, or of the whole primary key."""
    of_tasks = [node for node in nodes(plan) if node.get("Relation Name") == "taskdeck_task"]
    return [
        f"{node['Node Type']} {node.get('Index Name', '')}"
        for node in of_tasks
        if node["Node Type"] in ("Seq Scan", "Bitmap Heap Scan")
        or (node.get("Index Name") == PRIMARY_KEY and "Index Cond" not in node)
    ]


def live_through(session: Explaining) -> None:
    """Every statement of a task's life, with tasks for it."""
    worker_id, lost_id = make_worker(session), make_worker(session)
    tasks = [make_task(session, max_attempts=2) for _ in range(12)]
    claim_ids(session, lost_id, tasks[:1])
    transitions.reap(session, lost_id=lost_id, seen=None)
    claimed = claim(session, worker_id)
    held = [(one.id, one.attempt) for one in claimed]
    kinds = ("succeeded", "failed", "retry", "cancelled")
    outcomes = [
        Outcome(id=task_id, attempt=attempt, kind=kind)
        for (task_id, attempt), kind in zip(held, kinds, strict=False)
    ]
    transitions.finish(session, worker_id=worker_id, outcomes=outcomes)
    transitions.release(session, worker_id=worker_id, held=held[4:5])
    transitions.release_lost(session, worker_id=worker_id, held=held[5:6])
    transitions.held(session, worker_id=worker_id)
    transitions.cancels(session, ids=tasks)
    for priority in (0, 7):
        make_task(session, priority=priority)
        claim(session, worker_id, limit=1)
        claim(session, worker_id, limit=1)
    facts = {"worker_id": worker_id, "node": "n", "queue": "default", "functions": [FUNCTION], "limit": 1}
    transitions.claim(session, **facts, oldest=True)
    transitions.cancel(session, ids=tasks[-2:])
    transitions.retry(session, ids=tasks[-1:])
    transitions.promote_due(session)
    transitions.promote_ended(session)
    transitions.sweep(session)
    report = {"attempt": 1, "seq": 1, "done": 1.0, "total": 2.0, "stage": ""}
    transitions.report_progress(session, [{"id": tasks[0], **report}])
    record_lines(session, [(tasks[0], 1, LogLine(1, 0.0, "INFO", "x"))])
    transitions.record_step(session, task_id=tasks[0], attempt=1, step={"at": "", "step": "cancel"})
    assert queue_depth(session, waiting_queues(session, 9)[0])
    transitions.drain(session, worker_id=worker_id)
    week = Retention(succeeded=timedelta(days=7), failed=timedelta(days=7))
    step = prune_step(session, week, now=datetime.now(UTC))
    assert step is not None
    assert step.deleted == 500
