"""Sites with short leases whose tasks write the proof's ledger, and the audit of what they ran."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster, Services
from tests.support.machine import Machine, Up, opener, worker_command
from tests.support.processes import wait_until
from worker.prove.ledger import Execution, executions, lines_of

RUN = "c4a05000"
LEASE_SECONDS, SELF_STOP_SECONDS = 4.0, 2.5
SHORT_LEASE = {
    "TASKDECK_LEASE_SECONDS": str(LEASE_SECONDS),
    "TASKDECK_SELF_STOP_SECONDS": str(SELF_STOP_SECONDS),
    "TASKDECK_HEARTBEAT_SECONDS": "0.4",
}
CHAOS_MODULES = "tasks_app.examples.tasks,worker.prove.tasks,tests.support.chaos_tasks"
NUMBER, ANSWER = 6, 37
TERMINAL = ("succeeded", "failed", "cancelled")
PROBLEM_TYPE = "application/problem+json"
SECONDS = 90.0
"""For what has to happen sooner or later; the product is far quicker."""


class Ledgered(Machine):
    """What both kinds of site share."""

    def __init__(self, *given: Any, **settings: str) -> None:
        self.submitted: list[str] = []
        super().__init__(*given, **settings)

    def wait_for_workers(self, count: int) -> None:
        wait_until(lambda: len(self.workers()) == count, seconds=SECONDS, what=f"{count} workers are alive")

    def submit(self, function: str = "prove-long", **arguments: Any) -> str:
        """A task, accepted; its id. By default one that ends at once."""
        if function == "prove-long":
            arguments.setdefault("seconds", 0.0)
        document = {"run": RUN, "number": NUMBER, **arguments}
        status, answer = self.call(f"/api/functions/{function}/", document)
        assert status == 202, f"{status}\n{self.tail()}"
        self.submitted.append(answer["task_id"])
        return str(answer["task_id"])

    def submit_when_accepted(self) -> str:
        """As soon as the site takes one again."""
        document = {"run": RUN, "number": NUMBER, "seconds": 0.0}

        def answered() -> Any:
            status, answer = self.call("/api/functions/prove-long/", document)
            return answer if status == 202 else None

        answer = wait_until(answered, seconds=SECONDS, what=f"a submit is accepted\n{self.tail()}")
        self.submitted.append(answer["task_id"])
        return str(answer["task_id"])

    def submit_later(self, seconds: float) -> str:
        """A task that is due in so many seconds."""
        due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        arguments = {"run": RUN, "number": NUMBER, "seconds": 0.0}
        document = {"function": "prove-long", "arguments": arguments, "run_after": due}
        status, answer = self.call("/api/tasks/", document)
        assert status == 202, f"{status}\n{self.tail()}"
        self.submitted.append(answer["task_id"])
        return str(answer["task_id"])

    def hold(self, gate: Path) -> str:
        """A task that runs until the file exists; its id once it runs."""
        task_id = self.submit("holds", path=str(gate))
        self.wait_until_begun(task_id)
        return task_id

    def refused(self, path: str, document: Any) -> tuple[int, dict[str, Any]]:
        """What a call that must not be accepted is answered: status and problem document."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=body)
        request.add_header("Content-Type", "application/json")
        with pytest.raises(urllib.error.HTTPError) as caught:
            opener.open(request, timeout=60)
        with caught.value as error:
            assert error.headers["Content-Type"] == PROBLEM_TYPE, error.headers
            return error.code, json.load(error)

    def refused_submit(self) -> dict[str, Any]:
        """The 503 that a good submit gets while the database takes nothing."""
        document = {"run": RUN, "number": NUMBER, "seconds": 0}
        status, problem = self.refused("/api/functions/prove-long/", document)
        assert (status, problem["status"], problem["code"]) == (503, 503, "database_unavailable"), problem
        return problem

    def task(self, task_id: str) -> dict[str, Any]:
        """Empty while the site does not answer."""
        status, document = self.call(f"/api/tasks/{task_id}/")
        return document if status == 200 else {}

    def executions(self, task_id: str) -> list[Execution]:
        return executions(lines_of(self.proof))[task_id]

    @property
    def proof(self) -> Path:
        return self.log.with_name(f"prove-{RUN}.ledger")

    def wait_until_begun(self, task_id: str, *, times: int = 1, seconds: float = SECONDS) -> None:
        wait_until(
            lambda: len(self.executions(task_id)) == times,
            seconds=seconds,
            what=f"{task_id} begins {times} times\n{self.tail()}",
        )

    def wait_until_ended(self, task_id: str, *, seconds: float = SECONDS) -> dict[str, Any]:
        wait_until(
            lambda: self.task(task_id).get("state") in TERMINAL,
            seconds=seconds,
            what=f"{task_id} ends\n{self.tail()}",
        )
        return self.task(task_id)

    def wait_until_succeeded(self, task_id: str, *, seconds: float = SECONDS) -> dict[str, Any]:
        ended = self.wait_until_ended(task_id, seconds=seconds)
        assert (ended["state"], ended["result"]) == ("succeeded", ANSWER), ended
        return ended

    def supervisor_of(self, task_id: str) -> dict[str, Any]:
        """The live worker whose guard started this task's running execution."""
        guard = self.executions(task_id)[-1].guard
        [found] = [worker for worker in self.workers() if parent_of(worker["pid"]) == guard]
        return found

    def worker_states(self) -> dict[str, str]:
        """By id, of every incarnation that ever was."""
        statement = "SELECT id, state FROM taskdeck_worker"
        with self.database.session() as session:
            return {dashed(key): state for key, state in session.rows(statement, {})}

    def worker_state(self, worker_id: str) -> str:
        return self.worker_states()[dashed(worker_id)]

    def tail(self) -> str:
        return self.log.read_text()[-3000:]

    def audit(
        self,
        *,
        again: Collection[str] = (),
        states: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Every accepted task has one row, ended in its state (else: succeeded), and the ledger agrees.

        By the ledger each ran once, at the attempt of its row; those of ``again`` may have begun more often,
        each time with a higher attempt, and one that succeeded came to its end at the attempt of its row.
        """
        wait_until(
            lambda: all(row[1] in TERMINAL for row in self._rows()),
            seconds=seconds,
            what=f"every task ends\n{self.tail()}",
        )
        rows = self._rows()
        assert sorted(row[0] for row in rows) == sorted(self.submitted)
        expected = states or {}
        ran = executions(lines_of(self.proof))
        for task_id, state, attempt, failures in rows:
            assert (state, failures) == (expected.get(task_id, "succeeded"), 0), self.task(task_id)
            attempts = [one.attempt for one in ran[task_id]]
            if task_id not in again:
                assert attempts == [attempt], (task_id, attempts, attempt)
            assert attempts == sorted(set(attempts)), (task_id, attempts)
            if state == "succeeded":
                last = ran[task_id][-1]
                assert last.attempt == attempt, (task_id, attempts, attempt)
                assert last.ended_at is not None

    def _rows(self) -> list[tuple[Any, ...]]:
        statement = "SELECT id, state, attempt, failures FROM taskdeck_task"
        with self.database.session() as session:
            return [(dashed(row[0]), *row[1:]) for row in session.rows(statement, {})]


class Site(Ledgered, Up):
    """``up`` brings the web process and a first node of one executor."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        super().__init__(data_dir, **{"TASKDECK_MODULES": CHAOS_MODULES, **SHORT_LEASE, **settings})


class SplitSite(Ledgered, Cluster):
    """The web process alone; each worker may reach the services by a way of its own."""

    def __init__(self, data_dir: Path, services: Services, **settings: str) -> None:
        modules = {"TASKDECK_MODULES": CHAOS_MODULES}
        super().__init__(data_dir, services, **{**modules, **SHORT_LEASE, **settings})

    def start_worker_by(self, name: str, *options: str, **settings: str) -> Any:
        """A worker with other settings than the web process."""
        return self.spawn(*worker_command(name, *options), environment=self.environment | settings)


def dashed(key: Any) -> str:
    """An id as REST shows it, whatever the database returns."""
    plain = str(key).replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def stop(pid: int) -> None:
    """SIGSTOP, and proof that it stands."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(
        lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T",
        seconds=60,
        what="the process stands",
    )
