"""When a look at all that runs comes again."""

from __future__ import annotations

import pytest

from worker.looks import Looks


@pytest.mark.parametrize(
    ("every", "took", "pause"), [(1.0, 0.01, 1.0), (1.0, 0.2, 4.0), (5.0, 0.2, 5.0), (1.0, 9.0, 15.0)]
)
def test_the_pause_grows_with_what_a_look_takes_up_to_a_bound(
    every: float, took: float, pause: float
) -> None:
    looks = Looks(every, 100.0)
    assert not looks.is_due(99.9)
    assert looks.is_due(100.0)
    looks.looked(100.0, 100.0 + took)
    assert not looks.is_due(100.0 + pause - 0.01)
    assert looks.is_due(100.0 + pause + 0.01)
