"""The states of a task and the only steps between them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum


class State(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


HELD = datetime(9999, 1, 1, tzinfo=UTC)
"""`run_at` of a scheduled task that waits for the end of a batch: it never becomes due."""

TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.SCHEDULED: frozenset({State.QUEUED, State.CANCELLED}),
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    # running -> running: a cancel request goes up; -> queued: lost or released; -> scheduled: a retry waits
    State.RUNNING: frozenset({State.RUNNING, State.SCHEDULED, State.QUEUED, *TERMINAL}),
    # only by an explicit retry
    State.SUCCEEDED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}


def django_status(state: State) -> str:
    """Django's Tasks API word for a state."""
    if state in (State.SCHEDULED, State.QUEUED):
        return "READY"
    if state is State.RUNNING:
        return "RUNNING"
    return "SUCCESSFUL" if state is State.SUCCEEDED else "FAILED"


def original_status(state: State) -> str:
    """The word of the original ``GET /task/<id>``."""
    if state is State.SUCCEEDED:
        return "complete"
    return "failed" if state in TERMINAL else "pending"
