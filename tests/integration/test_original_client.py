"""The original front end, as it was: post a number, then ask every two seconds until there is an answer."""

from __future__ import annotations

import time
from typing import Any

from tests.support.machine import Machine, Up

POLL_SECONDS = 2.0
"""The original client's own pace."""
MOST_POLLS = 60


def calculate(machine: Machine, number: Any) -> tuple[list[str], dict[str, Any]]:
    """What the original page does after a click: the statuses it saw, and the last answer."""
    status, accepted = machine.call("/task", {"number": number})
    assert status == 202
    seen: list[str] = []
    for _ in range(MOST_POLLS):
        time.sleep(POLL_SECONDS)
        status, answer = machine.call(f"/task/{accepted['task_id']}")
        assert status == 200
        seen.append(answer["status"])
        if answer["status"] != "pending":
            return seen, answer
    raise AssertionError(f"no answer after {MOST_POLLS} polls")


def test_the_original_front_end_shows_the_result(up: Up) -> None:
    up.wait_until_ready()
    seen, answer = calculate(up, 30)
    assert answer == {"status": "complete", "result": 832040}
    assert set(seen[:-1]) <= {"pending"}


def test_the_original_front_end_shows_a_failure(up: Up) -> None:
    """The original computed what it could and failed the rest, after accepting it."""
    up.wait_until_ready()
    _, answer = calculate(up, 41)
    assert answer.keys() == {"status", "error"}
    assert answer["status"] == "failed"
    assert "number" in answer["error"]


def test_an_unknown_task_is_not_found(up: Up) -> None:
    up.wait_until_ready()
    assert up.call("/task/nothing")[0] == 404
