"""Worker nodes alone: `manage.py runworker` on a SQLite file, without web process, broker or Redis."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.protocol import actors
from tests.support.databases import Database
from tests.support.machine import MODULES, Machine, worker_command
from tests.support.mutations import WITHOUT
from tests.support.processes import wait_until

STAYS = "tests.support.held_tasks.stays"
SHORT_LEASE = {
    "TASKDECK_LEASE_SECONDS": "6",
    "TASKDECK_SELF_STOP_SECONDS": "4",
    "TASKDECK_HEARTBEAT_SECONDS": "0.2",
    "TASKDECK_DIRECT_CLAIM_SECONDS": "0.2",
}
PATIENT = {
    **SHORT_LEASE,
    "TASKDECK_LEASE_SECONDS": "90",
    "TASKDECK_SELF_STOP_SECONDS": "60",
    "TASKDECK_HEARTBEAT_SECONDS": "30",
}
SECONDS = 60
MANY_BEATS = 16
"""At two in a second: several turns of every duty, and more than a lease."""


class Nodes(Machine):
    """The database is a migrated copy. ``gate`` is the file that lets tasks end."""

    def __init__(self, data_dir: Path, database: Database) -> None:
        modules = (*MODULES, "tests.support.held_tasks", "tests.support.mutations")
        super().__init__(data_dir, TASKDECK_MODULES=",".join(modules), **SHORT_LEASE)
        self.database, self.gate = database, data_dir / "gate"

    def start(
        self, name: str, *options: str, without: str = "", timing: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A node without these rules, which is ready to claim."""
        before = self.text().count("is ready")
        environment = self.environment | (timing or {}) | {WITHOUT: without}
        node = self.spawn(*worker_command(name, *options), environment=environment)
        wait_until(
            lambda: self.text().count("is ready") > before,
            seconds=SECONDS,
            what=f"{name} is ready\n{self.text()}",
        )
        return node

    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def alive(self) -> dict[str, int]:
        """Counters of the workers that are alive by their row."""
        with self.database.session() as session:
            rows = session.rows("SELECT id, heartbeat FROM taskdeck_worker WHERE state = 'alive'", {})
        return dict(rows)

    def beats(self, count: int) -> None:
        """Wait until some worker has renewed so often from now on."""
        before = self.alive()
        wait_until(
            lambda: any(beat - before.get(who, beat) >= count for who, beat in self.alive().items()),
            seconds=SECONDS,
            what=f"{count} renewals\n{self.text()}",
        )

    def submit(self, *, priority: int = 0) -> str:
        with self.database.session() as session:
            arguments = json.dumps({"gate": str(self.gate)})
            return actors.make_task(session, function=STAYS, arguments=arguments, priority=priority)

    def row(self, task_id: str) -> dict[str, Any]:
        with self.database.session() as session:
            return actors.row(session, task_id)

    def executions(self, task_id: str) -> list[tuple[int, int]]:
        """Attempt and process, in the order of their starts."""
        if not self.ledger.exists():
            return []
        lines = [line.split() for line in self.ledger.read_text().splitlines()]
        return [(int(words[1]), int(words[3])) for words in lines if words[0] == task_id]

    def wait_for_executions(self, task_id: str, count: int) -> list[tuple[int, int]]:
        return wait_until(
            lambda: (found := self.executions(task_id)) and len(found) >= count and found,
            seconds=SECONDS,
            what=f"{count} executions of {task_id}\n{self.text()}",
        )

    def wait_for_end(self, task_id: str) -> dict[str, Any]:
        self.gate.touch()
        wait_until(
            lambda: self.row(task_id)["state"] == "succeeded",
            seconds=SECONDS,
            what=f"{task_id} ends: {self.row(task_id)}\n{self.text()}",
        )
        return self.row(task_id)
