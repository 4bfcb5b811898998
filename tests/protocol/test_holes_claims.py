"""Holes around the claim and the worker's own row, on the product's statements, with the rule and without."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession, Row
from tasks_app.errors import DatabaseUnavailable, StatementRefused
from tasks_app.transitions import DIALECTS, Outcome
from tests.protocol.actors import claim, claim_ids, make_task, make_worker, row
from tests.protocol.rules import (
    FENCE_ATTEMPT,
    FENCE_WORKER,
    KNOWN,
    LIVE_OWNER,
    STILL_WAITS,
    rewrite,
    with_and_without_the_rule,
)
from tests.support import history
from tests.support.databases import Database
from tests.support.judge import judge

Patch = pytest.MonkeyPatch


@pytest.fixture
def session(database: Database, request: pytest.FixtureRequest) -> Iterator[OwnSession]:
    """With the rule the history must be right as well."""
    with database.session() as session:
        yield session
        if request.node.callspec.params.get("is_kept"):
            assert judge(history.read(session)) == []


def runs(session: OwnSession, task_id: str) -> bool:
    return bool(row(session, task_id)["state"] == "running")


@with_and_without_the_rule
def test_a_row_is_claimed_once_however_often_its_message_comes(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        rewrite(monkeypatch, database, "CLAIM_IDS", STILL_WAITS, r"\1state IN ('queued', 'running')")
    task_id = make_task(session)
    won = [bool(claim_ids(session, make_worker(session), [task_id])) for _ in range(2)]
    assert won == [True, not is_kept]


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize(
    ("needs_live_owner", "sweeps"), [(True, True), (True, False), (False, True), (False, False)]
)
def test_a_claim_that_comes_after_its_worker_was_lost_strands_nothing_unless_both_rules_are_gone(
    database: Database,
    session: OwnSession,
    monkeypatch: Patch,
    needs_live_owner: bool,
    sweeps: bool,
    by_id: bool,
) -> None:
    """The claim was still in the server when its worker died, or the worker thawed before it renewed."""
    if not needs_live_owner:
        rewrite(monkeypatch, database, "CLAIM_IDS" if by_id else "CLAIM_NEXT", LIVE_OWNER, "")
    lost, other, task_id = make_worker(session), make_worker(session), make_task(session)
    assert transitions.reap(session, lost_id=lost, seen=0) == []

    late = claim_ids(session, lost, [task_id]) if by_id else claim(session, lost)

    assert bool(late) is not needs_live_owner
    if sweeps:
        transitions.sweep(session)
    assert transitions.reap(session, lost_id=lost, seen=0) is None  # nobody looks at it again
    assert bool(claim(session, other)) is (needs_live_owner or sweeps)


@with_and_without_the_rule
def test_an_incarnation_is_never_begun_twice(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """Under the row of its predecessor a new process would renew the lease of what it does not run."""
    if not is_kept:
        again = "ON CONFLICT (id) DO UPDATE SET state = 'alive'"
        monkeypatch.setattr(DIALECTS[database.vendor], "REGISTER", _sql(database, "REGISTER") + again)
    worker_id = make_worker(session)
    with pytest.raises(StatementRefused) if is_kept else contextlib.nullcontext():
        make_worker(session, worker_id=worker_id)


@with_and_without_the_rule
def test_a_lost_worker_never_lives_again(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        rewrite(monkeypatch, database, "HEARTBEAT", r"SET heartbeat", "SET state = 'alive', heartbeat")
        rewrite(monkeypatch, database, "HEARTBEAT", r" AND state = 'alive'", "")
    frozen, other, task_id = make_worker(session), make_worker(session), make_task(session)
    claim(session, frozen)
    transitions.reap(session, lost_id=frozen, seen=0)
    claim(session, other)

    renewed = transitions.heartbeat(session, worker_id=frozen, claims_by_message=0, claims_direct=0)

    assert bool(renewed) is not is_kept  # it would go on beside the new owner
    assert row(session, task_id)["attempt"] == 2
    assert bool(judge(history.read(session))) is not is_kept


class Dies:
    """A session whose process is killed at one statement; ``is_atomic`` False: each commits by itself."""

    def __init__(self, inner: OwnSession, statement: str, *, is_atomic: bool) -> None:
        self._inner, self._statement, self._is_atomic = inner, statement, is_atomic
        self.vendor = inner.vendor

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        if sql == self._statement:
            raise DatabaseUnavailable("killed")
        return self._inner.rows(sql, params)

    def transaction(self) -> contextlib.AbstractContextManager[Any]:
        return self._inner.transaction() if self._is_atomic else contextlib.nullcontext()


@with_and_without_the_rule
def test_a_reaper_that_dies_halfway_has_done_nothing(
    database: Database, session: OwnSession, is_kept: bool
) -> None:
    lost, task_id = make_worker(session), make_task(session)
    claim(session, lost)
    dying = Dies(session, _sql(database, "REQUEUE_LOST"), is_atomic=is_kept)
    with pytest.raises(DatabaseUnavailable):
        transitions.reap(dying, lost_id=lost, seen=0)

    again = transitions.reap(session, lost_id=lost, seen=0)

    assert [changed.id for changed in again or []] == [task_id] * is_kept
    assert runs(session, task_id) is not is_kept


@with_and_without_the_rule
def test_a_drain_releases_what_the_table_says(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """The claim's reply was on the wire when SIGTERM came: the supervisor's own list has no such task."""
    if not is_kept:
        monkeypatch.setattr(transitions, "held", lambda session, *, worker_id: {})
    worker_id, task_id = make_worker(session), make_task(session)
    claim(session, worker_id)

    transitions.drain(session, worker_id=worker_id)

    assert runs(session, task_id) is not is_kept
    assert bool(judge(history.read(session))) is not is_kept


@with_and_without_the_rule
def test_a_claim_leaves_functions_that_its_deployment_does_not_know(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        rewrite(monkeypatch, database, "CLAIM_NEXT", KNOWN, "true")
    make_task(session, function="elsewhere.newer")
    assert bool(claim(session, make_worker(session))) is not is_kept


@with_and_without_the_rule
def test_a_claim_judges_rows_before_it_counts_them(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """Otherwise those that may not start are picked again and again, and hide what waits behind them."""
    if not is_kept:
        known = re.search(KNOWN, _sql(database, "CLAIM_NEXT"))
        assert known
        rewrite(monkeypatch, database, "CLAIM_NEXT", KNOWN, "true")
        rewrite(monkeypatch, database, "CLAIM_NEXT", STILL_WAITS, rf"\g<0> AND {known[0]}")
    for _ in range(3):
        make_task(session, function="elsewhere.newer")
    make_task(session)
    assert bool(claim(session, make_worker(session), limit=3)) is is_kept


@with_and_without_the_rule
def test_a_scheduled_row_without_a_time_cannot_be_stored(
    database: Database, session: OwnSession, is_kept: bool
) -> None:
    """It would never be due."""
    task_id = make_task(session, delay_seconds=-5)
    if not is_kept and session.vendor == "sqlite":
        session.rows("PRAGMA ignore_check_constraints = ON", {})
    elif not is_kept:
        session.rows("ALTER TABLE taskdeck_task DROP CONSTRAINT task_scheduled_has_run_at", {})
    with pytest.raises(StatementRefused) if is_kept else contextlib.nullcontext():
        session.rows("UPDATE taskdeck_task SET run_at = NULL, revision = revision + 1", {})
    assert [changed.id for changed in transitions.promote_due(session)] == [task_id] * is_kept


@with_and_without_the_rule
def test_a_worker_that_stops_itself_costs_no_task_its_budget(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """Four outages of the database would otherwise end a long task."""
    if not is_kept:
        monkeypatch.setattr(DIALECTS[database.vendor], "RELEASE", _sql(database, "RELEASE_LOST"))
    worker_id, task_id = make_worker(session), make_task(session, max_losses=3)
    for attempt in range(1, 5):
        claim(session, worker_id)
        transitions.release(session, worker_id=worker_id, held=[(task_id, attempt)])
    found = row(session, task_id)
    assert (found["state"], found["losses"]) == (("queued", 0) if is_kept else ("failed", 4))


@with_and_without_the_rule
def test_a_late_finish_of_an_old_claim_changes_nothing(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        rewrite(monkeypatch, database, "FINISH", FENCE_WORKER, "")
        rewrite(monkeypatch, database, "FINISH", FENCE_ATTEMPT, "")
    frozen, other, task_id = make_worker(session), make_worker(session), make_task(session)
    claim(session, frozen)
    transitions.reap(session, lost_id=frozen, seen=0)
    claim(session, other)
    late = Outcome(id=task_id, attempt=1, kind="succeeded", result="1")
    changed = transitions.finish(session, worker_id=frozen, outcomes=[late])
    assert bool(changed) is not is_kept
    assert runs(session, task_id) is is_kept


def _sql(database: Database, statement: str) -> str:
    text: str = getattr(DIALECTS[database.vendor], statement)
    return text
