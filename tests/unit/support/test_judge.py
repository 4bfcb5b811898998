"""Each rule of the judge is seen to fail on a history that breaks it, and to pass on a right one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.history import Entry, Row
from tests.support.judge import judge

QUEUED = Row(
    state="queued",
    attempt=0,
    revision=1,
    worker_id=None,
    cancel_requested=False,
    failures=0,
    losses=0,
    max_attempts=2,
    max_losses=1,
    has_run_at=False,
    has_finished_at=False,
)
RUNNING = replace(QUEUED, state="running", attempt=1, revision=2, worker_id="w")
FLAGGED = replace(RUNNING, revision=3, cancel_requested=True)
FAILED = replace(RUNNING, state="failed", worker_id=None, revision=3, failures=1, has_finished_at=True)
AGAIN = replace(FAILED, state="queued", revision=4, failures=0, has_finished_at=False)
CANCELLED = replace(QUEUED, state="cancelled", revision=2, cancel_requested=True, has_finished_at=True)


def history(*rows: Row | None, owner_state: str | None = "alive") -> list[Entry]:
    """One task's life: each row follows the one before it, the first is inserted."""
    return [
        Entry(number, "t", old, new, owner_state if new and new.worker_id else None)
        for number, (old, new) in enumerate(zip((None, *rows), rows, strict=False), start=1)
    ]


def worker(number: int, state: str) -> Entry:
    return Entry(number, None, worker_id="w", worker_state=state)


@pytest.mark.parametrize(
    "rows",
    [
        (QUEUED, RUNNING, FAILED, AGAIN, replace(RUNNING, revision=5, attempt=2)),
        (QUEUED, RUNNING, replace(QUEUED, revision=3, attempt=1, losses=1)),
        (QUEUED, RUNNING, replace(QUEUED, revision=3, attempt=1)),
        (QUEUED, RUNNING, FLAGGED, replace(CANCELLED, revision=4, attempt=1, losses=1)),
        (QUEUED, CANCELLED, None),
        (replace(QUEUED, state="scheduled", has_run_at=True), replace(QUEUED, revision=2)),
    ],
)
def test_a_right_life_has_no_faults(rows: tuple[Row | None, ...]) -> None:
    assert judge(history(*rows)) == []


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ((QUEUED, replace(FAILED, revision=2, attempt=0)), "queued became failed"),
        ((FAILED, replace(CANCELLED, revision=4, attempt=1, failures=1)), "failed became cancelled"),
        ((RUNNING, replace(RUNNING, revision=3)), "written without a cancel request"),
        ((QUEUED, replace(RUNNING, revision=3)), "revision 1 became 3"),
        ((replace(QUEUED, revision=2),), "inserted with revision 2"),
        ((QUEUED, replace(RUNNING, attempt=2)), "attempt 0 became 2"),
        ((FAILED, replace(AGAIN, attempt=0)), "attempt 1 became 0"),
        ((FAILED, replace(AGAIN, failures=1)), "with its flag or budgets"),
        ((QUEUED, replace(RUNNING, worker_id=None)), "running with owner None"),
        ((replace(QUEUED, worker_id="w"),), "queued with owner w"),
        ((replace(QUEUED, has_run_at=True),), "with a run_at, or scheduled without"),
        ((replace(QUEUED, has_finished_at=True),), "with a finished_at, or ended without"),
        (
            (replace(QUEUED, cancel_requested=True), replace(RUNNING, cancel_requested=True)),
            "claimed although a cancel was accepted",
        ),
        (
            (FLAGGED, replace(QUEUED, attempt=1, revision=4, cancel_requested=True)),
            "went back to waiting although a cancel was accepted",
        ),
        ((FLAGGED, replace(FAILED, revision=4)), "the cancel flag was lost"),
        ((QUEUED, replace(CANCELLED, cancel_requested=False)), "cancelled although nobody asked"),
        ((RUNNING, replace(FAILED, failures=3)), "over budget: 3 failures"),
        ((RUNNING, replace(QUEUED, attempt=1, revision=3, losses=3)), "over budget: 0 failures, 3 losses"),
        ((QUEUED, replace(RUNNING, losses=1)), "queued became running with +0 failures and +1 losses"),
        ((RUNNING, replace(FAILED, failures=0)), "running became failed with +0 failures and +0 losses"),
        ((QUEUED, None), "deleted while queued"),
    ],
)
def test_a_broken_rule_is_named(rows: tuple[Row | None, ...], fault: str) -> None:
    assert any(fault in found for found in judge(history(*rows))), judge(history(*rows))


@pytest.mark.parametrize("state", ["lost", "stopped", None])
def test_a_claim_by_a_worker_that_is_not_alive_is_named(state: str | None) -> None:
    [found] = judge(history(QUEUED, RUNNING, owner_state=state))
    assert f"claimed by a worker that is {state or 'unknown'}" in found


def test_a_write_that_nobody_recorded_is_named() -> None:
    entries = [*history(QUEUED), Entry(9, "t", RUNNING, FAILED)]
    assert judge(entries) == ["entry 9, task t: does not follow from the write before it"]


def test_an_attempt_that_is_claimed_or_ended_twice_is_named() -> None:
    lost = replace(QUEUED, revision=3, attempt=1, losses=1)
    entries = history(QUEUED, RUNNING, lost, replace(RUNNING, revision=4, losses=1), FAILED)
    found = judge(entries)
    assert any("attempt 1 claimed twice" in fault for fault in found)
    assert any("attempt 1 ended twice" in fault for fault in found)


def test_a_row_left_under_a_dead_worker_is_named() -> None:
    assert judge([*history(QUEUED, RUNNING), worker(3, "lost")]) == [
        "task t: left running under a worker that is lost"
    ]


def test_a_lost_worker_that_lives_again_is_named() -> None:
    assert judge([worker(1, "lost"), worker(2, "alive")]) == ["entry 2: worker w was lost already"]
