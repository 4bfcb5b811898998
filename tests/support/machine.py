"""One machine under test: `manage.py up`, further workers, and calls from outside."""

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
from pathlib import Path
from typing import Any

from tests.support import history
from tests.support.databases import Database
from tests.support.judge import judge
from tests.support.processes import MARKER, free_port, marked_processes, wait_until

ROOT = Path(__file__).resolve().parents[2]
SERVICE_VARIABLES = (
    "REDIS_URL",
    "DATABASE_URL",
    "RABBITMQ_URL",
    "TASKDECK_ANONYMOUS",
    "ALLOWED_HOSTS",
    "HOST",
    "DEBUG",
)
MODULES = (
    "tasks_app.examples.tasks",
    "tests.support.heard_tasks",
    "tests.support.ledger_tasks",
    "tests.support.unruly_tasks",
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Up:
    """One running `manage.py up`."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        """``settings``: environment variables on top."""
        self.marker = uuid.uuid4().hex
        self.port = free_port()
        self.log = data_dir / "up.log"
        environment = {key: value for key, value in os.environ.items() if key not in SERVICE_VARIABLES}
        environment |= {
            MARKER: self.marker,
            "PORT": str(self.port),
            "TASKDECK_DATA_DIR": str(data_dir),
            "WORKER_CONCURRENCY": "1",
            "TASKDECK_MODULES": ",".join(MODULES),
            "LEDGER": str(data_dir / "ledger"),
        }
        environment |= settings
        self.ledger = data_dir / "ledger"
        path = data_dir / "taskdeck.sqlite3"
        self.database = (
            Database("postgresql", environment["DATABASE_URL"])
            if "DATABASE_URL" in environment
            else Database("sqlite", f"sqlite:///{path}", path)
        )
        self._is_recorded = False
        self.environment = environment
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_worker(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        """A second terminal: `manage.py runworker` beside what runs already."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", "runworker", "--name", name, *options],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self) -> None:
        """Kill whatever belongs to it."""
        for pid in marked_processes(self.marker):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def ran(self) -> list[str]:
        """The tasks that noted themselves in the ledger, one entry for each time."""
        return (
            [line.split()[0] for line in self.ledger.read_text().splitlines()] if self.ledger.exists() else []
        )

    def workers(self) -> list[dict[str, Any]]:
        _, answer = self.call("/api/workers/")
        return [worker for worker in answer["results"] if worker["state"] == "alive"]

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
            seconds=30,
            what=f"the task ends\n{self.log.read_text()}",
        )
        final = self.call(path)[1]
        assert final["status"] == "complete", final
        return int(final["result"])
