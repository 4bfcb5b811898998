"""A site on real servers with two worker nodes and short leases; its tasks write the proof's ledger."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.support.machine import Up
from tests.support.processes import wait_until
from worker.prove.ledger import Execution, executions, lines_of

RUN = "c4a05000"
LEASE_SECONDS, SELF_STOP_SECONDS = 4.0, 2.5
SHORT_LEASE = {
    "TASKDECK_LEASE_SECONDS": str(LEASE_SECONDS),
    "TASKDECK_SELF_STOP_SECONDS": str(SELF_STOP_SECONDS),
    "TASKDECK_HEARTBEAT_SECONDS": "0.4",
}
NUMBER, ANSWER = 6, 37


class Site(Up):
    """``up`` brings the web process and a first node of one executor."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        modules = "tasks_app.examples.tasks,worker.prove.tasks"
        super().__init__(data_dir, **{"TASKDECK_MODULES": modules, **SHORT_LEASE, **settings})
        self._ledger = data_dir / f"prove-{RUN}.ledger"

    def wait_for_workers(self, count: int) -> None:
        wait_until(lambda: len(self.workers()) == count, seconds=30, what=f"{count} workers are alive")

    def submit(self, *, seconds: float = 0.0) -> str:
        """A task that runs so long; its id."""
        arguments = {"run": RUN, "number": NUMBER, "seconds": seconds}
        status, answer = self.call("/api/functions/prove-long/", arguments)
        assert status == 202, self.log.read_text()
        return str(answer["task_id"])

    def task(self, task_id: str) -> dict[str, Any]:
        """Empty while the site does not answer."""
        status, document = self.call(f"/api/tasks/{task_id}/")
        return document if status == 200 else {}

    def executions(self, task_id: str) -> list[Execution]:
        return executions(lines_of(self._ledger))[task_id]

    def wait_until_begun(self, task_id: str, *, times: int = 1, seconds: float = 30) -> None:
        wait_until(
            lambda: len(self.executions(task_id)) == times, seconds=seconds, what=f"it begins {times} times"
        )

    def wait_until_succeeded(self, task_id: str, *, seconds: float = 60) -> dict[str, Any]:
        wait_until(
            lambda: self.task(task_id).get("state") in ("succeeded", "failed", "cancelled"),
            seconds=seconds,
            what=f"{task_id} ends\n{self.log.read_text()[-3000:]}",
        )
        ended = self.task(task_id)
        assert (ended["state"], ended["result"]) == ("succeeded", ANSWER), ended
        return ended

    def supervisor_of(self, task_id: str) -> dict[str, Any]:
        """The live worker whose guard started this task's running execution."""
        guard = self.executions(task_id)[-1].guard
        [found] = [worker for worker in self.workers() if parent_of(worker["pid"]) == guard]
        return found

    def worker_state(self, worker_id: str) -> str:
        with self.database.session() as session:
            key = worker_id if session.vendor == "postgresql" else worker_id.replace("-", "")
            [(state,)] = session.rows("SELECT state FROM taskdeck_worker WHERE id = %(id)s", {"id": key})
        return str(state)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def stop(pid: int) -> None:
    """SIGSTOP, and proof that it stands."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(
        lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T",
        seconds=5,
        what="the process stands",
    )
