"""``TaskResult`` through the life of a task whose state is changed as workers change it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tasks_app import transitions
from tasks_app.compat import TaskResultDoesNotExist, TaskResultStatus
from tasks_app.database import DjangoSession
from tasks_app.errors import WorkerLost
from tasks_app.functions import registry
from tasks_app.transitions import Outcome
from tests.support import heard_tasks
from tests.support.heard_tasks import add, refuse

pytestmark = pytest.mark.django_db(transaction=True)


class Worker:
    """Claims and ends tasks by the statements a real one uses."""

    def __init__(self, node: str) -> None:
        self.id, self.node, self.session = str(uuid4()), node, DjangoSession()
        transitions.register(
            self.session,
            worker_id=self.id,
            node=node,
            host="h",
            pid=1,
            version="1",
            queues=["default"],
            concurrency=1,
            lease_seconds=15.0,
        )

    def claim(self) -> transitions.Claimed:
        [claimed] = transitions.claim(
            self.session,
            worker_id=self.id,
            node=self.node,
            queue="default",
            functions=[function.path for function in registry],
            limit=1,
        )
        return claimed

    def finish(self, claimed: transitions.Claimed, kind: str, **facts: Any) -> None:
        outcome = Outcome(id=claimed.id, attempt=claimed.attempt, kind=kind, **facts)
        assert transitions.finish(self.session, worker_id=self.id, outcomes=[outcome])

    def lose(self, claimed: transitions.Claimed) -> None:
        held = [(claimed.id, claimed.attempt)]
        assert transitions.release_lost(self.session, worker_id=self.id, held=held)


@pytest.fixture
def worker() -> Worker:
    registry.add_module(heard_tasks.__name__)
    return Worker("n1")


def test_a_result_goes_from_ready_to_running_to_successful(worker: Worker) -> None:
    result = add.enqueue(1)
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value

    claimed = worker.claim()
    result.refresh()
    assert result.status == TaskResultStatus.RUNNING
    assert (result.attempts, result.worker_ids) == (1, ["n1"])
    assert result.enqueued_at <= result.started_at == result.last_attempted_at <= datetime.now(UTC)
    assert result.finished_at is None

    worker.finish(claimed, "succeeded", result="2")
    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.is_finished
    assert result.return_value == 2
    assert result.started_at <= result.finished_at
    assert result.errors == []


def test_a_result_of_none_differs_from_no_result(worker: Worker) -> None:
    result = add.enqueue(1)
    worker.finish(worker.claim(), "succeeded", result="null")
    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.return_value is None


def test_a_failure_names_the_exception_and_its_traceback(worker: Worker) -> None:
    result = refuse.enqueue("no")
    worker.finish(
        worker.claim(),
        "failed",
        error="LookupError: no",
        error_class="LookupError",
        message="no",
        traceback="Traceback ... LookupError: no",
    )
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    with pytest.raises(ValueError, match="failed"):
        _ = result.return_value
    [error] = result.errors
    assert error.exception_class is LookupError
    assert error.traceback.endswith("LookupError: no")


def test_a_cancelled_task_has_failed_without_an_error(worker: Worker) -> None:
    result = add.enqueue(1)
    assert transitions.cancel(worker.session, ids=[result.id])
    result.refresh()
    assert (result.status, result.errors, result.attempts) == (TaskResultStatus.FAILED, [], 0)


def test_every_attempt_names_its_worker_and_a_loss_is_an_error(worker: Worker) -> None:
    result = add.enqueue(1)
    worker.lose(worker.claim())
    result.refresh()
    assert result.status == TaskResultStatus.READY
    first_start = result.started_at

    other = Worker("n2")
    other.finish(other.claim(), "succeeded", result="2")
    result.refresh()
    assert result.worker_ids == ["n1", "n2"]
    assert result.attempts == 2
    assert [error.exception_class for error in result.errors] == [WorkerLost]
    assert result.started_at == first_start < result.last_attempted_at


@pytest.mark.parametrize("unknown", ["nothing", str(uuid4())])
async def test_an_unknown_result_is_said_to_be_missing(unknown: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        await add.aget_result(unknown)
