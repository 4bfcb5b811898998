"""Machines under test: their processes, and calls from outside."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks_app.children import die_with_parent
from tests.support import history
from tests.support.databases import Database
from tests.support.judge import judge
from tests.support.processes import LOOPBACK, MARKER, end_marked, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
SERVICE_VARIABLES = (
    *("DATABASE_URL", "REDIS_URL", "RABBITMQ_URL"),
    *("TASKDECK_ANONYMOUS", "ALLOWED_HOSTS", "HOST", "DEBUG", "SECRET_KEY"),
)
MODULES = (
    "tasks_app.examples.tasks",
    "tests.support.async_tasks",
    "tests.support.heard_tasks",
    "tests.support.ledger_tasks",
    "tests.support.sample_results",
    "tests.support.telling_tasks",
    "tests.support.unruly_tasks",
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Machine:
    """Processes of the product with one data directory, one log and one ledger.

    `process` is the one without which nothing answers.
    """

    process: subprocess.Popen[bytes]

    def __init__(self, data_dir: Path, **settings: str) -> None:
        """``settings``: environment variables on top."""
        self.marker = uuid.uuid4().hex
        self.port = free_port()
        self.log = data_dir / "machine.log"
        self.ledger = data_dir / "ledger"
        self.environment = {key: value for key, value in os.environ.items() if key not in SERVICE_VARIABLES}
        self.environment |= {
            MARKER: self.marker,
            "PORT": str(self.port),
            "TASKDECK_DATA_DIR": str(data_dir),
            "WORKER_CONCURRENCY": "1",
            "TASKDECK_MODULES": ",".join(MODULES),
            "LEDGER": str(self.ledger),
            **settings,
        }
        path = data_dir / "taskdeck.sqlite3"
        url = settings.get("DATABASE_URL", f"sqlite:///{path}")
        is_file = url.startswith("sqlite:///")
        self.database = (
            Database("sqlite", url, Path(url.removeprefix("sqlite:///")))
            if is_file
            else Database("postgresql", url)
        )
        self._is_recorded = False
        self._started: list[subprocess.Popen[bytes]] = []

    def spawn(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process that writes to the machine's log and does not outlive the test run."""
        test_run = os.getpid()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment or self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(test_run, signal.SIGKILL),
            )
        self._started.append(process)
        return process

    def start_worker(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        """A further terminal: `manage.py runworker` beside what runs already."""
        return self.spawn(*worker_command(name, *options))

    def end(self) -> None:
        """Kill every process of this machine."""
        end_marked(self.marker)
        for process in self._started:
            process.wait(60)

    def ran(self) -> list[str]:
        """The tasks that noted themselves in the ledger, one entry for each time."""
        return (
            [line.split()[0] for line in self.ledger.read_text().splitlines()] if self.ledger.exists() else []
        )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def workers(self) -> list[dict[str, Any]]:
        _, answer = self.call("/api/workers/")
        return [worker for worker in answer["results"] if worker["state"] == "alive"]

    def call(self, path: str, document: Any = None) -> tuple[int, Any]:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=body)
        request.add_header("Content-Type", "application/json")
        try:
            with opener.open(request, timeout=20) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, None
        except (OSError, http.client.HTTPException):  # the latter: it ended in the middle of its answer
            return 0, None

    def read(self, path: str) -> bytes:
        with opener.open(f"{self.url}{path}", timeout=60) as response:
            body: bytes = response.read()
        return body

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.call("/readyz")[0] == 200

        wait_until(is_ready, seconds=120, what="/readyz answers 200")
        with self.database.session() as session:
            history.install(session)
        self._is_recorded = True

    def judged(self) -> list[str]:
        """The rules of the task row that were broken since it was ready."""
        if not self._is_recorded:
            return []
        with self.database.session() as session:
            return judge(history.read(session))

    def compute(self, number: int) -> int:
        status, answer = self.call("/task", {"number": number})
        assert status == 202, self.log.read_text()
        path = f"/task/{answer['task_id']}"
        wait_until(
            lambda: self.call(path)[1]["status"] != "pending",
            seconds=60,
            what=f"the task ends\n{self.log.read_text()}",
        )
        final = self.call(path)[1]
        assert final["status"] == "complete", final
        return int(final["result"])


class Up(Machine):
    """One running `manage.py up`."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        super().__init__(data_dir, **settings)
        self.process = self.spawn(sys.executable, "manage.py", "up")


def worker_command(name: str, *options: str) -> list[str]:
    return [sys.executable, "manage.py", "runworker", "--name", name, *options]
