"""How far ahead, and how many at once, by the run times that were seen."""

from __future__ import annotations

import pytest

from worker.runtimes import RunTimes


@pytest.mark.parametrize(
    ("seconds", "ahead", "in_packet"),
    [(0.00001, 256, 16), (0.0001, 256, 10), (0.0009, 55, 1), (0.01, 5, 1), (0.5, 1, 1)],
)
def test_the_longer_a_function_takes_the_fewer_are_taken_ahead(
    seconds: float, ahead: int, in_packet: int
) -> None:
    times = RunTimes()
    times.learn("f", seconds)
    assert (times.ahead(), times.in_packet()) == (ahead, in_packet)


def test_a_function_that_turns_long_is_no_longer_taken_ahead() -> None:
    times = RunTimes()
    times.learn("f", 0.00001)
    times.learn("f", 3.0)
    assert (times.short(), times.ahead(), times.in_packet()) == ([], 1, 1)


def test_the_slowest_of_the_short_functions_decides() -> None:
    times = RunTimes()
    times.learn("quick", 0.00001)
    times.learn("slower", 0.0005)
    assert (times.ahead(), times.in_packet()) == (100, 2)
