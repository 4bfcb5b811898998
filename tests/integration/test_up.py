"""`manage.py up` with real processes on a port and a data directory of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.machine import ROOT, Up
from tests.support.processes import marked_processes, wait_until

PARTS = {"manage.py up": 1, "daphne": 1, "valkey-server": 1, "runworker": 4}
"""How many processes have this in their command line; the worker's: guard, supervisor, and two executors, of
plain and of async functions."""


def assert_all_are_running(up: Up) -> None:
    def counts() -> dict[str, int]:
        lines = list(marked_processes(up.marker).values())
        return {part: sum(part in line for line in lines) for part in PARTS}

    wait_until(lambda: counts() == PARTS, seconds=60, what=f"all are running, not {counts()}")


def test_a_task_runs_and_ctrl_c_leaves_no_process(up: Up) -> None:
    up.wait_until_ready()
    assert up.compute(22) == 17711
    assert_all_are_running(up)

    up.process.send_signal(signal.SIGINT)

    assert up.process.wait(60) == 0, up.log.read_text()
    assert marked_processes(up.marker) == {}
    assert "Taskdeck is ready at http://127.0.0.1:" in up.log.read_text()


def test_a_killed_up_takes_its_children_with_it(up: Up) -> None:
    up.wait_until_ready()
    assert_all_are_running(up)

    up.process.kill()
    up.process.wait(60)

    try:
        wait_until(lambda: not marked_processes(up.marker), seconds=60, what="every child has ended")
    except AssertionError:
        raise AssertionError(f"left: {marked_processes(up.marker)}\n{up.log.read_text()}") from None


def test_children_that_die_are_started_again(up: Up) -> None:
    up.wait_until_ready()
    before = marked_processes(up.marker)
    victims = [pid for pid, line in before.items() if "daphne" in line or "valkey-server" in line]
    assert len(victims) == 2, before

    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not set(victims) & set(marked_processes(up.marker)), seconds=60, what="they are gone")

    up.wait_until_ready()
    assert up.compute(10) == 55


def test_the_function_in_the_readme_runs_by_the_readme_s_own_command(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    code, variable = (
        re.search(pattern, readme, re.DOTALL)
        for pattern in (r"```python\n(# yourapp/tasks.py.*?)```", r"`TASKDECK_MODULES=(\S+) make run`")
    )
    assert code is not None
    assert variable is not None
    (tmp_path / "yourapp").mkdir()
    (tmp_path / "yourapp" / "tasks.py").write_text(code[1])
    up = Up(tmp_path, TASKDECK_MODULES=variable[1], PYTHONPATH=str(tmp_path))
    try:
        up.wait_until_ready()
        submitted = up.call("/api/functions/total/", {"prices": [1, 2]})[1]
        wait_until(
            lambda: up.call(submitted["url"])[1]["state"] == "succeeded", seconds=60, what="the task ends"
        )
        assert up.compute(10) == 55, "the examples are still there"
    finally:
        up.end()


def test_a_function_s_own_queue_is_served(tmp_path: Path) -> None:
    module = tmp_path / "shop_tasks.py"
    module.write_text(
        "from tasks_app.compat import task\n\n\n"
        "@task(queue_name='reports')\ndef render() -> str:\n    return 'rendered'\n"
    )
    up = Up(tmp_path, TASKDECK_MODULES="shop_tasks,tasks_app.examples.tasks", PYTHONPATH=str(tmp_path))
    try:
        up.wait_until_ready()
        submitted = up.call("/api/functions/render/", {})[1]
        wait_until(
            lambda: up.call(submitted["url"])[1]["state"] == "succeeded", seconds=60, what="the task ends"
        )
        assert sorted(up.workers()[0]["queues"]) == ["default", "reports"]
    finally:
        up.end()


def test_anonymous_operate_is_refused_beyond_loopback(tmp_path: Path) -> None:
    environment = os.environ | {"TASKDECK_ANONYMOUS": "operate", "TASKDECK_DATA_DIR": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "manage.py", "up", "--host", "0.0.0.0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 1
    assert "only on a loopback address" in ended.stderr
