"""The guard against plans and scans that grow with what has passed through the table of tasks.

300,000 tasks through a table that was created empty, autovacuum as shipped; and 200,000 beside a transaction
that was begun before them, whose old snapshot no vacuum can pass. At the end claims and finishes alternate
with those of a new table: the ratio is what the past costs. The looks from the very head of the queue, one a
second, are among the claims.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import psycopg

from benchmarks.life import Life, life
from benchmarks.services import ROOT, Services, python
from benchmarks.workload import Found

TASKS = 300_000
TASKS_BESIDE_SNAPSHOT = 200_000
BATCH = 256
STORED_AT_ONCE = 40 * BATCH
TURNS, BATCHES_A_TURN = 12, 10
LOOKS = 9
CEILING = 1.5
SIZE = "SELECT pg_total_relation_size('taskdeck_task')"
OLDEST = "SELECT max(age(backend_xmin)) FROM pg_stat_activity WHERE pid = %(pid)s"


def run(servers: Services, rounds: int) -> Found:
    """One pass whatever ``rounds`` says: it compares its own end with a new table."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings", "LOG_LEVEL": "WARNING"}
        env |= {"TASKDECK_DATA_DIR": folder, "TASKDECK_MODULES": "benchmarks.noop_tasks"}
        urls = []
        for _ in range(4):
            env |= servers.fresh()
            del env["RABBITMQ_URL"]
            subprocess.run(python("manage.py", "migrate", "-v", "0"), env=env, cwd=ROOT, check=True)
            urls.append(env["DATABASE_URL"])
        command = python("-m", "benchmarks.planner_trap", *urls)
        said = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    facts = json.loads(said.stdout.splitlines()[-1])
    growth: dict[str, float] = facts["growth"]
    return Found(
        facts=facts,
        ratios=growth,
        lines=[
            f"After {TASKS:,} tasks through a table that was created empty a claim costs PostgreSQL"
            f" {growth['planner_trap_claim']} times and a finish {growth['planner_trap_finish']} times the"
            f" processor time that it costs in a new table; after {TASKS_BESIDE_SNAPSHOT:,} tasks beside an"
            f" old snapshot {growth['old_snapshot_claim']} and {growth['old_snapshot_finish']} times."
            f" The table then takes {facts['bytes_per_task']:,} and {facts['bytes_beside_snapshot']:,} bytes"
            " a task, indexes included. Beside the snapshot a look at all that a worker runs takes the server"
            f" {facts['looks_ms']['held']} ms, the sweep for orphans {facts['looks_ms']['sweep']} ms.",
        ],
        ceilings=dict.fromkeys(growth, CEILING),
    )


def pass_batches(one: Life, batches: int) -> tuple[float, float]:
    """Stored before; the milliseconds of all claims and of all finishes."""
    claims = finishes = 0.0
    for _ in range(batches):
        started = one.spent_ms()
        claimed = one.claim(BATCH)
        between = one.spent_ms()
        if len(claimed) != BATCH:
            raise SystemExit(f"{len(claimed)} tasks were claimed instead of {BATCH}")
        one.finish(claimed)
        claims += between - started
        finishes += one.spent_ms() - between
    return claims, finishes


def pass_tasks(one: Life, tasks: int) -> int:
    """So many, from submit to success; the bytes that the table takes for each of them at the end."""
    for done in range(STORED_AT_ONCE, tasks + STORED_AT_ONCE, STORED_AT_ONCE):
        one.store(STORED_AT_ONCE)
        batches = STORED_AT_ONCE // BATCH
        claims, finishes = pass_batches(one, batches)
        print(
            f"{done:7,} tasks: claim {claims / batches:.1f} ms, finish {finishes / batches:.1f} ms",
            file=sys.stderr,
        )
    [(size,)] = one.session.rows(SIZE, {})
    print(f"{size / done:,.0f} bytes a task, indexes included", file=sys.stderr)
    return round(size / done)


def compared(name: str, used: Life, new: Life) -> dict[str, float]:
    """How many times as much a claim and a finish cost in the used table as in the new one."""
    spent = {used: [0.0, 0.0], new: [0.0, 0.0]}
    for number in range(TURNS):
        for one in (used, new) if number % 2 else (new, used):
            one.store(BATCHES_A_TURN * BATCH)
            claims, finishes = pass_batches(one, BATCHES_A_TURN)
            if number:  # the first warms the new one up
                spent[one][0] += claims
                spent[one][1] += finishes
    ratios = [round(was / is_new, 2) for was, is_new in zip(spent[used], spent[new], strict=True)]
    return {f"{name}_claim": ratios[0], f"{name}_finish": ratios[1]}


def looks(one: Life) -> dict[str, float]:
    """Milliseconds of a look at all that the worker runs, and of one at all that run without a live worker:
    they walk the index entries of whatever ran, and workers make them more seldom where they take long."""
    from tasks_app import transitions

    asked: dict[str, Callable[[], object]] = {
        "held": lambda: transitions.held(one.session, worker_id=one.worker_id),
        "sweep": lambda: transitions.sweep(one.session),
    }
    found = {}
    for name, ask in asked.items():
        spent = []
        for _ in range(LOOKS):
            before = one.spent_ms()
            ask()
            spent.append(one.spent_ms() - before)
        found[name] = round(statistics.median(spent), 1)
    return found


@contextlib.contextmanager
def old_snapshot(url: str) -> Iterator[None]:
    """Held open throughout; proven at the end."""
    with psycopg.connect(url) as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("SELECT 1 FROM taskdeck_task LIMIT 1")
        yield
        [(age,)] = holder.execute(OLDEST, {"pid": holder.info.backend_pid}).fetchall()
        if age < TASKS_BESIDE_SNAPSHOT / BATCH:
            raise SystemExit(f"the snapshot was {age} transactions old only: nothing was measured")


def main(empty: str, new: str, blocked: str, new_too: str) -> None:
    import django

    django.setup()
    used = life(empty)
    bytes_per_task = pass_tasks(used, TASKS)
    growth = compared("planner_trap", used, life(new))
    with old_snapshot(blocked):
        used = life(blocked)
        bytes_beside_snapshot = pass_tasks(used, TASKS_BESIDE_SNAPSHOT)
        growth |= compared("old_snapshot", used, life(new_too))
        looks_ms = looks(used)
        print(f"looks beside the snapshot, ms: {looks_ms}", file=sys.stderr)
    sizes = {"bytes_per_task": bytes_per_task, "bytes_beside_snapshot": bytes_beside_snapshot}
    print(json.dumps({"growth": growth, "looks_ms": looks_ms, **sizes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
