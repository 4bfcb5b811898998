"""Every kind of argument: from JSON and from Python to the declared type, or refused by its field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks_app.errors import InvalidArguments
from tasks_app.functions import registry
from tasks_app.models import Task
from tests.support import sample_tasks
from tests.support.api import post
from tests.support.sample_values import BAD, GOOD
from tests.support.samples import MODULE, result_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples", "people")]


@pytest.mark.parametrize(
    ("name", "as_json", "as_python", "seen"), GOOD, ids=[f"{g[0]}-{i}" for i, g in enumerate(GOOD)]
)
def test_a_value_reaches_the_function_as_the_declared_type(
    api: Client, name: str, as_json: Any, as_python: Any, seen: str
) -> None:
    accepted = post(api, f"/api/functions/{name}/", {"value": as_json})
    assert accepted.status_code == 202, accepted.content
    assert result_of(accepted.json()["task_id"]) == seen
    assert result_of(getattr(sample_tasks, name).enqueue(value=as_python).id) == seen
    assert result_of(getattr(sample_tasks, name).enqueue(as_python).id) == seen


@pytest.mark.parametrize(("name", "value", "field"), BAD, ids=[f"{b[0]}-{i}" for i, b in enumerate(BAD)])
def test_a_wrong_value_is_refused_in_the_same_words_by_rest_and_by_enqueue(
    api: Client, name: str, value: Any, field: str
) -> None:
    answer = post(api, f"/api/functions/{name}/", {"value": value})
    assert answer.status_code == 400, answer.content
    told = [(error["field"], error["message"]) for error in answer.json()["errors"]]
    assert told[0][0] == field
    assert told[0][1]
    with pytest.raises(InvalidArguments) as caught:
        getattr(sample_tasks, name).enqueue(value=value)
    assert [(error.field, error.message) for error in caught.value.field_errors] == told
    assert not Task.objects.exists()


def test_every_sample_function_is_in_the_table() -> None:
    covered = {name for name, *_ in GOOD} | {"is_described"}
    own = {f.slug for f in registry.all() if f.path.startswith(MODULE)}
    assert own == covered
    assert len(own) >= 25


def test_many_instances_cost_one_query(django_assert_num_queries: Callable[..., Any]) -> None:
    adapter = registry.by_slug("takes_users").adapter
    with django_assert_num_queries(2):
        adapter.validate({"value": [7, 8] * 50, "group": 3})


def test_an_instance_that_was_never_saved_is_refused() -> None:
    with pytest.raises(InvalidArguments, match=r"value: this user is not saved"):
        sample_tasks.takes_user.enqueue(value=User(username="new"))
