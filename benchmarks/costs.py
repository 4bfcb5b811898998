"""``python -m benchmarks.costs``: what each index and CHECK of the task table costs PostgreSQL for each task.

Databases that differ in one dropped index or constraint (or in all CHECKs) live the same tasks in alternating
turns: stored, claimed by their ids, finished. What counts is the processor time of each connection's own
server process. The row "nothing" drops nothing: its difference is the error of measurement. With
``--at-once 1`` each statement is for one task: what an idle system's statements cost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from benchmarks.life import Life, life
from benchmarks.services import Services, services

TURNS = 24
STATEMENTS_A_TURN = 4
LONE_STATEMENTS_A_TURN = 32
AT_ONCE = 256
TABLE = "'taskdeck_task'::regclass"
INDEXES = f"""
SELECT i.indexrelid::regclass::text FROM pg_index i
 WHERE i.indrelid = {TABLE} AND NOT i.indisprimary ORDER BY 1
"""
CHECKS = f"SELECT conname FROM pg_constraint WHERE conrelid = {TABLE} AND contype IN ('c', 'f') ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Variant:
    """A migrated database without what was dropped."""

    name: str
    life: Life


def variant(servers: Services, template: str, name: str, statements: list[str]) -> Variant:
    database = f"costs_{os.urandom(6).hex()}"
    with psycopg.connect(servers.postgresql.url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(database), sql.Identifier(template)))
    made = life(servers.postgresql.url_of(database))
    for statement in statements:
        made.session.rows(statement, {})
    return Variant(name, made)


def turn(one: Life, at_once: int) -> float:
    """Microseconds of the server process for one task."""
    started = one.spent_ms()
    statements = LONE_STATEMENTS_A_TURN if at_once == 1 else STATEMENTS_A_TURN
    for _ in range(statements):
        claimed = one.claim_ids(one.store(at_once))
        if len(claimed) != at_once:
            raise SystemExit(f"of {at_once} tasks {len(claimed)} were claimed")
        one.finish(claimed)
    return 1000 * (one.spent_ms() - started) / (statements * at_once)


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
    wanted["all these and all indexes"] = [*drops.values(), *(f"DROP INDEX {name}" for name in indexes)]
    made = [variant(servers, template, name, statements) for name, statements in wanted.items()]
    try:
        yield made
    finally:
        for one in made:
            one.life.session.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="tasks of one statement")
    at_once = parser.parse_args().at_once
    if at_once < 1:
        parser.error("--at-once must be at least 1")
    with services() as servers:
        os.environ.update(servers.fresh() | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"})
        import django

        django.setup()
        with variants(servers) as made:
            spent: dict[str, list[float]] = {one.name: [] for one in made}
            for number in range(TURNS):
                for one in made if number % 2 else reversed(made):
                    spent[one.name].append(turn(one.life, at_once))
    base = spent.pop("as it is")
    print(f"| dropped | µs/task less, of {statistics.median(base):.1f} |\n|---|---|")
    for name, times in spent.items():
        less = statistics.median(whole - part for whole, part in zip(base, times, strict=True))
        print(f"| {name} | {less:.1f} |")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
