"""Two worker nodes on one machine share the work; each task runs once; an open page sees all of it."""

from __future__ import annotations

import collections
import json
import os
import signal
import time

from websockets.sync.client import ClientConnection, connect

from tests.support.machine import Up
from tests.support.processes import wait_until

TASKS = 200
REFETCH_SECONDS = 4


def watch_until_ended(up: Up, wanted: set[str], socket: ClientConnection) -> None:
    """Do what an open page does: take the newest revision, and refetch when nothing came for a while.

    Web process and workers send beside one another, so an older event may come after a newer one.
    """
    seen: dict[str, tuple[int, str]] = {}
    deadline = time.monotonic() + 60
    while any(seen.get(task_id, (0, ""))[1] != "succeeded" for task_id in wanted):
        assert time.monotonic() < deadline, "the page does not know of every end"
        try:
            frame = json.loads(socket.recv(timeout=REFETCH_SECONDS))
        except TimeoutError:
            frame = {"results": up.call(f"/api/tasks/?limit={TASKS}")[1]["results"]}
        if "seq" in frame:
            socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
        for event in [*frame.get("events", []), *frame.get("results", [])]:
            if event.get("revision", 0) > seen.get(event["id"], (0, ""))[0]:
                seen[event["id"]] = (event["revision"], event["state"])


def test_two_workers_share_200_tasks_and_run_each_once(up: Up) -> None:
    up.wait_until_ready()
    second = up.start_worker("second")
    wait_until(lambda: len(up.workers()) == 2, seconds=20, what="both workers are alive")
    origin = f"http://127.0.0.1:{up.port}"
    with connect(f"ws://127.0.0.1:{up.port}/ws/", origin=origin, proxy=None) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"type": "subscribe", "topic": "tasks"}))
        submitted = []
        for _ in range(TASKS):
            status, answer = up.call("/api/functions/noted_fibonacci/", {"number": 22})
            assert status == 202
            submitted.append(answer["task_id"])
        watch_until_ended(up, set(submitted), socket)

    lines = [line.split() for line in up.ledger.read_text().splitlines()]
    assert sorted(task_id for task_id, _, _ in lines) == sorted(submitted)
    assert {attempt for _, attempt, _ in lines} == {"1"}
    shares = collections.Counter(guard for _, _, guard in lines)
    assert len(shares) == 2
    assert min(shares.values()) >= 60, shares
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0


def test_a_killed_supervisor_is_replaced_and_its_task_runs_again(up: Up) -> None:
    up.wait_until_ready()
    worker = up.workers()[0]
    status, answer = up.call("/task", {"number": 33})
    assert status == 202
    path = f"/api/tasks/{answer['task_id']}/"
    wait_until(lambda: up.call(path)[1]["state"] == "running", seconds=10, what="the task runs")

    os.kill(worker["pid"], signal.SIGKILL)

    ended = wait_until(
        lambda: (task := up.call(path)[1])["state"] == "succeeded" and task, seconds=60, what="the task ends"
    )
    assert (ended["result"], ended["attempt"], ended["losses"]) == (3524578, 2, 1)
    assert [attempt["kind"] for attempt in ended["attempts"]] == ["loss"]


def test_a_running_task_can_be_cancelled(up: Up) -> None:
    up.wait_until_ready()
    _, answer = up.call("/task", {"number": 40})
    path = f"/api/tasks/{answer['task_id']}/"
    wait_until(lambda: up.call(path)[1]["state"] == "running", seconds=10, what="the task runs")

    assert up.call(f"{path}cancel/", {})[0] == 200

    wait_until(lambda: up.call(path)[1]["state"] == "cancelled", seconds=20, what="the task is cancelled")


def test_async_functions_run_too(up: Up) -> None:
    up.wait_until_ready()
    _, answer = up.call("/api/functions/slow_echo/", {"text": "é"})
    path = f"/api/tasks/{answer['task_id']}/"
    ended = wait_until(
        lambda: (task := up.call(path)[1])["state"] == "succeeded" and task, seconds=10, what="the task ends"
    )
    assert ended["result"] == "é"
