"""Workload (b): submit one by one and in bulk, over HTTP and from Python, until each message is in its queue.

All sites run side by side under the same gunicorn and are loaded in turn, a slice each, so that a busy minute
falls on all. A site that keeps rows has one for each accepted task, and opens no connection for a request.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
from dataclasses import asdict, dataclass

import psycopg

from benchmarks.contestants import CELERY, TASKDECK
from benchmarks.enqueue_rates import WARM_UP
from benchmarks.served import PROCESSES, THREADS, Load, Served, Site, output, served, wait_for_messages
from benchmarks.services import Services
from benchmarks.workload import Found

SLICE_SECONDS = 4.0
WARM_UP_SECONDS = 1.5
ONE_BY_ONE = 2_000
MANY = 20_000
BULK = 1_000
MOST_NEW_SESSIONS = 20
MOST_CLIENT_SHARE = 0.6
DJANGO = "django.core.wsgi:get_wsgi_application()"
SITES = {
    "taskdeck": Site(
        name="taskdeck",
        application="taskqueue_site.wsgi:application",
        settings=TASKDECK,
        queue="task_queue.default",
        count_rows="SELECT count(*) FROM taskdeck_task",
    ),
    "original": Site(
        name="original", application="benchmarks.peers.original_flask:app", settings="", queue="original"
    ),
    "celery": Site(name="celery", application=DJANGO, settings="benchmarks.peers.celery_drf", queue="celery"),
}
NUMBER = {"number": 35}


@dataclass(frozen=True, slots=True)
class Way:
    """``tasks`` of one request."""

    label: str
    site: str
    path: str
    body: str
    tasks: int = 1


HTTP = {
    "taskdeck": Way(
        "Taskdeck, `POST /api/tasks/`, token, row committed",
        "taskdeck",
        "/api/tasks/",
        json.dumps({"function": "noop", "arguments": NUMBER}),
    ),
    "taskdeck_typed": Way(
        "Taskdeck, `POST /api/functions/noop/`, token, row committed",
        "taskdeck",
        "/api/functions/noop/",
        json.dumps(NUMBER),
    ),
    "original": Way(
        "Flask, a connection to RabbitMQ per request, no auth (the original design)",
        "original",
        "/task",
        json.dumps(NUMBER),
    ),
    "celery_drf": Way(
        "DRF and Celery's `delay()`, token, no row, no confirm", "celery", "/tasks/", json.dumps(NUMBER)
    ),
    "taskdeck_bulk": Way(
        "Taskdeck, `POST /api/tasks/bulk/` of 1,000",
        "taskdeck",
        "/api/tasks/bulk/",
        json.dumps({"tasks": [{"function": "noop", "arguments": NUMBER}] * BULK}),
        BULK,
    ),
}
PYTHON = {
    "taskdeck_one": ("Taskdeck, `enqueue()`, row committed and message confirmed", ONE_BY_ONE),
    "taskdeck_many": ("Taskdeck, `enqueue_many()` of 1,000, the same", MANY),
    "celery_confirmed": ("Celery, `delay()`, confirmed, results in Redis", ONE_BY_ONE),
    "celery_forgotten": ("Celery, `delay()`, confirmed, results ignored", ONE_BY_ONE),
}
FLOORS = {
    "submit_http_vs_original": 3.5,
    "submit_typed_http_vs_original": 3.5,
    "submit_http_vs_celery_drf": 1.5,
    "submit_typed_http_vs_celery_drf": 1.5,
    "enqueue_vs_celery_confirmed": 2.0,
    "bulk_enqueue_per_second": 20_000.0,
}
Rates = dict[str, list[float]]


def run(servers: Services, rounds: int) -> Found:
    loads = over_http(servers, rounds)
    rates = from_python(servers, rounds)
    http = {name: statistics.median(one.rate for one in found) for name, found in loads.items()}
    python = {name: statistics.median(found) for name, found in rates.items()}
    return Found(
        facts={
            "http": {name: [asdict(one) for one in found] for name, found in loads.items()},
            "python": rates,
        },
        ratios={
            "submit_http_vs_original": round(http["taskdeck"] / http["original"], 2),
            "submit_typed_http_vs_original": round(http["taskdeck_typed"] / http["original"], 2),
            "submit_http_vs_celery_drf": round(http["taskdeck"] / http["celery_drf"], 2),
            "submit_typed_http_vs_celery_drf": round(http["taskdeck_typed"] / http["celery_drf"], 2),
            "enqueue_vs_celery_confirmed": round(python["taskdeck_one"] / python["celery_confirmed"], 2),
            "enqueue_vs_celery_without_results": round(
                python["taskdeck_one"] / python["celery_forgotten"], 2
            ),
            "bulk_enqueue_per_second": round(python["taskdeck_many"]),
            "bulk_http_per_second": round(http["taskdeck_bulk"]),
        },
        lines=table(loads, http, python),
        floors=FLOORS,
    )


def over_http(servers: Services, rounds: int) -> dict[str, list[Load]]:
    loads: dict[str, list[Load]] = {name: [] for name in HTTP}
    with contextlib.ExitStack() as stack:
        sites = {name: stack.enter_context(served(site, servers)) for name, site in SITES.items()}
        for way in HTTP.values():
            sites[way.site].slice(way.path, way.body, WARM_UP_SECONDS, way.tasks)
        before = {name: site.sessions() for name, site in sites.items()}
        for turn in range(rounds):
            for name, way in HTTP.items():
                found = sites[way.site].slice(way.path, way.body, SLICE_SECONDS, way.tasks)
                loads[name].append(found)
                print(
                    f"round {turn + 1}: {name:18} {found.rate:9,.0f} tasks/s {found.cpu_us:8,.0f} us CPU/task"
                    f" (site {found.site_cpu_us:,.0f})  client {found.client_share:.0%}"
                    f"  load {found.load:.1f}",
                    flush=True,
                )
                if found.client_share > MOST_CLIENT_SHARE:
                    raise SystemExit(f"{name}: the client used {found.client_share:.0%} of a processor")
        verify_sessions(sites, before)
    return loads


def verify_sessions(sites: dict[str, Served], before: dict[str, int]) -> None:
    """Thousands of requests were answered over the connections that were there."""
    for name, site in sites.items():
        new = site.sessions() - before[name]
        print(f"{name:18} {new} new database sessions during all rounds", flush=True)
        if new > MOST_NEW_SESSIONS:
            raise SystemExit(f"{name}: {new} connections to the database were opened under load")


def from_python(servers: Services, rounds: int) -> Rates:
    """Each in a process of its own, one thread; what Celery calls confirmed awaits each confirm in turn."""
    rates: Rates = {name: [] for name in PYTHON}
    with tempfile.TemporaryDirectory() as folder:
        taskdeck = environment(servers, TASKDECK, folder)
        celery = environment(servers, CELERY, folder)
        output("-m", "benchmarks.submit_token", env=taskdeck)  # migrates
        queued = dict.fromkeys(("task_queue.default", "celery"), 0)
        for turn in range(rounds):
            for name, (_, count) in PYTHON.items():
                side, how = name.split("_")
                is_ours = side == "taskdeck"
                module = "benchmarks.enqueue_rates" if is_ours else "benchmarks.peers.celery_app"
                env, queue = (taskdeck, "task_queue.default") if is_ours else (celery, "celery")
                rate = count / float(output("-m", module, how, str(count), env=env))
                queued[queue] += count + WARM_UP
                wait_for_messages(env, queue, queued[queue])
                rates[name].append(rate)
                print(f"round {turn + 1}: {name:18} {rate:9,.0f} tasks/s", flush=True)
        with psycopg.connect(taskdeck["DATABASE_URL"]) as connection:
            row = connection.execute("SELECT count(*) FROM taskdeck_task").fetchone()
        if row != (queued["task_queue.default"],):
            raise SystemExit(f"{row} rows of {queued} tasks")
    return rates


def environment(servers: Services, settings: str, folder: str) -> dict[str, str]:
    return (
        os.environ
        | servers.fresh()
        | {
            "DJANGO_SETTINGS_MODULE": settings,
            "TASKDECK_DATA_DIR": folder,
            "TASKDECK_MODULES": "benchmarks.noop_tasks",
            "CELERY_RESULTS": servers.redis.url,
            "LOG_LEVEL": "WARNING",
        }
    )


def table(loads: dict[str, list[Load]], http: dict[str, float], python: dict[str, float]) -> list[str]:
    lines = [
        f"| submit over HTTP, gunicorn with {PROCESSES} processes of {THREADS} threads, 8 connections kept"
        " | tasks/s | CPU µs/task, with servers | `POST /api/tasks/` / this |",
        "|---|---|---|---|",
    ]
    for name, found in loads.items():
        cpu = statistics.median(one.cpu_us for one in found)
        times = "" if name.startswith("taskdeck") else f"{http['taskdeck'] / http[name]:.1f}"
        lines.append(f"| {HTTP[name].label} | {http[name]:,.0f} | {cpu:,.0f} | {times} |")
    lines += ["", "| submit from Python, one thread | tasks/s | `enqueue()` / this |", "|---|---|---|"]
    for name, (label, _) in PYTHON.items():
        times = "" if name.startswith("taskdeck") else f"{python['taskdeck_one'] / python[name]:.1f}"
        lines.append(f"| {label} | {python[name]:,.0f} | {times} |")
    return lines
