"""``manage.py enqueue`` beside a running Taskdeck: what it prints, and its exit status by outcome."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from tests.support.machine import ROOT, Up
from tests.support.processes import wait_until


def start(up: Up, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "enqueue", *words],
        cwd=ROOT,
        env=up.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def enqueue(up: Up, *words: str) -> tuple[int, str, str]:
    process = start(up, *words)
    out, error = process.communicate(timeout=90)
    return process.returncode, out, error


def state_of(up: Up, task_id: str) -> str:
    return str(up.call(f"/api/tasks/{task_id}/")[1]["state"])


def test_the_exit_status_tells_the_outcome(up: Up) -> None:
    up.wait_until_ready()
    status, out, error = enqueue(up, "fibonacci", "number=10", "--watch")
    assert (status, out) == (0, "55\n"), error
    status, out, error = enqueue(up, "fails_otherwise", "--watch")
    assert (status, out) == (1, "")
    assert "failed: ZeroDivisionError: not worth a further attempt" in error

    watching = start(up, "waits_for_file", "path=/nowhere", "--watch", "--json")
    listed = wait_until(
        lambda: up.call("/api/tasks/?function=waits_for_file&state=running")[1]["results"],
        seconds=60,
        what="the task runs",
    )
    assert up.call(f"/api/tasks/{listed[0]['id']}/cancel/", {})[0] == 200
    out, _ = watching.communicate(timeout=60)
    assert (watching.returncode, json.loads(out)["state"]) == (3, "cancelled")


def test_without_watch_it_prints_the_id_and_the_task_runs(up: Up) -> None:
    up.wait_until_ready()
    status, out, error = enqueue(up, "tasks_app.examples.tasks.text_report", "text=12")
    assert status == 0, error
    wait_until(lambda: state_of(up, out.strip()) == "succeeded", seconds=60, what="it runs")
    status, out, _ = enqueue(up, "fibonacci", "number=3", "--json", "--run-after", "2999-01-01T00:00:00Z")
    assert (status, json.loads(out)["state"]) == (0, "scheduled")


def test_wrong_arguments_are_told_in_the_words_of_the_api(up: Up) -> None:
    up.wait_until_ready()
    for words, told in (
        (["fibonacci", "number=99"], "number: Input should be less than or equal to 40"),
        (["fibonacci", "number=x"], "number: Input should be a valid integer"),
        (["fibonacci", "35"], "'35' is not of the form name=value"),
        (["nothing"], "no task function is named 'nothing'"),
    ):
        status, out, error = enqueue(up, *words)
        assert (status, out) == (2, "")
        assert told in error


def test_ctrl_c_leaves_the_task_alone(up: Up) -> None:
    up.wait_until_ready()
    watching = start(up, "waits_for_file", f"path={up.ledger.with_name('gate')}", "--watch")
    listed = wait_until(
        lambda: up.call("/api/tasks/?function=waits_for_file&state=running")[1]["results"],
        seconds=60,
        what="the task runs",
    )
    watching.send_signal(signal.SIGINT)
    _, error = watching.communicate(timeout=60)
    assert (watching.returncode, "goes on" in error) == (130, True)
    up.ledger.with_name("gate").touch()
    wait_until(lambda: state_of(up, listed[0]["id"]) == "succeeded", seconds=60, what="it ends")
