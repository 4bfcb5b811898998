"""A million tasks in PostgreSQL: what each page of the console costs the server, cold and warm.

``python -m benchmarks.million_rows`` fills a private server, asks the REST API in this process, and exits 1
when an answer takes longer than CEILING_MS, a count differs from SQL's own, or a statement of a task's life
reads the whole table. Cold is the first answer of a server that was started anew; warm is the median of WARM
further ones. ``--rows`` fills it with more, ``--explain`` prints the plans, ``--write-plans`` keeps those of
each selector in the docs. What the table takes on disk is told as well.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from benchmarks import full_table, plans
from benchmarks.report import commit_now, machine
from benchmarks.services import ROOT, Services, python, services

ROWS = 1_000_000
WARM = 7
CEILING_MS = 100.0
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
TALLIES = """
INSERT INTO taskdeck_tally (worker_id, span_seconds, at, subject, name, succeeded, failed, cancelled, retried,
                            waits, runs, depth)
SELECT gen_random_uuid(), 900, to_timestamp(floor(extract(epoch FROM now()) / 900) * 900 - 900 * age),
       subject, '', 900, 9, 1, 4, %(histogram)s, %(histogram)s, 5
  FROM generate_series(0, 671) AS age, generate_series(1, 4) AS worker,
       unnest(ARRAY['all', 'queue']) AS subject
"""


@dataclass(frozen=True, slots=True)
class Answer:
    page: str
    path: str
    cold_ms: float
    warm_ms: float

    @property
    def slowest_ms(self) -> float:
        return max(self.cold_ms, self.warm_ms)


def pages(session: Any) -> dict[str, str]:
    """What a page asks, by what a reader would call it."""

    def end(order: str) -> str:
        return str(session.rows(f"SELECT id::text FROM taskdeck_task ORDER BY id {order} LIMIT 1", {})[0][0])

    newest, oldest = (int(end(order).replace("-", "")[:12], 16) for order in ("DESC", "ASC"))

    def id_at(share: float) -> str:
        """Of the task that is older than this share of all; ids begin with their time in milliseconds."""
        at = UUID(hex=f"{newest - round(share * (newest - oldest)):012x}" + "f" * 20)
        query = "SELECT id::text FROM taskdeck_task WHERE id <= %(at)s::uuid ORDER BY id DESC LIMIT 1"
        return str(session.rows(query, {"at": str(at)})[0][0])

    return {
        "list": "/api/tasks/",
        "list, 200 rows": "/api/tasks/?limit=200",
        "deep page, half way": f"/api/tasks/?cursor={id_at(0.5)}",
        "deep page, the end": f"/api/tasks/?cursor={id_at(0.9999)}",
        "failed": "/api/tasks/?state=failed",
        "failed, deep": f"/api/tasks/?state=failed&cursor={id_at(0.7)}",
        "running": "/api/tasks/?state=running",
        "waiting": "/api/tasks/?state=queued",
        "two states": "/api/tasks/?state=failed&state=cancelled",
        "one function": "/api/tasks/?function=count_primes",
        "a function that ran long ago": "/api/tasks/?function=mandelbrot",
        "a queue that nobody uses": "/api/tasks/?queue=rare",
        "a worker that is gone": "/api/tasks/?worker=old",
        "failed of one function": "/api/tasks/?state=failed&function=count_primes",
        "text in arguments, found": "/api/tasks/?search=c4ca",
        "text in arguments, not there": "/api/tasks/?search=nowhere",
        "counts": "/api/tasks/counts/",
        "counts of one function": "/api/tasks/counts/?function=count_primes",
        "counts of a text": "/api/tasks/counts/?search=c4ca",
        "recent tasks of each function": "/api/tasks/recent/",
        "one task": f"/api/tasks/{id_at(0.3)}/",
        "overview": "/api/overview/",
        "charts, 7 days": "/api/trends/?range=7d",
        "totals by function": "/api/trends/totals/?by=function",
        "queues": "/api/queues/",
        "workers": "/api/workers/",
    }


def ask(client: Any, path: str) -> float:
    """Milliseconds of one answer."""
    started = time.perf_counter()
    response = client.get(path)
    spent = (time.perf_counter() - started) * 1000
    if response.status_code != 200:
        raise SystemExit(f"{path}: {response.status_code} {response.content[:300]!r}")
    return spent


def check_counts(client: Any, session: Any) -> None:
    shown = client.get("/api/tasks/counts/").json()
    exact = dict(session.rows("SELECT state, count(*) FROM taskdeck_task GROUP BY state", {}))
    for state, number in exact.items():
        if shown["counts"][state] != min(number, shown["cap"]):
            raise SystemExit(f"{state}: {shown['counts'][state]} counted, {number} are there")


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
    session.rows(TALLIES, {"histogram": dump_json([3, 9, 40, 80, 200, 300, 150, 60, 30, 8, 3, 1])})
    session.rows("VACUUM ANALYZE", {})


def measure() -> Iterator[Answer]:
    client, session = client_of_the_api()
    check_counts(client, session)
    for page, path in pages(session).items():
        warm = [ask(client, path) for _ in range(WARM)]
        yield Answer(page, path, 0.0, round(statistics.median(warm), 1))


def first_answers() -> dict[str, float]:
    """Of a server that was started anew; the process itself is warm by then."""
    client, session = client_of_the_api()
    client.get("/api/functions/")
    asked = pages(session)
    return {page: round(ask(client, path), 1) for page, path in asked.items()}


def explain(_rows: int) -> None:
    client, session = client_of_the_api()
    for page, path in pages(session).items():
        print(f"\n== {page}: {path}")
        for sql, plan in plans.plans_of(client, session, path):
            print(sql[:400], *plan, sep="\n  ")


def sections(_rows: int) -> None:
    """What the docs keep."""
    client, session = client_of_the_api()
    asked = pages(session)
    for page in plans.SHOWN:
        print(plans.section(page, asked[page], plans.plans_of(client, session, asked[page])))


def table(rows: int) -> None:
    """Its size, then the statements of a task's life: they change some rows."""
    _, session = client_of_the_api()
    print(*full_table.sizes(session, rows), *full_table.hot_path(session), sep="\n")


PRINTED = {"fill": fill, "explain": explain, "sections": sections, "table": table}
"""The steps that print for people, or nothing."""


def told() -> str:
    found = machine(())
    return (
        f"Written at commit {commit_now()} on {found['cores']} cores ({found['cpu']}), PostgreSQL package "
        f"{found['servers']['postgresql']}, load {os.getloadavg()[0]:.1f}; times are of this loaded machine."
    )


def in_process(env: dict[str, str], step: str, rows: int) -> str:
    command = python("-m", "benchmarks.million_rows", "--step", step, "--rows", str(rows))
    return subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def million_rows(servers: Services, rows: int, *, explained: bool, written: bool) -> list[Answer]:
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | servers.fresh()
        env |= {"TASKDECK_DATA_DIR": folder, "TASKDECK_ANONYMOUS": "operate", "SECRET_KEY": "x" * 50}
        env |= {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings", "LOG_LEVEL": "ERROR"}
        env |= {"TASKDECK_MODULES": "tasks_app.examples.tasks"}
        subprocess.run(python("manage.py", "migrate", "-v", "0"), env=env, cwd=ROOT, check=True)
        in_process(env, "fill", rows)
        if explained:
            print(in_process(env, "explain", rows))
        if written:
            plans.write(in_process(env, "sections", rows), told=told())
        warm = [Answer(**one) for one in json.loads(in_process(env, "measure", rows))]
        servers.postgresql.stop()
        servers.postgresql.start()
        cold = json.loads(in_process(env, "cold", rows))
        print(in_process(env, "table", rows), flush=True)
        return [Answer(one.page, one.path, cold[one.page], one.warm_ms) for one in warm]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--write-plans", action="store_true", help=f"into {plans.PAGE.relative_to(ROOT)}")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--step", choices=[*PRINTED, "measure", "cold"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step in PRINTED:
        PRINTED[given.step](given.rows)
    elif given.step == "measure":
        print(json.dumps([asdict(one) for one in measure()]))
    elif given.step == "cold":
        print(json.dumps(first_answers()))
    else:
        with services() as servers:
            answers = million_rows(servers, given.rows, explained=given.explain, written=given.write_plans)
        for one in answers:
            figures = f"cold {one.cold_ms:7.1f} ms  warm {one.warm_ms:7.1f} ms"
            print(f"{one.page:32} {figures}{'  ABOVE' if one.slowest_ms > CEILING_MS else ''}")
        print(f"load {os.getloadavg()[0]:.1f}")
        return int(any(one.slowest_ms > CEILING_MS for one in answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
