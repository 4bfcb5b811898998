"""What a full table of tasks takes on disk, and whether any statement of a task's life reads all of it."""

from __future__ import annotations

from typing import Any

MIB = 2**20
SIZES = """
SELECT c.relname, pg_relation_size(c.oid)::bigint,
       CASE WHEN i.indexrelid IS NULL THEN pg_table_size(c.oid) - pg_relation_size(c.oid) ELSE 0 END::bigint
  FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE c.oid = 'taskdeck_task'::regclass OR i.indrelid = 'taskdeck_task'::regclass ORDER BY 2 DESC
"""
SLOWEST = 5


def sizes(session: Any, rows: int) -> list[str]:
    """MiB for a million rows: the rows, what is stored beside them (TOAST and the maps), each index."""
    found = session.rows(SIZES, {})
    share = rows / 1_000_000 * MIB
    lines = [f"{name:28} {size / share:8.1f} MiB per million rows" for name, size, _ in found]
    beside = sum(extra for _, _, extra in found)
    total = beside + sum(size for _, size, _ in found)
    return [
        *lines,
        f"{'TOAST and maps':28} {beside / share:8.1f} MiB per million rows",
        f"{'all together':28} {total / share:8.1f} MiB per million rows",
    ]


def hot_path(session: Any) -> list[str]:
    """The slowest statements of a task's life; SystemExit when one reads all tasks."""
    from tests.protocol.plans import Explaining, faults, live_through

    explaining = Explaining(session)
    live_through(explaining)
    if found := {sql: told for sql, plan in explaining.plans.items() if (told := faults(plan))}:
        raise SystemExit(f"these statements read all tasks: {found}")
    slowest = sorted(explaining.ms.items(), key=lambda one: -one[1])[:SLOWEST]
    return [
        f"{len(explaining.plans)} statements of a task's life: none reads all tasks; the slowest:",
        *(f"{ms:8.1f} ms  {' '.join(sql.split())[:70]}" for sql, ms in slowest),
    ]
