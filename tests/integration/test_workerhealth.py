"""The worker's health check tells a worker that works from one that stands still."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.support.machine import ROOT, Up
from tests.support.processes import wait_until


def health(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "workerhealth", *arguments],
        cwd=ROOT,
        env=up.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_worker_is_healthy_while_it_renews_and_not_while_it_stands_still(up: Up) -> None:
    up.wait_until_ready()
    worker = wait_until(up.workers, seconds=60, what="the worker registered")[0]
    assert health(up, "--within-seconds", "60").returncode == 0

    os.kill(worker["pid"], signal.SIGSTOP)
    answer = health(up)

    assert up.workers()[0]["pid"] == worker["pid"]  # its row still says alive
    assert answer.returncode == 1
    assert "renewed its lease within 8 s" in answer.stderr


def test_a_node_without_a_worker_is_not_healthy(up: Up) -> None:
    up.wait_until_ready()
    answer = health(up, "--name", "elsewhere", "--within-seconds", "0.5")
    assert answer.returncode == 1
    assert "no worker of node elsewhere" in answer.stderr
