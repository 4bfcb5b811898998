"""A claim on PostgreSQL goes on where the last one ended; what begins to wait before is found in time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession
from tasks_app.transitions import Claimed, heads
from tests.protocol.actors import FUNCTION, QUEUE, claim, make_task, make_worker, row
from tests.protocol.rules import with_and_without_the_rule
from tests.protocol.second import Second
from tests.support import history
from tests.support.databases import Database
from tests.support.judge import judge


class RolledBack(Exception):
    pass


@pytest.fixture
def session(postgres: Database) -> Iterator[OwnSession]:
    with postgres.session() as session:
        yield session
        assert judge(history.read(session)) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the marks take for the time, in seconds."""
    clock = [100.0]
    monkeypatch.setattr(heads, "now", lambda: clock[0])
    return clock


def taken(session: OwnSession, worker_id: str) -> str:
    [one] = claim(session, worker_id, limit=1)
    return one.id


@with_and_without_the_rule
def test_a_task_that_waits_again_before_the_mark_is_claimed_within_a_second_under_load(
    session: OwnSession, clock: list[float], monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """Without the whole look it is passed over as long as younger ones wait."""
    if not is_kept:
        monkeypatch.setattr(heads, "LOOK_SECONDS", 3600.0)
        monkeypatch.setattr(heads, "MOST_LOOK_SECONDS", 3600.0)
    worker_id = make_worker(session)
    old, *young = [make_task(session) for _ in range(6)]
    assert taken(session, worker_id) == old
    transitions.release(session, worker_id=worker_id, held=[(old, 1)])
    clock[0] += heads.LOOK_SECONDS / 2
    assert taken(session, worker_id) == young[0]  # it goes on from the mark
    clock[0] += 0.6
    assert (taken(session, worker_id) == old) is is_kept


def test_looks_that_take_long_come_less_often_but_within_a_bound() -> None:
    head, clock = heads.Head(), [0.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "now", lambda: clock[0])
        for took, pause in ((0.001, 1.0), (0.2, 4.0), (60.0, 15.0)):
            started = clock[0]
            clock[0] += took
            head.looked([waits("id", 0)], limit=1, started=started)
            assert not head.is_look_due
            clock[0] += pause - 0.01
            assert not head.is_look_due
            clock[0] += 0.02
            assert head.is_look_due


def waits(task_id: str, priority: int) -> Claimed:
    return Claimed(task_id, 1, 2, priority, FUNCTION, QUEUE, "{}", 0, 0, 1, None)


def test_a_look_keeps_the_marks_of_the_priorities_that_it_is_done_with() -> None:
    head = heads.Head()
    head.looked([waits("b", 5), waits("c", 0)], limit=2, started=heads.now())
    assert head.marks == {5: "b", 0: "c"}
    head.went_on([waits("d", 0), waits("a", -1)])
    assert head.marks == {5: "b", 0: "d", -1: "a"}
    head.looked([waits("a", 0)], limit=1, started=heads.now())  # full: what comes after was not looked at
    assert head.marks == {5: "b", 0: "a"}
    head.looked([waits("e", 5)], limit=9, started=heads.now())  # not full: nothing else waited
    assert head.marks == {5: "e", 0: "a"}


def test_after_a_quick_look_that_was_not_full_the_next_is_whole_again() -> None:
    head = heads.Head()
    head.looked([waits("a", 0)], limit=2, started=heads.now())
    assert head.is_look_due
    head.looked([waits("b", 0)], limit=2, started=heads.now() - heads.CHEAP_LOOK_SECONDS)
    assert not head.is_look_due


def test_marks_are_kept_for_few_priorities() -> None:
    head = heads.Head()
    head.looked([waits("a", priority) for priority in range(9, 0, -1)], limit=20, started=heads.now())
    assert sorted(head.marks) == [1, 2, 3, 4]
    assert head.params()["priority0"] == 4


def test_a_task_whose_claim_was_rolled_back_is_claimed_by_the_next_look(
    postgres: Database, session: OwnSession, clock: list[float]
) -> None:
    """Another claim skipped it, because it was locked, and its mark is behind it."""
    one, other = make_worker(session), make_worker(session)
    skipped, *young = [make_task(session) for _ in range(4)]
    with contextlib.suppress(RolledBack), session.transaction():
        assert taken(session, one) == skipped
        with postgres.session() as second:
            assert taken(second, other) == young[0]
        raise RolledBack
    assert taken(session, one) == young[1]  # this session's own mark is of the claim that was rolled back
    clock[0] += heads.LOOK_SECONDS
    assert taken(session, one) == skipped
    assert row(session, young[2])["state"] == "queued"


def test_each_set_of_functions_and_each_queue_has_a_mark_of_its_own(session: OwnSession) -> None:
    worker_id = make_worker(session)
    other_function, other_queue = make_task(session, function="other"), make_task(session, queue="other")
    mine = [make_task(session) for _ in range(2)]
    assert [taken(session, worker_id) for _ in range(2)] == mine
    younger = make_task(session)
    facts = {"worker_id": worker_id, "node": "n1", "limit": 1}
    both = transitions.claim(session, **facts, queue=QUEUE, functions=[FUNCTION, "other"])
    assert [claimed.id for claimed in both] == [other_function]
    assert [claimed.id for claimed in claim(session, worker_id, queue="other")] == [other_queue]
    assert taken(session, worker_id) == younger


def test_a_new_session_knows_no_mark(postgres: Database, session: OwnSession) -> None:
    worker_id = make_worker(session)
    tasks = [make_task(session) for _ in range(3)]
    assert taken(session, worker_id) == tasks[0]
    transitions.release(session, worker_id=worker_id, held=[(tasks[0], 1)])
    with postgres.session() as again:
        assert taken(again, worker_id) == tasks[0]


def test_two_sessions_that_go_on_claim_each_task_once(postgres: Database, session: OwnSession) -> None:
    one, other = make_worker(session), make_worker(session)
    tasks = [make_task(session, priority=n % 3) for n in range(60)]

    def drain(session: OwnSession, worker_id: str) -> list[str]:
        found: list[str] = []
        while more := claim(session, worker_id, limit=4):
            found += [task.id for task in more]
        return found

    second = Second(postgres, lambda session: drain(session, other))
    found = drain(session, one) + second.answer()
    assert sorted(found) == sorted(tasks)
