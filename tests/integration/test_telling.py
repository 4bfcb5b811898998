"""What a task tells while it runs: log, progress and metadata, from real executors to the API."""

from __future__ import annotations

from typing import Any

from tests.integration.test_attempts import ended, submit
from tests.support.machine import Up, opener
from tests.support.processes import wait_until


def open_gate(up: Up, name: str) -> None:
    up.ledger.with_name(name).touch()


def log_of(up: Up, path: str, query: str = "") -> list[tuple[str, str]]:
    status, page = up.call(f"{path}logs/{query}")
    assert status == 200, page
    return [(line["level"], line["text"]) for line in page["results"]]


def test_a_log_can_be_read_while_the_task_runs_and_after(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "logs_and_prints", {"gate": "go"})
    begun = [
        ("INFO", "order 1 of 2"),
        ("STDOUT", "printed"),
        ("STDOUT", "without an end and its end"),
        ("STDERR", "on stderr"),
        ("WARNING", "from a thread"),
    ]
    wait_until(lambda: len(log_of(up, path)) == len(begun), seconds=60, what="the first lines are stored")
    assert log_of(up, path) == begun
    assert up.call(path)[1]["state"] == "running"

    open_gate(up, "go")
    assert ended(up, path)["result"] == 2
    wait_until(lambda: len(log_of(up, path)) == len(begun) + 1, seconds=60, what="the last line is stored")
    level, text = log_of(up, path)[-1]
    assert (level, text.splitlines()[0], text.splitlines()[-1]) == (
        "ERROR",
        "order failed",
        "ValueError: no stock",
    )
    with opener.open(f"http://127.0.0.1:{up.port}{path}logs/download/", timeout=10) as response:
        body = response.read().decode()
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith("attachment")
    assert "Z INFO order 1 of 2\n" in body
    assert body.endswith("ValueError: no stock\n")
    silent = submit(up, "is_silent")
    assert ended(up, silent)["result"] == 1
    assert log_of(up, silent) == []


def test_each_attempt_keeps_a_log_of_its_own_in_pages_up_to_its_limit(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "logs_and_fails", {"lines": 20_000})
    assert ended(up, path)["state"] == "failed"
    for attempt in (1, 2):
        query = f"?attempt={attempt}&limit=1000"
        wait_until(
            lambda query=query: log_of(up, path, f"{query}&after=10000"),
            seconds=60,
            what="the last line is stored",
        )
        lines: list[tuple[str, str]] = []
        after: str | None = "0"
        while after:
            page = up.call(f"{path}logs/{query}&after={after}")[1]
            lines += [(line["seq"], line["text"]) for line in page["results"]]
            after = page["next"]
        assert lines[:-1] == [(number + 1, f"line {number}") for number in range(10_000)]
        assert lines[-1] == (10_001, "the log ends here, after 10000 lines: no more of an attempt is kept")
    assert up.call(f"{path}logs/")[1]["attempt"] == 2


def test_progress_and_metadata_are_shown_while_the_task_runs(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "reports_by_current_task", {"gate": "go"})

    def half_way() -> dict[str, Any] | None:
        task: dict[str, Any] = up.call(path)[1]
        return task if task["progress"] and task["progress"]["done"] == 5 else None

    task = wait_until(half_way, seconds=60, what="half of the way is shown")
    progress = task["progress"]
    assert (progress["done"], progress["total"], progress["stage"]) == (5, 10, "Reading")
    assert task["metadata"] == {"shard": 7}
    open_gate(up, "go")
    task = ended(up, path)
    assert task["result"] == f"{task['id']} 1 RUNNING"
    wait_until(
        lambda: up.call(path)[1]["progress"]["stage"] == "Writing", seconds=60, what="the end is shown"
    )
    task = up.call(path)[1]
    assert (task["progress"]["done"], task["progress"]["total"]) == (3, 6)
    assert task["metadata"] == {"shard": 7, "written": ["a"]}


def test_a_task_sees_that_its_cancel_was_asked_for(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "cleans_up_when_cancelled", {"gate": "never"})
    wait_until(lambda: log_of(up, path) == [("STDOUT", "before False")], seconds=60, what="it has begun")
    assert up.call(f"{path}cancel/", {})[0] == 200
    assert ended(up, path)["state"] == "cancelled"
    wait_until(lambda: len(log_of(up, path)) == 2, seconds=60, what="its last words are stored")
    assert log_of(up, path)[1] == ("STDOUT", "after True")
