"""Start-up: how soon a node has run the task that waited for it, the web answers, and usage is printed."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from benchmarks.drain import surroundings
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running
from benchmarks.workload import Found
from tests.support.processes import free_port

LIMIT_SECONDS = 30
LOOK_EVERY_SECONDS = 0.005
HELP_TIMES = 5
CEILINGS = {"runworker_ready_seconds": 1.5, "runworker_help_seconds": 0.5, "web_ready_seconds": 2.0}
NODES = {"runworker_ready_seconds": "taskdeck_message", "runworker_direct_ready_seconds": "taskdeck_direct"}
LABELS = {
    "runworker_ready_seconds": "`manage.py runworker`, to the result of a task that waits, by message",
    "runworker_direct_ready_seconds": "the same, by direct claim",
    "web_ready_seconds": "`daphne taskqueue_site.asgi:application` to its first list of tasks",
    "gunicorn_ready_seconds": "`gunicorn taskqueue_site.wsgi`, 2 processes, to its first list of tasks",
    "runworker_help_seconds": "`manage.py runworker --help`",
    "celery_ready_seconds": "Celery in Django, 2 worker processes, to the result of a task that waits",
}
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def run(servers: Services, rounds: int) -> Found:
    found: dict[str, list[float]] = {name: [] for name in LABELS}
    for turn in range(rounds):
        for name in found:
            found[name].append(round(MEASURES[name](servers), 3))
            print(
                f"round {turn + 1}: {name:32} {found[name][-1]:6.2f} s, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    medians = {name: round(statistics.median(times), 2) for name, times in found.items()}
    return Found(
        facts=found,
        ratios=medians,
        lines=[
            "| from the command, Python's files cached | s |",
            "|---|---|",
            *(f"| {label} | {medians[name]:.2f} |" for name, label in LABELS.items()),
        ],
        ceilings=CEILINGS,
    )


def node_seconds(contestant: str) -> Callable[[Services], float]:
    """To the first result of a worker that finds one task waiting."""
    one = BY_NAME[contestant]

    def measure(servers: Services) -> float:
        with (
            tempfile.TemporaryDirectory() as name,
            surroundings(one, servers, Path(name)) as (env, _),
        ):
            subprocess.run(python(*one.enqueue, "1"), env=env, cwd=ROOT, check=True)
            log = Path(name) / "workers.log"
            started = time.perf_counter()
            with running([python(*worker) for worker in one.workers], env, log):
                return seconds_until(lambda: one.stored(env) == 1, started, log)

    return measure


def web_seconds(*command: str) -> Callable[[Services], float]:
    """To the answer of a request that reads the database."""

    def measure(servers: Services) -> float:
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            env = os.environ | servers.fresh() | {"TASKDECK_DATA_DIR": folder, "TASKDECK_ANONYMOUS": "view"}
            env |= {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings", "LOG_LEVEL": "WARNING"}
            subprocess.run(python("manage.py", "migrate", "-v", "0"), env=env, cwd=ROOT, check=True)
            log = Path(folder) / "web.log"
            started = time.perf_counter()
            with running([python(*(part.format(port=port) for part in command))], env, log):
                return seconds_until(lambda: lists_tasks(port), started, log)

    return measure


def lists_tasks(port: int) -> bool:
    with (
        contextlib.suppress(urllib.error.URLError, ConnectionError),
        opener.open(f"http://127.0.0.1:{port}/api/tasks/", timeout=LIMIT_SECONDS) as response,
    ):
        return bool(response.status == 200)
    return False


def help_seconds(_servers: Services) -> float:
    """The median of several: one is short."""
    times = []
    for _ in range(HELP_TIMES):
        started = time.perf_counter()
        command = python("manage.py", "runworker", "--help")
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def seconds_until(condition: Callable[[], bool], started: float, log: Path) -> float:
    while not condition():
        if time.perf_counter() - started > LIMIT_SECONDS:
            raise SystemExit(f"not ready in {LIMIT_SECONDS} s:\n{log.read_text()[-2000:]}")
        time.sleep(LOOK_EVERY_SECONDS)
    return time.perf_counter() - started


GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--no-control-socket", "--workers", "2")
MEASURES: dict[str, Callable[[Services], float]] = {
    **{ratio: node_seconds(name) for ratio, name in NODES.items()},
    "web_ready_seconds": web_seconds(
        *("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}", "taskqueue_site.asgi:application")
    ),
    "gunicorn_ready_seconds": web_seconds(*GUNICORN, "taskqueue_site.wsgi:application"),
    "celery_ready_seconds": node_seconds("celery_redis"),
    "runworker_help_seconds": help_seconds,
}
