"""Races on PostgreSQL with two connections, the first uncommitted while the second one acts.

On SQLite every transaction excludes every other writer, so these orders cannot come about there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from tasks_app import pruning, transitions
from tasks_app.database import OwnSession, Session
from tasks_app.errors import StatementConflict
from tasks_app.pruning import Retention, prune_step
from tasks_app.transitions import DIALECTS, Outcome
from tests.protocol.actors import claim, claim_ids, make_held, make_task, make_worker, row
from tests.protocol.second import Second
from tests.support import history
from tests.support.databases import Database
from tests.support.judge import judge

T = TypeVar("T")


@pytest.fixture
def first(postgres: Database) -> Iterator[OwnSession]:
    with postgres.session() as session:
        yield session
        assert judge(history.read(session)) == []


@contextlib.contextmanager
def without_skipping(*statements: str) -> Iterator[None]:
    """The statements wait for locked rows, so that they must judge them again afterwards."""
    dialect = DIALECTS["postgresql"]
    with pytest.MonkeyPatch.context() as patch:
        for name in statements:
            text = getattr(dialect, name)
            assert " SKIP LOCKED" in text
            patch.setattr(dialect, name, text.replace(" SKIP LOCKED", ""))
        yield


NOTHING_IS_KEPT = Retention(succeeded=timedelta(0), failed=timedelta(0))
LATER = timedelta(hours=1)


@pytest.mark.parametrize("skips", [True, False])
def test_a_pruning_never_deletes_a_task_that_was_sent_back_meanwhile(
    postgres: Database, first: OwnSession, monkeypatch: pytest.MonkeyPatch, skips: bool
) -> None:
    """It passes over a locked row; a pruning that waits for it must judge it again."""
    worker_id, task_id = make_worker(first), make_task(first)
    claim(first, worker_id)
    done = Outcome(id=task_id, attempt=1, kind="succeeded", result="1")
    assert transitions.finish(first, worker_id=worker_id, outcomes=[done])

    def prune(session: Session) -> Any:
        return prune_step(session, NOTHING_IS_KEPT, now=datetime.now(UTC) + LATER)

    if not skips:
        text = pruning._CHOOSE["postgresql"]
        assert " SKIP LOCKED" in text
        monkeypatch.setitem(pruning._CHOOSE, "postgresql", text.replace(" SKIP LOCKED", ""))
    with first.transaction():
        assert transitions.retry(first, ids=[task_id])
        second = Second(postgres, prune)
        if skips:
            assert second.answer().deleted == 0
        else:
            second.wait_until_it_waits()
    assert second.answer().deleted == 0
    assert row(first, task_id)["state"] == "queued"


def test_one_process_prunes_at_a_time(postgres: Database, first: OwnSession) -> None:
    with first.transaction():
        assert prune_step(first, NOTHING_IS_KEPT) is not None
        assert Second(postgres, lambda session: prune_step(session, NOTHING_IS_KEPT)).answer() is None
    assert Second(postgres, lambda session: prune_step(session, NOTHING_IS_KEPT)).answer() is not None


def test_a_reap_waits_for_a_claim_in_flight_and_requeues_what_it_took(
    postgres: Database, first: OwnSession
) -> None:
    worker_id, task_id = make_worker(first), make_task(first)
    with first.transaction():
        assert len(claim(first, worker_id)) == 1
        second = Second(postgres, lambda session: transitions.reap(session, lost_id=worker_id, seen=0))
        second.wait_until_it_waits()
    assert [changed.id for changed in second.answer()] == [task_id]
    assert row(first, task_id)["state"] == "queued"


def test_a_claim_waits_for_a_reap_and_gets_nothing(postgres: Database, first: OwnSession) -> None:
    worker_id, task_id = make_worker(first), make_task(first)
    with first.transaction():
        assert transitions.reap(first, lost_id=worker_id, seen=0) == []
        second = Second(postgres, lambda session: claim_ids(session, worker_id, [task_id]))
        second.wait_until_it_waits()
    assert second.answer() == []
    assert row(first, task_id)["state"] == "queued"


def test_a_reap_waits_for_a_renewal_and_misses(postgres: Database, first: OwnSession) -> None:
    worker_id = make_worker(first)
    with first.transaction():
        assert transitions.heartbeat(first, worker_id=worker_id, claims_by_message=0, claims_direct=0)
        second = Second(postgres, lambda session: transitions.reap(session, lost_id=worker_id, seen=0))
        second.wait_until_it_waits()
    assert second.answer() is None


def test_an_open_claim_does_not_hold_up_its_workers_heartbeat(postgres: Database, first: OwnSession) -> None:
    worker_id = make_worker(first)
    make_task(first)
    with first.transaction():
        claim(first, worker_id)
        second = Second(
            postgres,
            lambda session: transitions.heartbeat(
                session, worker_id=worker_id, claims_by_message=0, claims_direct=0
            ),
        )
        assert second.answer()


@pytest.mark.parametrize("skips", [True, False])
def test_a_sweep_never_takes_a_row_that_was_claimed_meanwhile(
    postgres: Database, first: OwnSession, skips: bool
) -> None:
    gone, owner, task_id = make_worker(first), make_worker(first), make_task(first)
    claim(first, gone)
    with first.transaction():
        transitions.reap(first, lost_id=gone, seen=None)
        assert len(claim(first, owner)) == 1
    assert row(first, task_id)["attempt"] == 2
    stray = make_task(first)
    claim_ids(first, (stray_owner := make_worker(first)), [stray])
    first.rows("DELETE FROM taskdeck_worker WHERE id = %(id)s::uuid", {"id": stray_owner})
    with contextlib.nullcontext() if skips else without_skipping("SWEEP"):
        with first.transaction():
            transitions.sweep(first)
            claim_ids(first, owner, [stray])
            second = Second(postgres, transitions.sweep)
            if not skips:
                second.wait_until_it_waits()
            else:
                assert second.answer() == []
        assert second.answer() == []
    found = row(first, stray)
    assert (found["state"], found["attempt"], str(found["worker_id"])) == ("running", 2, owner)


@pytest.mark.parametrize("skips", [True, False])
def test_a_promotion_never_revives_a_cancelled_row(
    postgres: Database, first: OwnSession, skips: bool
) -> None:
    task_id = make_task(first, delay_seconds=-5)
    with contextlib.nullcontext() if skips else without_skipping("PROMOTE_DUE"):
        with first.transaction():
            transitions.cancel(first, ids=[task_id])
            second = Second(postgres, transitions.promote_due)
            if not skips:
                second.wait_until_it_waits()
            else:
                assert second.answer() == []
        assert second.answer() == []
    assert row(first, task_id)["state"] == "cancelled"


def test_two_promotions_of_one_row_are_one(postgres: Database, first: OwnSession) -> None:
    task_id = make_task(first, delay_seconds=-5)
    with without_skipping("PROMOTE_DUE"):
        with first.transaction():
            assert len(transitions.promote_due(first)) == 1
            second = Second(postgres, transitions.promote_due)
            second.wait_until_it_waits()
        assert second.answer() == []
    assert row(first, task_id)["revision"] == 2


@pytest.mark.parametrize("skips", [True, False])
def test_what_runs_after_a_batch_is_let_go_once_and_not_after_a_cancel(
    postgres: Database, first: OwnSession, skips: bool
) -> None:
    then, cancelled = make_held(first), make_held(first)
    with contextlib.nullcontext() if skips else without_skipping("PROMOTE_ENDED"):
        with first.transaction():
            transitions.cancel(first, ids=[cancelled])
            assert [changed.id for changed in transitions.promote_ended(first)] == [then]
            second = Second(postgres, transitions.promote_ended)
            if not skips:
                second.wait_until_it_waits()
            else:
                assert second.answer() == []
        assert second.answer() == []
    assert (row(first, then)["state"], row(first, then)["revision"]) == ("queued", 2)
    assert row(first, cancelled)["state"] == "cancelled"


def test_a_cancel_after_a_claim_in_flight_flags_the_running_row(
    postgres: Database, first: OwnSession
) -> None:
    worker_id, task_id = make_worker(first), make_task(first)
    with first.transaction():
        claim(first, worker_id)
        second = Second(postgres, lambda session: transitions.cancel(session, ids=[task_id]))
        second.wait_until_it_waits()
    assert [changed.state.value for changed in second.answer()] == ["running"]
    assert transitions.held(first, worker_id=worker_id) == {(task_id, 1): True}


@pytest.mark.parametrize("skips", [True, False])
def test_a_claim_after_a_cancel_in_flight_gets_nothing(
    postgres: Database, first: OwnSession, skips: bool
) -> None:
    worker_id, task_id = make_worker(first), make_task(first)
    with contextlib.nullcontext() if skips else without_skipping("CLAIM_IDS"):
        with first.transaction():
            transitions.cancel(first, ids=[task_id])
            second = Second(postgres, lambda session: claim_ids(session, worker_id, [task_id]))
            if not skips:
                second.wait_until_it_waits()
            else:
                assert second.answer() == []
        assert second.answer() == []
    assert row(first, task_id)["state"] == "cancelled"


def test_a_cancel_after_a_requeue_in_flight_cancels_the_waiting_row(
    postgres: Database, first: OwnSession
) -> None:
    worker_id, task_id = make_worker(first), make_task(first)
    claim(first, worker_id)
    with first.transaction():
        transitions.reap(first, lost_id=worker_id, seen=0)
        second = Second(postgres, lambda session: transitions.cancel(session, ids=[task_id]))
        second.wait_until_it_waits()
    assert [changed.state.value for changed in second.answer()] == ["cancelled"]


def test_a_row_whose_claim_was_rolled_back_still_waits(postgres: Database, first: OwnSession) -> None:
    """The other worker got nothing and acked its message: only the direct claim finds it now."""
    one, other, task_id = make_worker(first), make_worker(first), make_task(first)
    with contextlib.suppress(StatementConflict), first.transaction():
        claim_ids(first, one, [task_id])
        assert Second(postgres, lambda session: claim_ids(session, other, [task_id])).answer() == []
        raise StatementConflict("rolled back")
    assert row(first, task_id)["state"] == "queued"
    assert [claimed.id for claimed in claim(first, other)] == [task_id]


def test_batches_in_opposite_order_end_each_row_once(postgres: Database, first: OwnSession) -> None:
    """A finish locks as it comes, the rest in the order of ids: a deadlock rolls back and is begun again."""
    worker_id = make_worker(first)
    ids = [make_task(first) for _ in range(200)]
    claim(first, worker_id, limit=len(ids))
    keys = [(task_id, 1) for task_id in ids]

    def again(act: Callable[[], list[Any]]) -> list[Any]:
        while True:
            try:
                return act()
            except StatementConflict:
                continue

    def release(session: Session) -> list[Any]:
        return again(lambda: transitions.release_lost(session, worker_id=worker_id, held=keys))

    second = Second(postgres, release)
    outcomes = [Outcome(id=task_id, attempt=1, kind="succeeded", result="1") for task_id in reversed(ids)]
    finished = again(lambda: transitions.finish(first, worker_id=worker_id, outcomes=outcomes))
    released = second.answer()
    assert sorted(changed.id for changed in [*finished, *released]) == sorted(ids)
