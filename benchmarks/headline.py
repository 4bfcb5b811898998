"""The README's table: a few ratios, from the newest kept results that have each, with bound and workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.kept import Kept, files, last_kept


@dataclass(frozen=True, slots=True)
class Line:
    """A ratio by name, what it measures, beside what, and its workload; ``unit`` follows the figure."""

    ratio: str
    measures: str
    beside: str
    workload: str
    unit: str = " times"


LINES = (
    Line("drain_vs_celery_redis", "queued tasks run a second", "Celery, Redis results", "drains"),
    Line("drain_vs_celery_postgres", "", "Celery, PostgreSQL results", "drains"),
    Line("drain_vs_dramatiq", "", "Dramatiq, Redis results", "drains"),
    Line("drain_vs_huey", "", "Huey", "drains"),
    Line("drain_vs_django_tasks_db", "", "django-tasks-db, PostgreSQL", "drains"),
    Line("drain_sqlite_vs_django_tasks_db", "", "django-tasks-db, both on SQLite", "drains"),
    Line("cpu_us_per_task", "processor time of a task, servers included", "", "drains", " µs"),
    Line("submit_http_vs_celery_drf", "submits over HTTP", "`delay()` behind DRF", "submit"),
    Line("enqueue_vs_celery_confirmed", "submits from Python", "Celery's confirmed `delay()`", "submit"),
    Line("bulk_enqueue_per_second", "tasks submitted a second in bulk", "", "submit", ""),
    Line("latency_p50_vs_celery", "a lone task's time to its result", "Celery, both by RabbitMQ", "latency"),
    Line("latency_direct_p50_vs_celery", "", "Celery; ours without a broker", "latency"),
    Line("latency_p99_ms", "99 of 100 have it after, by message", "", "latency", " ms"),
    Line("browser_event_p99_ms", "submit to event in a browser, p99", "", "watching", " ms"),
    Line("short_wait_vs_celery", "wait of short tasks among long ones, p95", "Celery, defaults", "mixed"),
    Line("cpu_efficiency", "use of the cores by tasks of 60 ms", "`multiprocessing.Pool`", "processor"),
    Line("cpu_efficiency_short", "by tasks of 5 ms", "`multiprocessing.Pool`", "processor"),
    Line("cpu_efficiency_short_celery", "by Celery's of 5 ms", "`multiprocessing.Pool`", "processor"),
    Line("idle_node_mib", "memory of an idle node, two worker processes", "", "idle", " MiB"),
    Line("throughput_at_million", "tasks run a second, a million old rows", "10,000 old rows", "growth"),
)


def headline() -> str:
    """Markdown: a table with a line for each of LINES that was kept, then what it was measured on."""
    kept = last_kept()
    rows = [_row(line, kept[line.ratio]) for line in LINES if line.ratio in kept]
    head = ["| | beside | found | aim | workload |", "|---|---|---|---|---|"]
    cpus = dict.fromkeys(kept[line.ratio].cpu for line in LINES if line.ratio in kept)
    return "\n".join(
        [*head, *rows, "", f"Measured on {_machine(files()[-1][1]['machine'], ', '.join(cpus))}."]
    )


def _row(line: Line, found: Kept) -> str:
    aim = "" if found.floor is None else f"≥ {found.floor:,g}"
    aim += "" if found.ceiling is None else f"≤ {found.ceiling:,g}"
    missed = ", missed" if found.is_below or found.is_above else ""
    figure = f"{_figure(found.ratio)}{line.unit}"
    return f"| {line.measures} | {line.beside} | {figure} | {aim}{missed} | `{line.workload}` |"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 30 else f"{value:,.3g}"


def _machine(facts: Mapping[str, Any], cpus: str) -> str:
    """``cpus``: of all the runs, which had one kind or the other; the versions are those of the newest."""
    versions = {name: given.rpartition(":")[2].partition("-")[0] for name, given in facts["servers"].items()}
    servers = (
        f"PostgreSQL {versions['postgresql'].partition('+')[0]}, RabbitMQ {versions['rabbitmq-server']}, "
        f"Redis {versions['redis-server']}"
    )
    packages = facts["packages"]
    peers = ", ".join(
        f"{told} {packages[name]}"
        for told, name in (("Celery", "celery"), ("Dramatiq", "dramatiq"), ("Huey", "huey"))
    )
    return f"{facts['cores']} shared cores ({cpus}): Python {facts['python']}, {servers}; {peers}"
