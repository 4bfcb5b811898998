"""`manage.py up` with real processes on a port and a data directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import MARKER, free_port, marked_processes, wait_until

ROOT = Path(__file__).resolve().parents[2]
SERVICE_VARIABLES = ("REDIS_URL", "DATABASE_URL", "TASKDECK_ANONYMOUS", "ALLOWED_HOSTS", "HOST", "DEBUG")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Up:
    """One running `manage.py up`."""

    def __init__(self, data_dir: Path) -> None:
        self.marker = uuid.uuid4().hex
        self.port = free_port()
        self.log = data_dir / "up.log"
        environment = {key: value for key, value in os.environ.items() if key not in SERVICE_VARIABLES}
        environment |= {
            MARKER: self.marker,
            "PORT": str(self.port),
            "TASKDECK_DATA_DIR": str(data_dir),
            "WORKER_CONCURRENCY": "1",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def call(self, path: str, document: Any = None) -> tuple[int, Any]:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body)
        request.add_header("Content-Type", "application/json")
        try:
            with opener.open(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.call("/readyz")[0] == 200

        wait_until(is_ready, seconds=30, what="/readyz answers 200")

    def compute(self, number: int) -> int:
        status, answer = self.call("/task", {"number": number})
        assert status == 202, self.log.read_text()
        path = f"/task/{answer['task_id']}"
        wait_until(
            lambda: self.call(path)[1]["status"] != "pending",
            seconds=30,
            what=f"the task ends\n{self.log.read_text()}",
        )
        final = self.call(path)[1]
        assert final["status"] == "complete", final
        return int(final["result"])


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path)
    yield running
    for pid in marked_processes(running.marker):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.process.wait(10)


def assert_all_are_running(up: Up) -> None:
    lines = list(marked_processes(up.marker).values())
    for part in ("manage.py up", "daphne", "valkey-server"):
        assert sum(part in line for line in lines) == 1, lines
    assert sum("runworker" in line for line in lines) == 3, lines  # guard, supervisor, one executor


def test_a_task_runs_and_ctrl_c_leaves_no_process(up: Up) -> None:
    up.wait_until_ready()
    assert up.compute(22) == 17711
    assert_all_are_running(up)

    up.process.send_signal(signal.SIGINT)

    assert up.process.wait(30) == 0, up.log.read_text()
    assert marked_processes(up.marker) == {}
    assert "Taskdeck is ready at http://127.0.0.1:" in up.log.read_text()


def test_a_killed_up_takes_its_children_with_it(up: Up) -> None:
    up.wait_until_ready()
    assert_all_are_running(up)

    up.process.kill()
    up.process.wait(10)

    wait_until(lambda: not marked_processes(up.marker), seconds=30, what="every child has ended")


def test_children_that_die_are_started_again(up: Up) -> None:
    up.wait_until_ready()
    before = marked_processes(up.marker)
    victims = [pid for pid, line in before.items() if "daphne" in line or "valkey-server" in line]
    assert len(victims) == 2, before

    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not set(victims) & set(marked_processes(up.marker)), seconds=10, what="they are gone")

    up.wait_until_ready()
    assert up.compute(10) == 55


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
