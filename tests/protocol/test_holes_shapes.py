"""Statements that look right and are not: the shape in use and the other, on two connections."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession
from tasks_app.transitions import DIALECTS
from tests.protocol.actors import claim, claim_ids, make_task, make_worker, row
from tests.protocol.rules import rewrite, with_and_without_the_rule
from tests.protocol.second import Second
from tests.support import history
from tests.support.databases import Database
from tests.support.judge import judge

Patch = pytest.MonkeyPatch
POSTGRESQL = DIALECTS["postgresql"]
SWEEP = POSTGRESQL.SWEEP


@pytest.fixture
def first(postgres: Database, request: pytest.FixtureRequest) -> Iterator[OwnSession]:
    with postgres.session() as session:
        yield session
        if request.node.callspec.params["is_kept"]:
            assert judge(history.read(session)) == []


@with_and_without_the_rule
def test_a_reap_is_several_statements_of_one_transaction(
    postgres: Database, first: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """A single one waits for the claim in flight, but judges the tasks by a snapshot from before it."""
    if not is_kept:
        mark = POSTGRESQL.MARK_LOST[1]
        both = POSTGRESQL.REQUEUE_LOST.replace("WITH held", f"WITH lost AS ({mark}), held", 1)
        monkeypatch.setattr(POSTGRESQL, "MARK_LOST", ())
        monkeypatch.setattr(POSTGRESQL, "REQUEUE_LOST", both)
    worker_id, task_id = make_worker(first), make_task(first)
    with first.transaction():
        claim(first, worker_id)
        # The marking must wait for the claim: both lock the worker's row.
        first.rows("SELECT 1 FROM taskdeck_worker WHERE id = %(id)s::uuid FOR UPDATE", {"id": worker_id})
        second = Second(postgres, lambda session: transitions.reap(session, lost_id=worker_id, seen=0))
        second.wait_until_it_waits()
    requeued = [changed.id for changed in second.answer()]
    assert requeued == [task_id] * is_kept
    assert row(first, task_id)["state"] == ("queued" if is_kept else "running")


@with_and_without_the_rule
def test_a_drain_waits_for_a_claim_in_flight(
    postgres: Database, first: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """It was still in the server when SIGTERM came."""
    if not is_kept:
        rewrite(monkeypatch, postgres, "LOCK_WORKER", " FOR UPDATE", "")
    worker_id, task_id = make_worker(first), make_task(first)
    with first.transaction():
        claim(first, worker_id)
        second = Second(postgres, lambda session: transitions.drain(session, worker_id=worker_id))
        if is_kept:
            second.wait_until_it_waits()
        else:
            assert second.answer() == []
    assert [changed.id for changed in second.answer()] == [task_id] * is_kept
    assert row(first, task_id)["state"] == ("queued" if is_kept else "running")


@with_and_without_the_rule
def test_a_sweep_is_fenced_by_what_it_read(
    postgres: Database, first: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """After waiting for the row, the check of its worker is not made again."""
    if not is_kept:
        requeue = re.search(r"UPDATE taskdeck_task.*?revision = t.revision \+ 1", SWEEP, re.S)
        assert requeue
        unfenced = f"""{requeue[0]} WHERE t.state = 'running' AND NOT EXISTS
            (SELECT 1 FROM taskdeck_worker w WHERE w.id = t.worker_id AND w.state = 'alive')
            {SWEEP[SWEEP.rindex("RETURNING") :]}"""
        monkeypatch.setattr(POSTGRESQL, "SWEEP", unfenced)
    else:
        rewrite(monkeypatch, postgres, "SWEEP", " SKIP LOCKED", "")
    gone, owner, task_id = make_worker(first), make_worker(first), make_task(first)
    claim(first, gone)
    first.rows("DELETE FROM taskdeck_worker WHERE id = %(id)s::uuid", {"id": gone})
    with first.transaction():
        assert [changed.id for changed in transitions.sweep(first)] == [task_id]
        claim_ids(first, owner, [task_id])
        second = Second(postgres, transitions.sweep)
        second.wait_until_it_waits()
    assert [changed.id for changed in second.answer()] == [task_id] * (not is_kept)
    found = row(first, task_id)
    assert (found["state"], found["attempt"]) == ("running" if is_kept else "queued", 2)


@with_and_without_the_rule
def test_a_promotion_judges_the_row_again_after_it_waited(
    postgres: Database, first: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    if is_kept:
        rewrite(monkeypatch, postgres, "PROMOTE_DUE", " SKIP LOCKED", "")
    else:
        rewrite(monkeypatch, postgres, "PROMOTE_DUE", " FOR UPDATE SKIP LOCKED", "")
        rewrite(monkeypatch, postgres, "PROMOTE_DUE", r" AND t\.state \|\| '' = 'scheduled'", "")
    task_id = make_task(first, delay_seconds=-5)
    with first.transaction():
        assert len(transitions.promote_due(first)) == 1
        second = Second(postgres, transitions.promote_due)
        second.wait_until_it_waits()
    assert len(second.answer()) == (0 if is_kept else 1)
    assert row(first, task_id)["revision"] == (2 if is_kept else 3)
