"""`make run` as a person uses it: started again, without the network, interrupted, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import ROOT, Machine
from tests.support.processes import marked_processes, wait_until

SECONDS_TO_END = 30
"""A bound for a loaded machine; alone it takes about one second."""


SECONDS_TO_END_KILLED = 15
"""Alone it takes two to three; less than the time in which a worker that drains waits for its tasks."""


class MakeRun(Machine):
    """One terminal with `make run` in it; make leads the process group, as under a shell."""

    command = ("make", "run")

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, VENV=sys.prefix)
        self.process = self.spawn(*self.command)

    def press_ctrl_c(self) -> None:
        """The terminal sends it to every process of the foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def left(self) -> dict[int, str]:
        return marked_processes(self.marker)


class WithoutNetwork(MakeRun):
    """In a network namespace of its own, where nothing but loopback is up."""

    command = (
        "unshare",
        *(() if os.getuid() == 0 else ("--map-root-user",)),
        "--net",
        "sh",
        "-c",
        "ip link set lo up && exec make run",
    )


@pytest.fixture(scope="module", autouse=True)
def first_start() -> None:
    """Do what a first `make run` does before it starts."""
    subprocess.run(["make", "--silent", "console", f"{sys.prefix}/.base"], cwd=ROOT, env=venv(), check=True)


def venv() -> dict[str, str]:
    return os.environ | {"VENV": sys.prefix}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeRun]:
    running = MakeRun(tmp_path)
    yield running
    running.end()


def test_a_second_start_installs_and_builds_nothing() -> None:
    would_run = subprocess.run(
        ["make", "--dry-run", "run"], cwd=ROOT, env=venv(), capture_output=True, text=True, check=True
    ).stdout
    assert "manage.py up" in would_run
    assert [word for word in ("npm", "pip", "venv .") if word in would_run] == []


def test_a_second_start_needs_no_network(tmp_path: Path) -> None:
    running = WithoutNetwork(tmp_path)
    try:
        wait_until(
            lambda: "Taskdeck is ready" in running.log.read_text() or running.process.poll() is not None,
            seconds=60,
            what="it says that it is ready",
        )
        assert "Taskdeck is ready" in running.log.read_text(), running.log.read_text()
        assert running.call("/readyz") == (0, None), "it is cut off from this namespace"
    finally:
        running.end()


def test_a_killed_make_leaves_no_process(make: MakeRun) -> None:
    make.wait_until_ready()
    assert make.compute(10) == 55
    lines = list(make.left().values())
    assert sum("manage.py up" in line for line in lines) == 1, lines
    assert sum("runworker" in line for line in lines) >= 3, lines

    make.process.kill()
    make.process.wait(60)

    wait_until(lambda: not make.left(), seconds=SECONDS_TO_END, what=f"{make.left()} have ended")


def test_a_killed_make_does_not_wait_for_a_running_task(make: MakeRun, tmp_path: Path) -> None:
    make.wait_until_ready()
    _, answer = make.call("/api/functions/waits_for_file/", {"path": str(tmp_path / "never")})
    path = f"/api/tasks/{answer['task_id']}/"
    wait_until(lambda: make.call(path)[1]["state"] == "running", seconds=60, what="the task runs")

    make.process.kill()
    make.process.wait(60)

    wait_until(lambda: not make.left(), seconds=SECONDS_TO_END_KILLED, what=f"{make.left()} have ended")
    with make.database.session() as session:
        rows = session.rows("SELECT state, losses FROM taskdeck_task", {})
    assert [tuple(row) for row in rows] == [("queued", 0)]


def test_ctrl_c_ends_all(make: MakeRun) -> None:
    make.wait_until_ready()
    make.press_ctrl_c()
    wait_until(lambda: not make.left(), seconds=SECONDS_TO_END, what=f"{make.left()} have ended")
    assert "up | stopped" in make.log.read_text()


def test_a_second_ctrl_c_does_not_wait_for_a_task_and_gives_it_back(make: MakeRun, tmp_path: Path) -> None:
    make.wait_until_ready()
    _, answer = make.call("/api/functions/waits_for_file/", {"path": str(tmp_path / "never")})
    path = f"/api/tasks/{answer['task_id']}/"
    wait_until(lambda: make.call(path)[1]["state"] == "running", seconds=60, what="the task runs")

    make.press_ctrl_c()
    wait_until(lambda: "draining worker" in make.log.read_text(), seconds=60, what="the worker drains")
    assert make.left(), "it waits for the task"
    make.press_ctrl_c()

    wait_until(lambda: not make.left(), seconds=SECONDS_TO_END, what=f"{make.left()} have ended")
    assert "has stopped" in make.log.read_text()
    with make.database.session() as session:
        rows = session.rows("SELECT state, losses FROM taskdeck_task", {})
    assert [tuple(row) for row in rows] == [("queued", 0)]
