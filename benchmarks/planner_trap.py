"""The guard against PostgreSQL's planner trap: 300,000 tasks through a table that was created empty.

Partial indexes on the state fill with dead entries; a plan that walks them grows slower with every batch.
Autovacuum runs as shipped. What counts is the processor time of the connection's own server process:
neighbours do not change it, and the trap is work, not waiting.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from benchmarks.services import ROOT, Services, python
from benchmarks.workload import Found

TASKS = 300_000
ROWS = 256
STORED_AT_ONCE = 10_240
COMPARED = 100  # batches at the start, and as many at the end
CEILING = 1.5


def run(servers: Services, rounds: int) -> Found:
    """One pass whatever ``rounds`` says: it compares its own end with its own start."""
    growth = planner_trap(servers)
    return Found(
        facts=growth,
        ratios={f"planner_trap_{name}": times for name, times in growth.items()},
        lines=[
            f"After {TASKS:,} tasks through a table that was created empty a claim costs PostgreSQL"
            f" {growth['claim']} times and a finish {growth['finish']} times the processor time of the start."
        ],
        ceilings={f"planner_trap_{name}": CEILING for name in growth},
    )


def planner_trap(servers: Services) -> dict[str, float]:
    """How many times as much a claim and a finish cost the server at the end as at the start."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | servers.fresh()
        env |= {"TASKDECK_DATA_DIR": folder, "TASKDECK_MODULES": "benchmarks.noop_tasks"}
        env |= {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings", "LOG_LEVEL": "WARNING"}
        del env["RABBITMQ_URL"]
        subprocess.run(python("manage.py", "migrate", "-v", "0"), env=env, cwd=ROOT, check=True)
        said = subprocess.run(
            python("-m", "benchmarks.planner_trap"),
            env=env,
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    growth: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return growth


def cpu_ms(pid: int) -> float:
    """Time this process has spent on a processor; proc(5), the first field of schedstat."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def main() -> None:
    import django

    django.setup()
    from benchmarks.enqueue_noops import store_rows
    from tasks_app import transitions
    from tasks_app.database import open_session
    from tasks_app.transitions import Outcome

    session = open_session()
    worker_id = str(uuid.uuid4())
    transitions.register(
        session,
        worker_id=worker_id,
        node="trap",
        host="",
        pid=0,
        version="",
        queues=("default",),
        concurrency=1,
        lease_seconds=3600,
    )
    [(backend,)] = session.rows("SELECT pg_backend_pid()", {})
    claims: list[float] = []
    finishes: list[float] = []
    done = 0
    while done < TASKS:
        store_rows(STORED_AT_ONCE)
        while True:
            started = cpu_ms(backend)
            claimed = transitions.claim(
                session,
                worker_id=worker_id,
                node="trap",
                queue="default",
                functions=["benchmarks.noop_tasks.noop"],
                limit=ROWS,
            )
            between = cpu_ms(backend)
            if not claimed:
                break
            outcomes = [
                Outcome(id=one.id, attempt=one.attempt, kind="succeeded", result="1") for one in claimed
            ]
            changed = transitions.finish(session, worker_id=worker_id, outcomes=outcomes)
            claims.append(between - started)
            finishes.append(cpu_ms(backend) - between)
            if len(changed) != len(claimed):
                raise SystemExit(f"{len(changed)} of {len(claimed)} outcomes were recorded")
            done += len(changed)
        recent = [statistics.median(times[-40:]) for times in (claims, finishes)]
        print(f"{done:7,} tasks: claim {recent[0]:.1f} ms, finish {recent[1]:.1f} ms", file=sys.stderr)
    growth = {
        name: round(statistics.median(times[-COMPARED:]) / statistics.median(times[:COMPARED]), 2)
        for name, times in (("claim", claims), ("finish", finishes))
    }
    print(json.dumps(growth))


if __name__ == "__main__":
    main()
