"""How fast queued no-ops drain on SQLite: Taskdeck's direct claim beside django-tasks-db, in one run.

Two executors against two workers. Every result must be stored, or the run fails. Run it with
``.venv/bin/python -m benchmarks.drain_sqlite``; it prints a table and one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tasks_app.embedded import EmbeddedValkey

ROUNDS = 3
OURS, PEERS = 20_000, 600
LIMIT_SECONDS = 120


def environment(data_dir: Path, settings: str) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": settings,
        "TASKDECK_DATA_DIR": str(data_dir),
        "TASKDECK_MODULES": "benchmarks.noop_tasks",
        "LOG_LEVEL": "WARNING",
    }


@contextlib.contextmanager
def running(commands: list[list[str]], env: dict[str, str]) -> Iterator[None]:
    processes = [
        subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)


def drain(database: Path, query: str, count: int) -> float:
    """Tasks a second between the first look that saw an end and the last task's end."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)
    deadline = time.monotonic() + LIMIT_SECONDS
    first = None
    while True:
        (done,) = connection.execute(query).fetchone()
        now = time.monotonic()
        if done and first is None:
            first = (now, done)
        if done >= count:
            break
        if now > deadline:
            raise SystemExit(f"only {done} of {count} ended in {LIMIT_SECONDS} s")
        time.sleep(0.02)
    assert first is not None
    connection.close()
    return (count - first[1]) / max(now - first[0], 1e-6)


def taskdeck() -> float:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        env = environment(data_dir, "taskqueue_site.settings")
        subprocess.run([sys.executable, "-m", "benchmarks.enqueue_noops", str(OURS)], env=env, check=True)
        valkey = EmbeddedValkey(data_dir)
        valkey.start()
        try:
            worker = [sys.executable, "manage.py", "runworker", "--concurrency", "2"]
            stored = "SELECT count(*) FROM taskdeck_task WHERE state = 'succeeded' AND result IS NOT NULL"
            with running([worker], env):
                return drain(data_dir / "taskdeck.sqlite3", stored, OURS)
        finally:
            valkey.stop()


def django_tasks_db() -> float:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        env = environment(data_dir, "benchmarks.peer_settings")
        subprocess.run([sys.executable, "-m", "benchmarks.enqueue_noops", str(PEERS)], env=env, check=True)
        worker = [sys.executable, "-m", "django", "db_worker", "--interval", "0.01"]
        stored = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'SUCCESSFUL'"
        with running([worker, worker], env):
            return drain(data_dir / "peer.sqlite3", stored, PEERS)


def main() -> None:
    rates: dict[str, list[float]] = {"taskdeck": [], "django_tasks_db": []}
    for _ in range(ROUNDS):
        rates["taskdeck"].append(taskdeck())
        rates["django_tasks_db"].append(django_tasks_db())
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, median in medians.items():
        print(f"{name:16} {median:10,.0f} tasks/s   {[round(value) for value in rates[name]]}")
    facts = {
        "drain_vs_django_tasks_db_sqlite": round(medians["taskdeck"] / medians["django_tasks_db"], 1),
        "medians": {name: round(value) for name, value in medians.items()},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
