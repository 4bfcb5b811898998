"""Options of task functions: by decorator and by the settings, and what is said about wrong ones."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from tasks_app.compat import InvalidTask, Task, task
from tasks_app.errors import InvalidOptions
from tasks_app.functions import describe
from tasks_app.options import KNOWN, TaskOptions, read_options


def render(report_id: int) -> None:
    """Stands for a user's function."""


def wait_longer(exception: BaseException, task_result: Any) -> float | None:
    return None


@task(backoff=wait_longer, max_attempts=2)
def draw(report_id: int) -> None:
    """Declared as users do."""


def declared(**options: Any) -> Any:
    return task(**options)(render)


def test_the_decorator_takes_options_beside_those_of_django() -> None:
    made = declared(
        priority=3,
        name="monthly-report",
        max_attempts=5,
        backoff=[1, 2.5],
        retry_on=ValueError,
        timeout=60,
        max_losses=1,
    )
    assert isinstance(made, Task)
    assert (made.priority, made.name) == (3, "monthly-report")
    assert made.options == TaskOptions(
        name="monthly-report",
        max_attempts=5,
        backoff=(1, 2.5),
        retry_on=(ValueError,),
        timeout=60,
        max_losses=1,
    )


def test_a_bare_decorator_means_the_defaults() -> None:
    assert task(render).options == TaskOptions()
    assert task(render).name == "render"


def test_using_keeps_the_options() -> None:
    assert declared(max_attempts=2, name="drawn").using(priority=9).options.max_attempts == 2


def test_a_task_can_be_copied_and_compared() -> None:
    assert copy.deepcopy(draw) == draw
    assert hash(declared(backoff=[1])) != hash(declared(backoff=[2]))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", "9lives"),
        ("name", "two words"),
        ("name", 7),
        ("max_attempts", 0),
        ("max_attempts", True),
        ("max_attempts", "5"),
        ("max_attempts", 2**31),
        ("max_losses", -1),
        ("max_losses", None),
        ("backoff", -1),
        ("backoff", "soon"),
        ("backoff", []),
        ("backoff", [1, math.inf]),
        ("backoff", 1_700_000_000_000),
        ("retry_on", ()),
        ("retry_on", (int,)),
        ("retry_on", ValueError("an instance")),
        ("timeout", 0),
        ("timeout", math.nan),
        ("timeout", "60"),
        ("hard_timeout", -5),
        ("on_worker_lost", "ignore"),
        ("idempotent", "yes"),
    ],
)
def test_a_wrong_value_is_refused_at_import_with_the_options_name(option: str, value: Any) -> None:
    with pytest.raises(InvalidTask, match=rf"render: {option} must") as caught:
        declared(**{option: value})
    assert ";" not in str(caught.value), "one fault is told once"


def test_all_faults_come_at_once_and_an_unknown_option_is_named_with_the_known_ones() -> None:
    with pytest.raises(InvalidOptions) as caught:
        read_options({"max_attempts": 0, "retries": 3, "timeout": -1})
    assert len(caught.value.faults) == 3
    assert "'retries' is not an option" in caught.value.faults[0]
    assert all(name in caught.value.faults[0] for name in KNOWN)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"timeout": 60, "hard_timeout": 30}, "hard_timeout must not be below timeout"),
        ({"idempotent": False, "on_worker_lost": "requeue"}, "contradicts idempotent=False"),
    ],
)
def test_options_that_contradict_each_other_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOptions, match=told):
        read_options(given)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [({}, None), ({"timeout": 60}, 65), ({"hard_timeout": 9}, 9), ({"timeout": 60, "hard_timeout": 60}, 60)],
)
def test_the_kill_follows_the_soft_limit_unless_it_is_given(
    given: dict[str, Any], seconds: float | None
) -> None:
    assert read_options(given).kill_after_seconds == seconds


@pytest.mark.parametrize(
    ("given", "losses"),
    [
        ({}, 3),
        ({"max_losses": 0}, 0),
        ({"on_worker_lost": "fail"}, 0),
        ({"on_worker_lost": "fail", "max_losses": 5}, 0),
        ({"idempotent": False}, 0),
        ({"on_worker_lost": "requeue", "max_losses": 5}, 5),
    ],
)
def test_the_losses_allowed_follow_from_three_options(given: dict[str, Any], losses: int) -> None:
    assert read_options(given).losses_allowed == losses


def test_a_given_name_is_the_slug_and_the_title() -> None:
    function = describe(declared(name="monthly-report"))
    assert (function.slug, function.title) == ("monthly-report", "Monthly report")
    assert function.path.endswith(".render")
