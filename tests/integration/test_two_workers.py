"""Two worker nodes on one machine share the work; each task runs once; an open page sees all of it."""

from __future__ import annotations

import collections
import os
import signal
from pathlib import Path
from typing import Any

from tests.support.machine import Up
from tests.support.page import open_page
from tests.support.processes import wait_until

TASKS = 200


def test_two_workers_share_200_tasks_and_run_each_once(up: Up) -> None:
    up.wait_until_ready()
    second = up.start_worker("second")
    wait_until(lambda: len(up.workers()) == 2, seconds=60, what="both workers are alive")
    with open_page(up) as page:
        submitted = []
        for _ in range(TASKS):
            status, answer = up.call("/api/functions/noted_fibonacci/", {"number": 22})
            assert status == 202
            submitted.append(answer["task_id"])
        page.wait_for_success(submitted)

    lines = [line.split() for line in up.ledger.read_text().splitlines()]
    assert sorted(task_id for task_id, _, _ in lines) == sorted(submitted)
    assert {attempt for _, attempt, _ in lines} == {"1"}
    shares = collections.Counter(guard for _, _, guard in lines)
    assert len(shares) == 2
    assert min(shares.values()) >= 60, shares
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0


def test_a_killed_supervisor_is_replaced_and_its_task_runs_again(up: Up, tmp_path: Path) -> None:
    up.wait_until_ready()
    worker = wait_until(up.workers, seconds=60, what="the worker is alive")[0]
    gate = tmp_path / "gate"
    status, answer = up.call("/api/functions/waits_for_file/", {"path": str(gate)})
    assert status == 202
    path = f"/api/tasks/{answer['task_id']}/"
    wait_until(lambda: len(up.ran()) == 1, seconds=60, what="the task runs")

    os.kill(worker["pid"], signal.SIGKILL)

    wait_until(lambda: len(up.ran()) == 2, seconds=60, what="the task runs again")
    gate.touch()
    ended = wait_until(
        lambda: (task := up.call(path)[1])["state"] == "succeeded" and task, seconds=60, what="the task ends"
    )
    assert (ended["attempt"], ended["losses"]) == (2, 1)
    assert [attempt["kind"] for attempt in ended["attempts"]] == ["loss"]


def test_what_runs_after_a_batch_survives_a_death_between_its_end_and_the_start(up: Up) -> None:
    up.wait_until_ready()
    worker = wait_until(up.workers, seconds=60, what="the worker is alive")[0]
    tasks: list[dict[str, Any]] = [
        {"function": "noted_fibonacci", "arguments": {"number": n}} for n in range(5)
    ]
    tasks.append({**tasks[0], "run_after": "2200-01-01T00:00:00Z"})  # keeps the batch open
    status, batch = up.call("/api/tasks/bulk/", {"tasks": tasks, "then": {"function": "noted_end"}})
    assert status == 202
    path, then = batch["batch_url"], batch["then"]
    wait_until(lambda: up.call(path)[1]["counts"]["succeeded"] == 5, seconds=60, what="five have run")

    os.kill(worker["pid"], signal.SIGSTOP)  # nobody can see the end of the batch
    assert up.call(f"/api/tasks/{batch['tasks'][5]['task_id']}/cancel/", {})[0] == 200
    assert up.call(path)[1]["finished_at"] is not None
    os.kill(worker["pid"], signal.SIGKILL)
    assert up.call(then["url"])[1]["state"] == "scheduled"

    ended = wait_until(
        lambda: (task := up.call(then["url"])[1])["state"] == "succeeded" and task,
        seconds=60,
        what="the task after the batch has run",
    )
    assert (ended["result"], ended["attempt"]) == (batch["batch"], 1)
    failed = {"action": "retry", "filter": {"batch": batch["batch"], "state": ["cancelled"]}}
    assert up.call("/api/tasks/actions/", failed)[1] == {"changed": 1, "next": None}
    wait_until(lambda: up.call(path)[1]["counts"]["succeeded"] == 6, seconds=60, what="the last one has run")
    sentinel = up.call("/api/functions/noted_fibonacci/", {"number": 1})[1]["url"]
    wait_until(lambda: up.call(sentinel)[1]["state"] == "succeeded", seconds=60, what="a later one has run")
    assert up.ran().count(then["task_id"]) == 1


def test_a_running_task_can_be_cancelled(up: Up) -> None:
    up.wait_until_ready()
    _, answer = up.call("/task", {"number": 40})
    path = f"/api/tasks/{answer['task_id']}/"
    wait_until(lambda: up.call(path)[1]["state"] == "running", seconds=60, what="the task runs")

    assert up.call(f"{path}cancel/", {})[0] == 200

    wait_until(lambda: up.call(path)[1]["state"] == "cancelled", seconds=60, what="the task is cancelled")


def test_async_functions_run_too(up: Up) -> None:
    up.wait_until_ready()
    _, answer = up.call("/api/functions/slow_echo/", {"text": "é"})
    path = f"/api/tasks/{answer['task_id']}/"
    ended = wait_until(
        lambda: (task := up.call(path)[1])["state"] == "succeeded" and task, seconds=60, what="the task ends"
    )
    assert ended["result"] == "é"
