"""Django's Tasks API on this backend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks_app.compat import TaskResultDoesNotExist, TaskResultStatus, task
from tasks_app.errors import InvalidArguments
from tasks_app.examples.tasks import fibonacci
from tasks_app.functions import describe
from tasks_app.models import Task
from tasks_app.submit import submit

pytestmark = pytest.mark.django_db(transaction=True)


def test_enqueue_stores_a_waiting_task_that_can_be_read_back() -> None:
    result = fibonacci.using(priority=7).enqueue(20)
    assert result.status == TaskResultStatus.READY
    again = fibonacci.get_result(result.id)
    assert again.kwargs == {"number": 20}
    assert Task.objects.get(pk=result.id).priority == 7


@pytest.mark.parametrize(("rule", "losses"), [("requeue", 2), ("fail", 0)])
def test_the_budgets_of_the_function_are_stored_with_the_task(rule: str, losses: int) -> None:
    options = task(max_attempts=5, on_worker_lost=rule, max_losses=2)(fibonacci.func)
    submitted = submit(function=describe(options), arguments={"number": 1}, owner_id=None)
    stored = Task.objects.get(pk=submitted.id)
    assert (stored.max_attempts, stored.max_losses) == (5, losses)


def test_run_after_schedules() -> None:
    result = fibonacci.using(run_after=datetime.now(UTC) + timedelta(hours=1)).enqueue(number=1)
    assert Task.objects.get(pk=result.id).state == "scheduled"


def test_bad_arguments_are_refused_and_nothing_is_stored() -> None:
    with pytest.raises(InvalidArguments, match="number"):
        fibonacci.enqueue(number=41)
    assert not Task.objects.exists()


def test_an_unknown_result_is_said_to_be_missing() -> None:
    with pytest.raises(TaskResultDoesNotExist):
        fibonacci.get_result("nothing")
