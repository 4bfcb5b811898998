"""How an attempt ended, read from an executor's frame or judged by the supervisor that killed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgpack

from tasks_app.functions import registry
from tasks_app.interrupts import TaskTimeout
from tasks_app.retrying import pause_after
from tasks_app.states import TERMINAL
from tasks_app.transitions import Changed, Outcome
from worker.held import Held
from worker.ladder import Reason


def outcome_of(held: Held, kind: str, body: bytes) -> tuple[Outcome, float]:
    """The outcome a frame tells, and the run time in seconds (0 when unknown)."""
    task_id, attempt = held.key
    if kind == "succeeded":
        text, seconds = msgpack.unpackb(body)
        return Outcome(id=task_id, attempt=attempt, kind="succeeded", result=text), seconds
    if kind == "TaskCancelled":
        return Outcome(id=task_id, attempt=attempt, kind="cancelled", error="cancelled"), 0.0
    try:
        facts: dict[str, Any] = msgpack.unpackb(body)
        seconds = facts.pop("run_seconds")
        return Outcome(id=task_id, attempt=attempt, kind=kind, **facts), seconds
    except (ValueError, TypeError, KeyError, AttributeError):
        text = body.decode(errors="replace") or kind
        return Outcome(id=task_id, attempt=attempt, kind="failed", error=text[:500], message=text), 0.0


def killed_outcome(held: Held) -> Outcome:
    """For an attempt whose executor was killed on purpose.

    A user's ``backoff`` is not called on the event loop: where it is a callable the pause grows by itself.
    """
    task_id, attempt = held.key
    if held.ladder.killed_for == Reason.CANCEL:
        text = "cancelled: it did not stop when it was interrupted, so its process was killed"
        return Outcome(id=task_id, attempt=attempt, kind="cancelled", error=text)
    options = registry.by_path(held.task.function).options
    message = f"its process was killed after {options.kill_after_seconds:g} s, the hard limit"
    pause = pause_after(
        TaskTimeout(message),
        options=options,
        failures=held.task.failures,
        max_attempts=held.task.max_attempts,
    )
    return Outcome(
        id=task_id,
        attempt=attempt,
        kind="failed" if pause is None else "retry",
        error=f"TaskTimeout: {message}",
        error_class="tasks_app.interrupts.TaskTimeout",
        message=message,
        delay_seconds=pause or 0.0,
    )


def end_facts(row: Changed, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """What watchers hear of an effective finish. A task that waits for its next attempt has not finished."""
    return {"finished_at": now.isoformat() if row.state in TERMINAL else None, "error": outcome.error}
