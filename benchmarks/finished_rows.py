"""A site whose table holds many finished tasks already, for workloads that ask what they cost."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.contestants import WORKER
from benchmarks.drain import Drained, watch
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running

DIRECT = BY_NAME["taskdeck_direct"]
NOOP = "benchmarks.noop_tasks.noop"
FILL = """
INSERT INTO taskdeck_task
       (id, function, queue, priority, state, attempt, failures, losses, max_attempts, max_losses,
        last_worker, cancel_requested, created_at, started_at, finished_at, revision, arguments, result)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
         || lpad(to_hex(n %% 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid,
       'tasks_app.examples.tasks.fibonacci', 'default', 0, 'succeeded', 1, 0, 0, 1, 3, 'w', false, at, at,
       at + interval '1 second', 3, jsonb_build_object('number', n %% 40, 'note', md5(n::text)), to_jsonb(n)
  FROM (SELECT n, now() - %(age_days)s * interval '1 day' - (%(rows)s - n) * interval '1 ms' AS at
          FROM generate_series(1, %(rows)s) AS n) AS made
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A database of its own; Redis is shared, so one site at a time runs."""

    servers: Services
    env: dict[str, str]
    folder: Path

    def execute(self, statement: str, **params: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement, params)
            return list(cursor.fetchall()) if cursor.description else []

    def fill(self, rows: int, *, age_days: float) -> None:
        """Succeeded tasks that ended so long ago."""
        self.execute(FILL, rows=rows, age_days=age_days)
        self.execute("VACUUM ANALYZE taskdeck_task")

    def queue_noops(self, count: int) -> None:
        """In place of those of the last round."""
        self.servers.redis.flush()
        self.execute("DELETE FROM taskdeck_task WHERE function = %(noop)s", noop=NOOP)
        self.execute("VACUUM taskdeck_task")
        subprocess.run(python(*DIRECT.enqueue, str(count)), env=self.env, cwd=ROOT, check=True)

    @contextlib.contextmanager
    def nodes(self, number: int = 1) -> Iterator[tuple[list[int], Path]]:
        """Worker nodes of two executors: the pids of them and the servers, and their log."""
        log = self.folder / "workers.log"
        with running([python(*WORKER)] * number, self.env, log) as pids:
            yield [*pids, *self.servers.pids()], log

    def drained(self, count: int, pids: list[int], log: Path) -> Drained:
        found = watch(DIRECT, self.env, count, pids, log)
        query = "SELECT count(*) FROM taskdeck_task WHERE function = %(noop)s AND state = 'succeeded'"
        if self.execute(query, noop=NOOP) != [(count,)]:
            raise SystemExit(f"of {count} tasks not all have succeeded")
        return found


def site(servers: Services, folder: Path, **env: str) -> Site:
    """Migrated, empty, without a broker."""
    folder.mkdir()
    made = os.environ | servers.fresh() | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"}
    made |= {"TASKDECK_DATA_DIR": str(folder), "TASKDECK_MODULES": "benchmarks.noop_tasks"}
    made |= {"LOG_LEVEL": "WARNING"} | env
    del made["RABBITMQ_URL"]
    subprocess.run(python("manage.py", "migrate", "-v", "0"), env=made, cwd=ROOT, check=True)
    return Site(servers, made, folder)
