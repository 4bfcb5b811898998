"""``python -m benchmarks.costs``: what each index and CHECK of the task table costs PostgreSQL for each task.

Databases that differ in one dropped index or constraint (or in all CHECKs) live the same tasks in alternating
turns: stored, claimed by their ids, finished. What counts is the processor time of each connection's own
server process. The row "nothing" drops nothing: its difference is the error of measurement.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from uuid_utils.compat import uuid7

from benchmarks.finished_rows import NOOP
from benchmarks.planner_trap import cpu_ms
from benchmarks.services import Services, services

TURNS = 24
TASKS_A_TURN = 1024
AT_ONCE = 256
TABLE = "'taskdeck_task'::regclass"
INDEXES = f"""
SELECT i.indexrelid::regclass::text FROM pg_index i
 WHERE i.indrelid = {TABLE} AND NOT i.indisprimary ORDER BY 1
"""
CHECKS = f"SELECT conname FROM pg_constraint WHERE conrelid = {TABLE} AND contype IN ('c', 'f') ORDER BY 1"
INSERT = """
INSERT INTO taskdeck_task (id, function, queue, priority, state, attempt, failures, losses, max_attempts,
                           max_losses, last_worker, cancel_requested, created_at, revision, arguments)
SELECT id, %(noop)s, 'default', 0, 'queued', 0, 0, 0, 1, 3, '', false, %(now)s, 1, '{"number": 1}'
  FROM unnest(%(ids)s::uuid[]) AS id
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """A migrated database without what was dropped, and its server process."""

    name: str
    session: Any
    worker_id: str
    backend: int


def variant(servers: Services, template: str, name: str, statements: list[str]) -> Variant:
    from tasks_app import transitions
    from tasks_app.postgres_session import PostgresSession

    database = f"costs_{os.urandom(6).hex()}"
    with psycopg.connect(servers.postgresql.url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(database), sql.Identifier(template)))
    session = PostgresSession({"conninfo": servers.postgresql.url_of(database)}, timeout_seconds=60)
    for statement in statements:
        session.rows(statement, {})
    worker_id = str(uuid.uuid4())
    transitions.register(
        session, worker_id=worker_id, node="n", host="", pid=0, version="", queues=("default",),
        concurrency=1, lease_seconds=3600,
    )  # fmt: skip
    [(backend,)] = session.rows("SELECT pg_backend_pid()", {})
    return Variant(name, session, worker_id, backend)


def turn(one: Variant) -> float:
    """Microseconds of the server process for one task."""
    from tasks_app import transitions
    from tasks_app.transitions import Outcome

    started = cpu_ms(one.backend)
    for _ in range(TASKS_A_TURN // AT_ONCE):
        ids = [str(uuid7()) for _ in range(AT_ONCE)]
        one.session.rows(INSERT, {"ids": ids, "noop": NOOP, "now": datetime.now(UTC)})
        claimed = transitions.claim_ids(
            one.session, worker_id=one.worker_id, node="n", ids=ids, functions=[NOOP]
        )
        outcomes = [Outcome(id=own.id, attempt=own.attempt, kind="succeeded", result="1") for own in claimed]
        if len(transitions.finish(one.session, worker_id=one.worker_id, outcomes=outcomes)) != AT_ONCE:
            raise SystemExit(f"{one.name}: not every task was finished")
    return 1000 * (cpu_ms(one.backend) - started) / TASKS_A_TURN


@contextlib.contextmanager
def variants(servers: Services) -> Iterator[list[Variant]]:
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    template = str(connections["default"].settings_dict["NAME"])
    with connections["default"].cursor() as cursor:
        cursor.execute(INDEXES)
        indexes = [name for (name,) in cursor.fetchall()]
        cursor.execute(CHECKS)
        checks = [name for (name,) in cursor.fetchall()]
    connections.close_all()
    drops = {name: f"ALTER TABLE taskdeck_task DROP CONSTRAINT {name}" for name in checks}
    wanted: dict[str, list[str]] = {"as it is": [], "nothing": []}
    wanted |= {name: [f"DROP INDEX {name}"] for name in indexes}
    wanted |= {name: [statement] for name, statement in drops.items()}
    wanted["all CHECKs and foreign keys"] = list(drops.values())
    made = [variant(servers, template, name, statements) for name, statements in wanted.items()]
    try:
        yield made
    finally:
        for one in made:
            one.session.close()


def main() -> None:
    with services() as servers:
        os.environ.update(servers.fresh() | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"})
        import django

        django.setup()
        with variants(servers) as made:
            spent: dict[str, list[float]] = {one.name: [] for one in made}
            for number in range(TURNS):
                for one in made if number % 2 else reversed(made):
                    spent[one.name].append(turn(one))
    base = spent.pop("as it is")
    print(f"| dropped | µs/task less, of {statistics.median(base):.1f} |\n|---|---|")
    for name, times in spent.items():
        less = statistics.median(whole - part for whole, part in zip(base, times, strict=True))
        print(f"| {name} | {less:.1f} |")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
