"""The audit of a proof sees each kind of loss, and explains further executions only by what happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tasks_app.models import Task, TaskAttempt
from worker.prove.audit import GIVEN_BACK, LOSS, Audit, audit
from worker.prove.ledger import Execution
from worker.prove.plan import Kind, Wanted
from worker.prove.tasks import answer
from worker.prove.user import Accepted

pytestmark = pytest.mark.django_db
NUMBER = 7


def accepted(kind: Kind = Kind.SHORT) -> Accepted:
    wanted = Wanted(kind=kind, function="prove-short", number=NUMBER, arguments={})
    return Accepted(str(uuid7()), wanted)


def row(task_id: str, state: str = "succeeded", **facts: Any) -> None:
    now = datetime.now(UTC)
    given: dict[str, Any] = {"attempt": 1, "result": answer(NUMBER)} | facts
    if state in ("succeeded", "failed", "cancelled"):
        given["finished_at"] = now
    Task.objects.create(pk=task_id, function="f", state=state, created_at=now, **given)


def ran(attempt: int = 1, began: float = 1.0, ended: float | None = 2.0, executor: int = 10) -> Execution:
    return Execution(attempt, executor, 9, began, ended)


def judged(one: Accepted, *executions: Execution) -> Audit:
    return audit([one], Task.objects.all(), {one.id: list(executions)} if executions else {})


def test_a_task_that_ran_once_is_clean() -> None:
    one = accepted()
    row(one.id)
    found = judged(one, ran())
    assert found.is_clean
    assert (found.submitted, found.finished, found.executed_more_than_once) == (1, 1, 0)


def test_a_missing_row_and_a_success_without_execution_are_losses() -> None:
    gone, unseen = accepted(), accepted()
    row(unseen.id)
    assert "there is no row" in judged(gone).lost[0]
    assert "no such execution" in judged(unseen).lost[0]
    assert "no such execution" in judged(unseen, ran(ended=None)).lost[0]


@pytest.mark.parametrize("state", ["queued", "scheduled"])
def test_a_task_that_has_not_ended_is_stuck(state: str) -> None:
    one = accepted()
    row(one.id, state, result=None, run_at=datetime.now(UTC) if state == "scheduled" else None)
    assert len(judged(one).stuck) == 1


def test_a_further_execution_needs_a_reason() -> None:
    one = accepted()
    row(one.id, attempt=2)
    second = ran(2, began=5.0, ended=6.0, executor=11)
    given_back = judged(one, ran(ended=None), second)
    assert given_back.is_clean
    assert dict(given_back.reasons) == {GIVEN_BACK: 1}
    other = accepted()
    unexplained = audit([one], Task.objects.all(), {one.id: [ran(), second], other.id: [ran(began=3.0)]})
    assert any("without a reason" in fault for fault in unexplained.anomalies)
    TaskAttempt.objects.create(task_id=one.id, attempt=1, kind="loss", finished_at=datetime.now(UTC))
    assert dict(judged(one, ran(), second).reasons) == {LOSS: 1}


@pytest.mark.parametrize(
    ("facts", "executions", "fault"),
    [
        ({"result": 1}, [ran()], "returned 1"),
        ({"attempt": 2}, [ran(2), ran(2, began=3, ended=4)], "attempt 2 began 2 times"),
        ({"attempt": 2}, [ran(), ran(2, began=1.5, ended=3)], "ran at the same time"),
        ({"attempt": 1}, [ran(), ran(2, began=3, ended=4)], "attempt 2 ran, the row knows of 1"),
        ({"state": "failed", "result": None}, [ran()], "a short task ended as failed"),
    ],
)
def test_what_must_not_be_is_an_anomaly(
    facts: dict[str, Any], executions: list[Execution], fault: str
) -> None:
    one = accepted()
    row(one.id, **facts)
    assert any(fault in found for found in judged(one, *executions).anomalies)


def test_a_run_after_a_cancel_is_an_anomaly() -> None:
    one = accepted(Kind.CANCELLED_WAITING)
    one.cancelled_at = 1.0
    row(one.id, "cancelled", cancel_requested=True, result=None)
    assert judged(one).is_clean
    assert any("after it was cancelled" in fault for fault in judged(one, ran(began=2.0)).anomalies)


def test_an_execution_of_nothing_that_was_submitted_is_an_anomaly() -> None:
    found = audit([], Task.objects.all(), {"stranger": [ran()]})
    assert found.anomalies == ["stranger: executed, but never submitted"]
