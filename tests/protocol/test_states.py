"""The table of states, what the statements do, and the picture in the documentation say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession, Session
from tasks_app.states import HELD, TERMINAL, TRANSITIONS, State
from tasks_app.transitions import DIALECTS, Outcome, heads
from tasks_app.transitions.dialect import Dialect
from tests.protocol.actors import (
    FUNCTION,
    QUEUE,
    claim,
    claim_ids,
    make_empty_batch,
    make_task,
    make_worker,
    row,
)
from tests.protocol.actors import instant as written_instant
from tests.support.databases import ROOT, Database

Pair = tuple[State, State]
Step = Callable[[Session, str, str, int], object]
"""Session, task, worker that holds the task (if it runs), attempt."""

PICTURE = ROOT / "docs" / "explanation" / "architecture.md"
PAST = datetime(2020, 1, 1, tzinfo=UTC)
SITUATIONS = ("fresh", "cancel requested", "budgets spent")
LEGAL: set[Pair] = {(old, new) for old, followers in TRANSITIONS.items() for new in followers}


def finishes(kind: str) -> Step:
    def finish(session: Session, task_id: str, worker_id: str, attempt: int) -> object:
        outcome = Outcome(id=task_id, attempt=attempt, kind=kind, error="E", delay_seconds=-5.0)
        return transitions.finish(session, worker_id=worker_id, outcomes=[outcome])

    return finish


STEPS: dict[str, Step] = {
    "claim": lambda session, *_: claim(session, make_worker(session)),
    "claim on": lambda session, *_: claim_on(session),
    "claim the oldest": lambda session, *_: transitions.claim(
        session,
        worker_id=make_worker(session),
        node="n1",
        queue="default",
        functions=["tests.protocol.nothing"],
        limit=1,
        oldest=True,
    ),
    "claim by id": lambda session, task_id, *_: claim_ids(session, make_worker(session), [task_id]),
    "finish succeeded": finishes("succeeded"),
    "finish failed": finishes("failed"),
    "finish cancelled": finishes("cancelled"),
    "finish for a retry": finishes("retry"),
    "release": lambda session, task_id, worker_id, attempt: transitions.release(
        session, worker_id=worker_id, held=[(task_id, attempt)]
    ),
    "release as lost": lambda session, task_id, worker_id, attempt: transitions.release_lost(
        session, worker_id=worker_id, held=[(task_id, attempt)]
    ),
    "reap": lambda session, _task, worker_id, _attempt: transitions.reap(
        session, lost_id=worker_id, seen=None
    ),
    "sweep": lambda session, _task, worker_id, _attempt: (
        forget_worker(session, worker_id),
        transitions.sweep(session),
    ),
    "promote": lambda session, *_: transitions.promote_due(session),
    "promote after a batch": lambda session, task_id, *_: promote_held(session, task_id),
    "cancel": lambda session, task_id, *_: transitions.cancel(session, ids=[task_id]),
    "retry": lambda session, task_id, *_: transitions.retry(session, ids=[task_id]),
    "drain": lambda session, _task, worker_id, _attempt: transitions.drain(session, worker_id=worker_id),
}
# Statements that change no state, or other tables.
OTHERS = {
    *(
        "FAILURES",
        "LOSSES",
        "PROGRESS",
        "STEP",
        "REGISTER",
        "HEARTBEAT",
        "ALIVE",
        "HELD",
        "CANCELS",
        "LOCK_WORKER",
    ),
    "END_PAUSES",
}
WRITERS = {
    "CLAIM_NEXT": "claim",
    "CLAIM_ON": "claim on",
    "CLAIM_OLDEST": "claim the oldest",
    "CLAIM_IDS": "claim by id",
    "FINISH": "finish succeeded",
    "RELEASE": "release",
    "RELEASE_LOST": "release as lost",
    "MARK_LOST": "reap",
    "REQUEUE_LOST": "reap",
    "SWEEP": "sweep",
    "PROMOTE_DUE": "promote",
    "PROMOTE_ENDED": "promote after a batch",
    "CANCEL": "cancel",
    "RETRY": "retry",
    "STOP": "drain",
}


def claim_on(session: Session) -> None:
    """From a mark before every task, where the database has marks."""
    head = heads.head_of(session, QUEUE, [FUNCTION])
    head.marks = {0: str(UUID(int=0))}
    head.looked([], limit=1, started=heads.now() - 1)  # it took long, so the next one goes on from the mark
    claim(session, make_worker(session))


def forget_worker(session: Session, worker_id: str) -> None:
    key = DIALECTS[session.vendor].written_id(worker_id)
    session.rows("DELETE FROM taskdeck_worker WHERE id = %(id)s", {"id": key})


def promote_held(session: Session, task_id: str) -> None:
    """Its time never comes, its batch is over."""
    make_empty_batch(session, then=task_id)
    sql = DIALECTS[session.vendor]
    session.rows(
        "UPDATE taskdeck_task SET run_at = %(held)s WHERE id = %(id)s AND state = 'scheduled'",
        {"held": sql.instant(HELD), "id": sql.written_id(task_id)},
    )
    transitions.promote_ended(session)


@pytest.fixture
def session(database: Database) -> Iterator[OwnSession]:
    with database.session() as session:
        yield session


def made(session: OwnSession, state: State, situation: str, worker_id: str) -> str:
    """A row in this state: written as it is, so that no statement under test is needed to reach it."""
    task_id = make_task(session)
    is_running, has_ended = state == State.RUNNING, state in TERMINAL
    now = written_instant(session, PAST)
    dialect = DIALECTS[session.vendor]
    session.rows(
        "UPDATE taskdeck_task SET state = %(state)s, attempt = %(attempt)s, worker_id = %(worker)s,"
        " run_at = %(run_at)s, finished_at = %(finished_at)s, cancel_requested = %(flag)s,"
        " failures = %(failures)s, losses = %(losses)s, revision = revision + 1 WHERE id = %(id)s",
        {
            "state": state.value,
            "attempt": 0 if state in (State.QUEUED, State.SCHEDULED) else 1,
            "worker": dialect.written_id(worker_id) if is_running else None,
            "run_at": now if state == State.SCHEDULED else None,
            "finished_at": now if has_ended else None,
            "flag": situation == "cancel requested" and (is_running or has_ended),
            "failures": 1 if situation == "budgets spent" else 0,
            "losses": 3 if situation == "budgets spent" else 0,
            "id": dialect.written_id(task_id),
        },
    )
    return task_id


def walked(session: OwnSession, step: Step) -> dict[Pair, bool]:
    """Every pair that the step led through, from each state in each situation; and whether it wrote."""
    found: dict[Pair, bool] = {}
    for state, situation in product(State, SITUATIONS):
        worker_id = make_worker(session)
        task_id = made(session, state, situation, worker_id)
        before = row(session, task_id)
        step(session, task_id, worker_id, int(before["attempt"]))
        after = row(session, task_id)
        wrote = after["revision"] != before["revision"]
        assert wrote or after == before
        pair = (state, State(after["state"]))
        found[pair] = found.get(pair, False) or wrote
        session.rows("DELETE FROM taskdeck_task_attempt", {})
        session.rows("DELETE FROM taskdeck_task", {})
    return found


def test_each_statement_takes_the_steps_of_the_table_and_all_together_take_every_one(
    session: OwnSession,
) -> None:
    taken: set[Pair] = set()
    for name, step in STEPS.items():
        pairs = {pair for pair, wrote in walked(session, step).items() if wrote}
        assert pairs <= LEGAL, f"{name}: {pairs - LEGAL}"
        assert pairs, f"{name} does nothing"
        taken |= pairs
    assert taken == LEGAL


def test_no_other_pair_of_states_is_in_the_table() -> None:
    pairs = set(product(State, State))
    assert len(pairs) == 36
    assert {pair for pair in pairs if pair[1] in TRANSITIONS[pair[0]]} == LEGAL
    assert set(TRANSITIONS) == set(State)
    assert all(TRANSITIONS[state] == {State.QUEUED} for state in TERMINAL)


def test_every_statement_that_writes_a_state_was_tried(database: Database) -> None:
    dialect = DIALECTS[database.vendor]
    assert set(Dialect.__annotations__) == WRITERS.keys() | OTHERS
    assert set(WRITERS.values()) <= STEPS.keys()
    writes = re.compile(r"UPDATE taskdeck_task\b(?!_)")
    assert not [name for name in OTHERS if writes.search(getattr(dialect, name))]


def test_the_picture_in_the_documentation_shows_the_table() -> None:
    [picture] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", PICTURE.read_text(), re.S)
    arrows = re.findall(r"^ +(\S+) --> (\S+)", picture, re.M)
    drawn = {(State(old), State(new)) for old, new in arrows if old != "[*]"}
    starts = {State(new) for old, new in arrows if old == "[*]"}
    assert drawn == LEGAL
    assert starts == {State.QUEUED, State.SCHEDULED}
