"""Retries, limits, cancel and recycling on real processes; the functions' own ledger tells what ran."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from tests.support.machine import Up
from tests.support.processes import wait_until

TERMINAL = {"succeeded", "failed", "cancelled"}


def submit(up: Up, function: str, arguments: dict[str, Any] | None = None, **options: Any) -> str:
    document = {"function": function, "arguments": arguments or {}, **options}
    status, answer = up.call("/api/tasks/", document)
    assert status == 202, up.log.read_text()
    return f"/api/tasks/{answer['task_id']}/"


def ended(up: Up, path: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        status, task = up.call(path)
        return task if status == 200 and task["state"] in TERMINAL else None

    task: dict[str, Any] = wait_until(look, seconds=60, what=f"{path} ends")
    return task


def running(up: Up, path: str) -> None:
    wait_until(lambda: up.call(path)[1]["state"] == "running", seconds=60, what=f"{path} runs")


def executions(up: Up, path: str) -> list[str]:
    """The ledger's words after id, attempt and guard, one line each, led by the attempt."""
    task_id = path.rstrip("/").rpartition("/")[2]
    lines = [line.split() for line in up.ledger.read_text().splitlines()] if up.ledger.exists() else []
    return [" ".join([words[1], *words[3:]]) for words in lines if words[0] == task_id]


def test_attempts_follow_the_options_of_the_function(up: Up) -> None:
    up.wait_until_ready()
    works = submit(up, "fails_until", {"attempt": 3})
    too_often = submit(up, "fails_until", {"attempt": 9})
    other_error = submit(up, "fails_otherwise")
    asked = submit(up, "asks_again")
    hopeless = submit(up, "asks_for_a_pause", {"message": "hopeless"})
    hopeful = submit(up, "asks_for_a_pause", {"message": "again"})

    task = ended(up, works)
    assert (task["state"], task["result"], task["failures"], task["attempt"]) == ("succeeded", 3, 2, 3)
    assert [(a["attempt"], a["kind"], a["message"]) for a in task["attempts"]] == [
        (1, "failure", "attempt 1 of 3"),
        (2, "failure", "attempt 2 of 3"),
    ]
    assert all("Flaky" in a["traceback"] and a["worker"] and a["started_at"] for a in task["attempts"])
    assert all(a["place"].startswith("tests.support.unruly_tasks:") for a in task["attempts"])
    assert executions(up, works) == ["1", "2", "3"]

    task = ended(up, too_often)
    assert (task["state"], task["failures"], task["max_attempts"]) == ("failed", 3, 3)
    assert executions(up, too_often) == ["1", "2", "3"]

    task = ended(up, other_error)
    assert (task["state"], task["failures"]) == ("failed", 1)
    assert task["error"] == "ZeroDivisionError: not worth a further attempt"

    assert (ended(up, asked)["result"], executions(up, asked)) == ("ready", ["1", "2"])
    assert (ended(up, hopeless)["failures"], ended(up, hopeful)["failures"]) == (1, 5)


def test_a_retry_by_hand_keeps_the_history(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "fails_otherwise")
    assert ended(up, path)["failures"] == 1

    assert up.call(f"{path}retry/", {})[0] == 202

    wait_until(lambda: len(executions(up, path)) == 2, seconds=60, what="it runs again")
    task = ended(up, path)
    assert (task["attempt"], task["failures"]) == (2, 1)
    assert [a["attempt"] for a in task["attempts"]] == [1, 2]


@pytest.mark.parametrize("function", ["sleeps_too_long", "sleeps_too_long_async"])
def test_the_soft_limit_interrupts(up: Up, function: str) -> None:
    up.wait_until_ready()
    path = submit(up, function)
    task = ended(up, path)
    assert (task["state"], task["failures"], task["losses"]) == ("failed", 1, 0)
    assert task["error"].startswith("TaskTimeout")
    assert [(step["step"], step["reason"]) for step in task["steps"]] == [("interrupted", "timeout")]
    if function == "sleeps_too_long_async":
        assert executions(up, path) == ["1", "1 cleaned"]


def test_the_hard_limit_ends_what_no_exception_reaches(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "never_returns")
    task = ended(up, path)
    assert (task["state"], task["failures"], task["losses"]) == ("failed", 2, 0)
    assert [a["error_class"] for a in task["attempts"]] == ["tasks_app.interrupts.TaskTimeout"] * 2
    assert [step["step"] for step in task["steps"]] == ["interrupted", "killed"]
    assert executions(up, path) == ["1", "2"]
    assert up.compute(5) == 5  # the killed executor was replaced


def test_a_cancel_climbs_to_the_kill_and_each_step_is_told(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "does_not_listen")
    wait_until(lambda: executions(up, path) == ["1"], seconds=60, what="it runs")

    assert up.call(f"{path}cancel/", {})[0] in (200, 202)

    task = ended(up, path)
    assert (task["state"], task["losses"], task["failures"]) == ("cancelled", 0, 0)
    assert [step["step"] for step in task["steps"]] == ["requested", "interrupted", "killed"]
    assert [step["at"] for step in task["steps"]] == sorted(step["at"] for step in task["steps"])
    assert executions(up, path) == ["1", "1 interrupted"]


def test_a_task_that_kills_its_executor_costs_its_own_budget_only(up: Up) -> None:
    up.wait_until_ready()
    neighbours = [submit(up, "noted_fibonacci", {"number": 5}) for _ in range(20)]
    poison = submit(up, "dies")
    fragile = submit(up, "dies_once")
    neighbours += [submit(up, "noted_fibonacci", {"number": 5}) for _ in range(20)]

    task = ended(up, poison)
    assert (task["state"], task["error"], task["losses"]) == ("failed", "worker lost", 2)
    assert executions(up, poison) == ["1", "2"]
    task = ended(up, fragile)
    assert (task["state"], task["losses"]) == ("failed", 1)
    assert executions(up, fragile) == ["1"]
    for path in neighbours:
        assert (ended(up, path)["state"], ended(up, path)["losses"]) == ("succeeded", 0)


def test_an_executor_is_replaced_after_so_many_tasks(up: Up) -> None:
    up.wait_until_ready()
    options = ["--queues", "few", "--concurrency", "1", "--max-tasks-per-executor", "3"]
    up.start_worker("few", *options)
    paths = [submit(up, "process_id", queue="few") for _ in range(10)]
    processes = collections.Counter(ended(up, path)["result"] for path in paths)
    assert max(processes.values()) == 3
    assert sum(processes.values()) == 10
    assert "it ran as many tasks as it may" in up.log.read_text()


def test_an_executor_is_replaced_when_its_memory_has_grown(up: Up) -> None:
    up.wait_until_ready()
    up.start_worker("lean", "--queues", "lean", "--concurrency", "1", "--max-memory-mib", "400")
    first = ended(up, submit(up, "process_id", queue="lean"))["result"]
    grown = ended(up, submit(up, "keeps", {"mebibytes": 500}, queue="lean"))["result"]
    assert grown == first
    wait_until(
        lambda: ended(up, submit(up, "process_id", queue="lean"))["result"] != first,
        seconds=60,
        what="another process runs the next task",
    )
    assert "it used more memory than it may" in up.log.read_text()
