"""A connection through which no-ops live: stored, claimed, finished.

What counts is the processor time of the connection's own server process: neighbours do not change it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from uuid_utils.compat import uuid7

NOOP = "benchmarks.noop_tasks.noop"
INSERT = """
INSERT INTO taskdeck_task (id, function, queue, priority, state, attempt, failures, losses, max_attempts,
                           max_losses, last_worker, cancel_requested, created_at, revision, arguments)
SELECT id, %(noop)s, 'default', 0, 'queued', 0, 0, 0, 1, 3, '', false, %(now)s, 1, '{"number": 1}'
  FROM unnest(%(ids)s::uuid[]) AS id
"""


def cpu_ms(pid: int) -> float:
    """Time this process has spent on a processor; proc(5), the first field of schedstat."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


@dataclass(frozen=True, slots=True)
class Life:
    session: Any
    worker_id: str
    backend: int

    def spent_ms(self) -> float:
        return cpu_ms(self.backend)

    def store(self, count: int) -> list[str]:
        """Waiting no-ops; their ids."""
        ids = [str(uuid7()) for _ in range(count)]
        self.session.rows(INSERT, {"ids": ids, "noop": NOOP, "now": datetime.now(UTC)})
        return ids

    def claim(self, limit: int) -> list[Any]:
        from tasks_app import transitions

        facts = {"worker_id": self.worker_id, "node": "n", "functions": [NOOP]}
        return transitions.claim(self.session, queue="default", limit=limit, **facts)

    def claim_ids(self, ids: Sequence[str]) -> list[Any]:
        from tasks_app import transitions

        return transitions.claim_ids(
            self.session, worker_id=self.worker_id, node="n", ids=ids, functions=[NOOP]
        )

    def finish(self, claimed: Sequence[Any]) -> None:
        """All succeed."""
        from tasks_app import transitions
        from tasks_app.transitions import Outcome

        outcomes = [Outcome(id=own.id, attempt=own.attempt, kind="succeeded", result="1") for own in claimed]
        changed = transitions.finish(self.session, worker_id=self.worker_id, outcomes=outcomes)
        if len(changed) != len(claimed):
            raise SystemExit(f"of {len(claimed)} outcomes {len(changed)} were recorded")


def life(url: str) -> Life:
    """On a migrated database. Django is set up."""
    from tasks_app import transitions
    from tasks_app.postgres_session import PostgresSession

    session = PostgresSession({"conninfo": url}, timeout_seconds=60)
    worker_id = str(uuid.uuid4())
    transitions.register(
        session, worker_id=worker_id, node="n", host="", pid=0, version="", queues=("default",),
        concurrency=1, lease_seconds=3600,
    )  # fmt: skip
    [(backend,)] = session.rows("SELECT pg_backend_pid()", {})
    return Life(session, worker_id, backend)
