"""Whether and when a failed attempt is followed by another."""

from __future__ import annotations

from typing import Any

import pytest

from tasks_app.interrupts import MOST_PAUSE_SECONDS, Retry, TaskTimeout
from tasks_app.options import TaskOptions
from tasks_app.retrying import LONGEST_PAUSE_SECONDS, growing_pause, pause_after


def pause(error: BaseException, failures: int = 0, max_attempts: int = 5, **options: Any) -> float | None:
    return pause_after(
        error,
        options=TaskOptions(**options),
        failures=failures,
        max_attempts=max_attempts,
        task_result=lambda: "the result",
    )


def test_nothing_follows_the_last_attempt() -> None:
    assert pause(ValueError(), failures=4, backoff=1.0) is None
    assert pause(Retry(after=3), failures=4) is None
    assert pause(ValueError(), failures=3, backoff=1.0) == 1.0


def test_only_errors_worth_it_are_followed_by_an_attempt() -> None:
    assert pause(KeyError(), retry_on=(LookupError,), backoff=2.0) == 2.0
    assert pause(ValueError(), retry_on=(LookupError,), backoff=2.0) is None
    assert pause(TaskTimeout(), retry_on=(Exception,), backoff=2.0) is None


def test_a_task_that_asks_is_heard_whatever_retry_on_says() -> None:
    assert pause(Retry(after=7.5), retry_on=(LookupError,), backoff=2.0) == 7.5
    assert pause(Retry(), retry_on=(LookupError,), backoff=2.0) == 2.0


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf"), 1_700_000_000_000])
def test_an_impossible_pause_is_refused_where_it_is_written(after: float) -> None:
    with pytest.raises(ValueError, match="after must be"):
        Retry(after=after)


def test_the_last_pause_of_a_list_repeats() -> None:
    assert [pause(ValueError(), failures=n, max_attempts=9, backoff=(1, 10)) for n in range(4)] == [
        1,
        10,
        10,
        10,
    ]


def test_the_pause_doubles_up_to_its_bound_and_is_lengthened_by_chance() -> None:
    assert [growing_pause(n, lambda: 0.0) for n in range(4)] == [1, 2, 4, 8]
    assert growing_pause(0, lambda: 1.0) == 1.25
    assert growing_pause(10_000, lambda: 0.0) == LONGEST_PAUSE_SECONDS


def test_a_callable_sees_error_and_result_and_may_give_up() -> None:
    seen = []

    def backoff(error: BaseException, task_result: Any) -> float | None:
        seen.append((type(error), task_result))
        return None if isinstance(error, KeyError) else -3

    assert pause(KeyError(), backoff=backoff) is None
    assert pause(ValueError(), backoff=backoff) == 0.0
    assert seen == [(KeyError, "the result"), (ValueError, "the result")]


def test_a_callable_that_raises_costs_no_attempt() -> None:
    def backoff(error: BaseException, task_result: Any) -> float:
        raise RuntimeError("broken")

    found = pause(ValueError(), backoff=backoff)
    assert found is not None
    assert 1.0 <= found <= 1.25


@pytest.mark.parametrize(
    ("told", "pause_seconds"),
    [(-5, 0.0), (float("inf"), MOST_PAUSE_SECONDS), (1_700_000_000_000, MOST_PAUSE_SECONDS)],
)
def test_what_a_callable_says_is_kept_within_what_a_database_can_hold(
    told: float, pause_seconds: float
) -> None:
    assert pause(ValueError(), backoff=lambda error, result: told) == pause_seconds


def test_a_callable_that_says_no_number_is_a_fault_of_its_own() -> None:
    assert pause(ValueError(), backoff=lambda error, result: float("nan")) >= 1.0
