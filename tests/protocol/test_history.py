"""The triggers see every write, on each database, and the judge can read what they wrote."""

from __future__ import annotations

from tasks_app import transitions
from tasks_app.transitions import Outcome
from tests.protocol.actors import claim, make_task, make_worker
from tests.support import history
from tests.support.databases import Database
from tests.support.judge import judge


def test_a_whole_life_is_recorded(database: Database) -> None:
    with database.session() as session:
        task_id, worker_id = make_task(session), make_worker(session)
        claim(session, worker_id)
        transitions.cancel(session, ids=[task_id])
        transitions.finish(
            session, worker_id=worker_id, outcomes=[Outcome(id=task_id, attempt=1, kind="failed", error="E")]
        )
        transitions.reap(session, lost_id=worker_id, seen=None)
        entries = history.read(session)
    task = [entry for entry in entries if entry.task_id == task_id]
    assert [entry.new and entry.new.state for entry in task] == ["queued", "running", "running", "cancelled"]
    assert [entry.owner_state for entry in task] == [None, "alive", "alive", None]
    assert [(e.worker_id, e.worker_state) for e in entries if e.worker_id] == [(worker_id, "lost")]
    assert judge(entries) == []


def test_an_illegal_write_is_seen(database: Database) -> None:
    with database.session() as session:
        make_task(session)
        session.rows("UPDATE taskdeck_task SET attempt = attempt + 1", {})
        session.rows("DELETE FROM taskdeck_task", {})
        found = judge(history.read(session))
    assert [fault.partition(": ")[2] for fault in found] == [
        "queued became queued",
        "revision 1 became 1",
        "attempt 0 became 1 while queued became queued",
        "deleted while queued",
    ]
