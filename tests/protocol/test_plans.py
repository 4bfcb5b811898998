"""No statement of the hand-over reads the whole table of tasks, on a PostgreSQL with rows in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession, Row
from tasks_app.log_store import record_lines
from tasks_app.loglines import LogLine
from tasks_app.pruning import Retention, prune_step
from tasks_app.tallies import queue_depths
from tasks_app.transitions import Outcome
from tests.protocol.actors import FUNCTION, claim, claim_ids, make_task, make_worker
from tests.support.databases import Database

ROWS = 20_000
PRIMARY_KEY = "taskdeck_task_pkey"
FILL = """
INSERT INTO taskdeck_task (id, function, queue, priority, state, attempt, failures, losses, max_attempts,
       max_losses, last_worker, cancel_requested, created_at, finished_at, revision, arguments)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'f', 'default', 0, 'succeeded', 1, 0,
       0, 1, 3, 'w', false, now() - interval '9 days', now() - interval '9 days', 3, '{}'
  FROM generate_series(1, %(rows)s) AS n
"""


class Explaining:
    """Asks for the plan of each statement before it runs it. ``plans`` by the statement's text."""

    vendor = "postgresql"

    def __init__(self, session: OwnSession) -> None:
        self._session = session
        self.transaction = session.transaction
        self.plans: dict[str, dict[str, Any]] = {}

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        if "taskdeck_task" in sql:
            [(plan,)] = self._session.rows(f"EXPLAIN (FORMAT JSON) {sql}", params)
            self.plans[sql] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        return self._session.rows(sql, params)


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


@pytest.fixture
def session(postgres: Database) -> Iterator[Explaining]:
    with postgres.session() as own:
        own.rows("ALTER TABLE taskdeck_task DISABLE TRIGGER USER", {})
        own.rows(FILL, {"rows": ROWS})
        own.rows("ALTER TABLE taskdeck_task ENABLE TRIGGER USER", {})
        own.rows("VACUUM ANALYZE taskdeck_task", {})
        yield Explaining(own)


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
    queue_depths(session, ["default"])
    transitions.drain(session, worker_id=worker_id)
    week = Retention(succeeded=timedelta(days=7), failed=timedelta(days=7))
    step = prune_step(session, week, now=datetime.now(UTC))
    assert step is not None
    assert step.deleted == 500


def test_no_statement_reads_all_tasks(session: Explaining) -> None:
    live_through(session)
    found = {sql: told for sql, plan in session.plans.items() if (told := faults(plan))}
    assert found == {}
    assert len(session.plans) > 20


def test_a_missing_index_is_seen(session: Explaining) -> None:
    session.rows("DROP INDEX task_held", {})
    live_through(session)
    assert any(faults(plan) for plan in session.plans.values())
