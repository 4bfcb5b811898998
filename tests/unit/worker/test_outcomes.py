"""What is told of an attempt's end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tasks_app.states import State
from tasks_app.transitions import Changed, Outcome
from worker.outcomes import end_facts

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def changed(state: State) -> Changed:
    return Changed("01a20c79-99ab-746b-9d9a-5db25eef874e", 1, state, 3, "m.f", "default", None)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED])
def test_an_ended_task_has_a_time_of_its_end(state: State) -> None:
    outcome = Outcome(id="x", attempt=1, kind="failed", error="E: odd")
    assert end_facts(changed(state), outcome, NOW) == {"finished_at": NOW.isoformat(), "error": "E: odd"}


def test_a_task_that_waits_for_its_next_attempt_has_not_finished() -> None:
    outcome = Outcome(id="x", attempt=1, kind="retry", error="E: odd")
    assert end_facts(changed(State.SCHEDULED), outcome, NOW) == {"finished_at": None, "error": "E: odd"}
