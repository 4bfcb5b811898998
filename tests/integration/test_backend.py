"""Django's Tasks API on this backend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks_app.compat import TaskResultDoesNotExist, TaskResultStatus
from tasks_app.errors import InvalidArguments
from tasks_app.examples.tasks import fibonacci
from tasks_app.models import Task

pytestmark = pytest.mark.django_db(transaction=True)


def test_enqueue_stores_a_waiting_task_that_can_be_read_back() -> None:
    result = fibonacci.using(priority=7).enqueue(20)
    assert result.status == TaskResultStatus.READY
    again = fibonacci.get_result(result.id)
    assert again.kwargs == {"number": 20}
    assert Task.objects.get(pk=result.id).priority == 7


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
