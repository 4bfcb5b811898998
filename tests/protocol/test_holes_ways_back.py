"""Holes on the ways back to waiting: a cancel undone, an attempt number used twice."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession, Session
from tasks_app.transitions import DIALECTS, Outcome
from tests.protocol.actors import claim, make_task, make_worker, row
from tests.protocol.rules import (
    CANCEL_WINS,
    FENCE_WORKER,
    NO_FURTHER_TRY,
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
        if request.node.callspec.params["is_kept"]:
            assert judge(history.read(session)) == []


def raises_and_may_try_again(session: Session, worker_id: str, task_id: str) -> None:
    error = Outcome(id=task_id, attempt=1, kind="retry", error="E")
    transitions.finish(session, worker_id=worker_id, outcomes=[error])
    transitions.promote_due(session)


def is_lost(session: Session, worker_id: str, task_id: str) -> None:
    transitions.reap(session, lost_id=worker_id, seen=0)


def is_unknown_to_its_worker(session: Session, worker_id: str, task_id: str) -> None:
    transitions.release_lost(session, worker_id=worker_id, held=[(task_id, 1)])


def drains(session: Session, worker_id: str, task_id: str) -> None:
    transitions.drain(session, worker_id=worker_id)


def forgets_the_cancel(patch: Patch, database: Database, statement: str) -> None:
    """As if the way back did not know of the flag."""
    ends = r"(WHEN|OR|AND NOT) (t\.)?cancel_requested"
    rewrite(patch, database, statement, CANCEL_WINS, "WHEN false THEN 'cancelled'")
    if statement == "FINISH":
        rewrite(patch, database, statement, NO_FURTHER_TRY, "")
    else:
        rewrite(patch, database, statement, ends, r"\1 false")
    rewrite(patch, database, statement, "worker_id = NULL", "worker_id = NULL, cancel_requested = false")


@with_and_without_the_rule
@pytest.mark.parametrize(
    ("happens", "statement"),
    [
        (raises_and_may_try_again, "FINISH"),
        (is_lost, "REQUEUE_LOST"),
        (is_unknown_to_its_worker, "RELEASE_LOST"),
        (drains, "RELEASE"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_an_accepted_cancel_wins_over_every_way_back(
    database: Database,
    session: OwnSession,
    monkeypatch: Patch,
    happens: Callable[[Session, str, str], None],
    statement: str,
    is_kept: bool,
) -> None:
    if not is_kept:
        forgets_the_cancel(monkeypatch, database, statement)
    worker_id, task_id = make_worker(session), make_task(session)
    claim(session, worker_id)
    assert transitions.cancel(session, ids=[task_id])

    happens(session, worker_id, task_id)

    assert bool(claim(session, make_worker(session))) is not is_kept
    assert (row(session, task_id)["state"] == "cancelled") is is_kept


@with_and_without_the_rule
def test_an_explicit_retry_forgets_the_cancel(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """Otherwise the new run is cancelled although nobody asked."""
    if not is_kept:
        rewrite(monkeypatch, database, "RETRY", r"cancel_requested = (0|false),", "")
        allow_the_flag_on_waiting_rows(session)
    worker_id, task_id = make_worker(session), make_task(session)
    claim(session, worker_id)
    transitions.cancel(session, ids=[task_id])
    transitions.finish(
        session, worker_id=worker_id, outcomes=[Outcome(id=task_id, attempt=1, kind="cancelled")]
    )
    transitions.retry(session, ids=[task_id])
    claim(session, worker_id)
    failed = Outcome(id=task_id, attempt=2, kind="failed", error="E")
    transitions.finish(session, worker_id=worker_id, outcomes=[failed])
    assert row(session, task_id)["state"] == ("failed" if is_kept else "cancelled")


def allow_the_flag_on_waiting_rows(session: OwnSession) -> None:
    """The CHECK on the table is a second lock on the same door."""
    if session.vendor == "sqlite":
        session.rows("PRAGMA ignore_check_constraints = ON", {})
    else:
        session.rows("ALTER TABLE taskdeck_task DROP CONSTRAINT task_cancel_only_where_legal", {})


@with_and_without_the_rule
def test_a_cancel_is_one_statement_for_waiting_and_running(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """As two, the row runs at the first, is given back before the second, and neither meets it."""
    worker_id, task_id = make_worker(session), make_task(session)
    claim(session, worker_id)
    if is_kept:
        transitions.release(session, worker_id=worker_id, held=[(task_id, 1)])
        met = len(transitions.cancel(session, ids=[task_id]))
    else:
        waiting, running = halves_of_cancel(database)
        monkeypatch.setattr(DIALECTS[database.vendor], "CANCEL", waiting)
        met = len(transitions.cancel(session, ids=[task_id]))
        transitions.release(session, worker_id=worker_id, held=[(task_id, 1)])
        monkeypatch.setattr(DIALECTS[database.vendor], "CANCEL", running)
        met += len(transitions.cancel(session, ids=[task_id]))
    assert met == is_kept
    assert bool(claim(session, worker_id)) is not is_kept


def halves_of_cancel(database: Database) -> tuple[str, str]:
    """One for the waiting rows, one for the running."""
    either = (
        r"AND \(((?:t\.)?state(?: \|\| '')? IN \('scheduled','queued'\))"
        r" OR (\(.*NOT (?:t\.)?cancel_requested\))\)"
    )
    whole = DIALECTS[database.vendor].CANCEL
    waiting, running = re.sub(either, r"AND \1", whole), re.sub(either, r"AND \2", whole)
    assert len({whole, waiting, running}) == 3
    return waiting, running


@with_and_without_the_rule
def test_an_attempt_number_is_never_used_twice(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """A finish stays in the server, is repeated, and arrives after an explicit retry: the worker is the same,
    so only the number tells the two runs apart."""
    if not is_kept:
        rewrite(monkeypatch, database, "RETRY", "failures = 0", "attempt = 0, failures = 0")
    worker_id, task_id = make_worker(session), make_task(session)
    claim(session, worker_id)
    first = Outcome(id=task_id, attempt=1, kind="succeeded", result='"old"')
    assert transitions.finish(session, worker_id=worker_id, outcomes=[first])
    transitions.retry(session, ids=[task_id])
    claim(session, worker_id)

    late = transitions.finish(session, worker_id=worker_id, outcomes=[first])

    assert bool(late) is not is_kept
    assert (row(session, task_id)["state"] == "running") is is_kept


@with_and_without_the_rule
def test_a_finish_that_is_repeated_changes_nothing(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """Its reply was lost, so nobody knows whether it has committed."""
    if not is_kept:
        rewrite(monkeypatch, database, "FINISH", r"AND (\w+)\.state \|\| '' = 'running'", "")
        rewrite(monkeypatch, database, "FINISH", FENCE_WORKER, "")
    worker_id, task_id = make_worker(session), make_task(session)
    claim(session, worker_id)
    outcome = Outcome(id=task_id, attempt=1, kind="succeeded", result="1")
    assert transitions.finish(session, worker_id=worker_id, outcomes=[outcome])
    before = row(session, task_id)
    again = transitions.finish(session, worker_id=worker_id, outcomes=[outcome])
    assert bool(again) is not is_kept
    assert (row(session, task_id) == before) is is_kept


@with_and_without_the_rule
def test_a_finish_names_its_worker_too(
    database: Database, session: OwnSession, monkeypatch: Patch, is_kept: bool
) -> None:
    """A fail-over that loses the last commit gives the same number out twice."""
    if not is_kept:
        rewrite(monkeypatch, database, "FINISH", FENCE_WORKER, "")
    first, second, task_id = make_worker(session), make_worker(session), make_task(session)
    with contextlib.suppress(LostCommit), session.transaction():
        assert claim(session, first)[0].attempt == 1
        raise LostCommit
    assert claim(session, second)[0].attempt == 1

    late = Outcome(id=task_id, attempt=1, kind="succeeded", result='"of the first"')
    assert bool(transitions.finish(session, worker_id=first, outcomes=[late])) is not is_kept


class LostCommit(Exception):
    """The new primary never had it."""
