"""A site with a million tasks of every kind, failures and tallies in PostgreSQL, made by a few statements."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.services import ROOT, Services, python

FILL = """
INSERT INTO taskdeck_task
       (id, function, queue, priority, state, attempt, failures, losses, max_attempts, max_losses, worker_id,
        last_worker, cancel_requested, run_at, created_at, started_at, finished_at, revision, arguments,
        result, error)
SELECT (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n %% 4096), 3, '0') || '8'
         || lpad(to_hex(n), 15, '0'))::uuid,
       'tasks_app.examples.tasks.'
         || CASE WHEN n < 4 THEN 'mandelbrot' WHEN n %% 10 = 0 THEN 'count_primes' ELSE 'fibonacci' END,
       CASE WHEN n < 4 THEN 'rare' WHEN n %% 20 = 0 THEN 'slow' ELSE 'default' END,
       n %% 3, state, 1, 0, 0, 3, 3, CASE WHEN state = 'running' THEN %(worker)s::uuid END,
       CASE WHEN n < 4 THEN 'old' ELSE 'w' || n %% 4 END, false,
       CASE WHEN state = 'scheduled' THEN now() + interval '1 day' END, at, at,
       CASE WHEN state IN ('succeeded', 'failed', 'cancelled') THEN at + interval '1 second' END, 3,
       jsonb_build_object('number', n %% 40, 'note', md5(n::text)),
       CASE WHEN state = 'succeeded' THEN to_jsonb(n) END,
       CASE WHEN state = 'failed' THEN 'ValueError: ' || n %% 7 END
  FROM (SELECT n, (extract(epoch FROM now()) * 1000)::bigint - (%(rows)s - n) * 2000::bigint AS ms,
               now() - (%(rows)s - n) * interval '2 seconds' AS at,
               CASE WHEN n > %(rows)s - 100 THEN 'running' WHEN n > %(rows)s - 5000 THEN 'queued'
                    WHEN n > %(rows)s - 6000 THEN 'scheduled' WHEN n %% 50 = 0 THEN 'failed'
                    WHEN n %% 199 = 0 THEN 'cancelled' ELSE 'succeeded' END AS state
          FROM generate_series(1, %(rows)s) AS n) AS made
"""
FAILURES = """
INSERT INTO taskdeck_task_attempt
       (task_id, attempt, worker_name, kind, error_class, message, traceback, place, finished_at)
SELECT id, 1, last_worker, 'failure', 'ValueError', 'no', repeat('x', 1500), 'shop.tasks:7 in f', finished_at
  FROM taskdeck_task WHERE state = 'failed'
"""
PROGRESS = """
INSERT INTO taskdeck_task_live (task_id, attempt, seq, done, total, stage, rate, metadata, steps, updated_at)
SELECT id, 1, 9, 50, 100, 'Counting', 7, '{}', '[]', created_at FROM taskdeck_task
 WHERE function = 'tasks_app.examples.tasks.count_primes'
"""
TALLIES = """
INSERT INTO taskdeck_tally (worker_id, span_seconds, at, subject, name, succeeded, failed, cancelled, retried,
                            waits, runs, depth)
SELECT ('0190a0a0-0000-7000-8000-00000000000' || worker)::uuid, span,
       to_timestamp(floor(extract(epoch FROM now()) / span) * span - span * age), subject, name,
       span, 9, 1, 4, %(histogram)s, %(histogram)s, CASE WHEN subject = 'queue' THEN 5 END
  FROM (VALUES (60, 119), (900, 671)) AS spans(span, oldest), generate_series(0, oldest) AS age,
       generate_series(1, 4) AS worker,
       (SELECT 'all', ''
         UNION ALL SELECT 'queue', unnest(ARRAY['default', 'slow'])
         UNION ALL SELECT 'function', 'tasks_app.examples.tasks.f' || generate_series(1, 8)
       ) AS of(subject, name)
"""
"""Two hours by the minute and a week by the quarter, of four workers, two queues and eight functions."""


def client_of_the_api() -> tuple[Any, Any]:
    import django

    django.setup()
    from django.test import Client

    from tasks_app.database import open_session

    session = open_session()
    session.rows("SET statement_timeout = 0", {})
    return Client(headers={"host": "localhost"}), session


def fill(rows: int) -> None:
    from tasks_app import transitions
    from tasks_app.documents import dump_json

    _, session = client_of_the_api()
    worker = "0190a0a0-0000-7000-8000-000000000001"
    transitions.register(
        session, worker_id=worker, node="w0", host="h", pid=1, version="1", queues=("default", "slow"),
        concurrency=4, lease_seconds=3600,
    )  # fmt: skip
    session.rows(FILL, {"rows": rows, "worker": worker})
    session.rows(FAILURES, {})
    session.rows(PROGRESS, {})
    session.rows(TALLIES, {"histogram": dump_json([3, 9, 40, 80, 200, 300, 150, 60, 30, 8, 3, 1])})
    session.rows("VACUUM ANALYZE", {})


def in_process(env: dict[str, str], step: str, rows: int) -> str:
    command = python("-m", "benchmarks.million_rows", "--step", step, "--rows", str(rows))
    return subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextlib.contextmanager
def filled(servers: Services, rows: int, kept: Path | None) -> Iterator[dict[str, str]]:
    """The environment of a site with so many tasks."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | servers.fresh("kept" if kept else "")
        env |= {"TASKDECK_DATA_DIR": folder, "TASKDECK_ANONYMOUS": "operate", "SECRET_KEY": "x" * 50}
        env |= {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings", "LOG_LEVEL": "ERROR"}
        env |= {"TASKDECK_MODULES": "tasks_app.examples.tasks"}
        subprocess.run(python("manage.py", "migrate", "-v", "0"), env=env, cwd=ROOT, check=True)
        note = kept / "rows" if kept else None
        if note and note.exists() and note.read_text() != str(rows):
            raise SystemExit(f"{kept} holds {note.read_text()} rows, {rows} are asked for")
        if note is None or not note.exists():
            in_process(env, "fill", rows)
        if note:
            note.write_text(str(rows))
        yield env
        if kept:
            servers.postgresql.stop()
