"""Workloads (c) and (h): submit to browser event, and a drain while 0, 1, 100, 400 and 1,000 sockets watch.

Each crowd gets a fresh web process (daphne). Its one subscription to Redis must not multiply with its
sockets, nor its connections to the database with what it is asked.
"""

from __future__ import annotations

import contextlib
import json
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.finished_rows import Site, site
from benchmarks.services import ROOT, Services, cpu_seconds, python, running
from benchmarks.startup import lists_tasks
from benchmarks.workload import Found
from tests.support.processes import free_port, wait_until

SOCKETS = (0, 1, 100, 400, 1_000)
ASGI = "taskqueue_site.asgi:application"
NOOPS = 20_000
LONE_TASKS = 50
READY_SECONDS = 90
POOL = 8
"""Connections to the database that taskqueue_site/asgi.py allows."""
BROWSER = ROOT / ".venv" / "bin" / "python"
"""Has Playwright."""
POINTS = (50, 95, 99)
CEILINGS = {
    "browser_event_p99_ms": 50.0,
    "watchers_told_seconds": 3.0,
    "web_redis_connections_by_sockets": 1.0,
    "web_subscriptions_by_sockets": 1.0,
    "web_database_connections": float(POOL),
    "web_database_sessions": float(POOL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One drain. ``web_share`` of a core while it lasts; ``rss_kib`` that each socket had added before it.

    ``web_seconds`` of processor time from its start until the web process had told every socket the rest of
    it, ``late_seconds`` after the last task.
    """

    rate: float
    cpu_us: float
    web_share: float
    web_seconds: float
    late_seconds: float
    rss_kib: float
    redis_connections: int
    subscriptions: int
    database_connections: int
    database_sessions: int
    """Opened by the web process since it started."""
    crowd: Mapping[str, object]
    load: float


@dataclass(frozen=True, slots=True)
class Web:
    """A running web process and the figures of what it holds open."""

    one: Site
    port: int
    pid: int
    sessions_before: int

    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def redis(self) -> tuple[int, int]:
        """Connections to Redis and subscriptions to the groups; while no worker runs all are the web's."""
        with self.one.servers.redis.client() as client:
            channels = client.pubsub_channels("asgi*")
            subscriptions = sum(number for _, number in client.pubsub_numsub(*channels)) if channels else 0
            return len(client.client_list()) - 1, subscriptions

    def database(self) -> tuple[int, int]:
        """Connections to the site's database now, and how many the web process has opened so far."""
        name = self.one.env["DATABASE_URL"].rpartition("/")[2].partition("?")[0]
        query = "SELECT numbackends, sessions FROM pg_stat_database WHERE datname = %s"
        with psycopg.connect(self.one.servers.postgresql.url) as connection:
            [(backends, sessions)] = connection.execute(query, [name]).fetchall()
        return int(backends), int(sessions) - self.sessions_before


def run(servers: Services, rounds: int) -> Found:
    watched: dict[int, list[Watched]] = {number: [] for number in SOCKETS}
    first: list[float] = []
    ended: list[float] = []
    if not BROWSER.exists():
        raise SystemExit(f"{BROWSER} is missing, which drives the page: make venv browser console")
    with tempfile.TemporaryDirectory() as folder:
        one = site(servers, Path(folder) / "site", TASKDECK_ANONYMOUS="operate")
        for turn in range(rounds):
            for number in SOCKETS:
                watched[number].append(watch(one, number))
                print(f"round {turn + 1}: {number:5} sockets {watched[number][-1]}", flush=True)
            with web(one) as site_web, one.nodes():
                url = f"http://127.0.0.1:{site_web.port}"
                command = [str(BROWSER), "-m", "benchmarks.page_latency", url, str(LONE_TASKS)]
                asked = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            times = json.loads(asked.stdout.splitlines()[-1])
            first += times[0]
            ended += times[1]
            print(f"round {turn + 1}: page hears p50 {statistics.median(times[0]):.1f} ms", flush=True)
    return found(watched, first, ended)


def watch(one: Site, number: int) -> Watched:
    """A drain of no-ops while ``number`` sockets are open, each with the list of tasks."""
    one.queue_noops(NOOPS)
    with web(one) as site_web, crowd(site_web, number) as (process, rss_kib):
        backends, sessions = site_web.database()  # each socket has asked: who may watch, and for the rows
        before = cpu_seconds([site_web.pid])
        with one.nodes() as (pids, log):
            drained = one.drained(NOOPS, pids, log)
            ended_at = time.monotonic()
            used = cpu_seconds([site_web.pid]) - before
        connections, subscriptions = site_web.redis()  # no worker runs, and the sockets are open
        said = told(process, number)
        whole = cpu_seconds([site_web.pid]) - before
    return Watched(
        rate=drained.rate,
        cpu_us=drained.cpu_us,
        web_share=round(used * drained.rate / NOOPS, 3),
        web_seconds=round(whole, 2),
        late_seconds=round(max(0.0, said.get("last_at", 0.0) - ended_at), 2),
        rss_kib=rss_kib,
        redis_connections=connections,
        subscriptions=subscriptions,
        database_connections=backends,
        database_sessions=sessions,
        crowd=said,
        load=drained.load,
    )


@contextlib.contextmanager
def web(one: Site) -> Iterator[Web]:
    """A fresh web process that has answered a request."""
    port = free_port()
    query = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    [(sessions,)] = one.execute(query)
    command = python("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), ASGI)
    with running([command], one.env, one.folder / "web.log") as [pid]:
        wait_until(lambda: lists_tasks(port), seconds=READY_SECONDS, what="the web process answers")
        yield Web(one, port, pid, int(str(sessions)))


@contextlib.contextmanager
def crowd(site_web: Web, number: int) -> Iterator[tuple[subprocess.Popen[str] | None, float]]:
    """So many open sockets, each with its snapshot, and the KiB that each has added."""
    if not number:
        yield None, 0.0
        return
    before = site_web.rss_kib()
    command = python("-m", "benchmarks.crowd", str(site_web.port), str(number))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise SystemExit(f"the crowd of {number} did not come together")
            yield process, round((site_web.rss_kib() - before) / number, 1)
        finally:
            process.kill()


def told(process: subprocess.Popen[str] | None, number: int) -> dict[str, Any]:
    """What the crowd has heard, once nothing more comes; SystemExit when one heard nothing or was closed."""
    if process is None or process.stdout is None:
        return {}
    process.send_signal(signal.SIGTERM)
    said: dict[str, Any] = json.loads(process.stdout.readline())
    if said["unheard"] or said["closed"]:
        raise SystemExit(f"of {number} sockets some were closed or heard nothing of the drain: {said}")
    return said


def found(watched: Mapping[int, list[Watched]], first: list[float], ended: list[float]) -> Found:
    def median(number: int, name: str) -> float:
        return statistics.median(getattr(one, name) for one in watched[number])

    many = [number for number in SOCKETS if number > 1]
    rows = []
    for number in SOCKETS:
        times = f"{median(number, 'rate') / median(0, 'rate'):.2f}"
        rss = f"{median(number, 'rss_kib'):.0f}" if number else ""
        share = f"{100 * median(number, 'web_share'):.0f} %"
        cost = f"{1000 * median(number, 'web_seconds') / number:.1f}" if number else ""
        late = f"{median(number, 'late_seconds'):.1f}" if number else ""
        cells = [f"{number:,}", f"{median(number, 'rate'):,.0f}", times, share, cost, late, rss]
        rows.append(f"| {' | '.join(cells)} |")
    every = [one for runs in watched.values() for one in runs]
    return Found(
        facts={
            "watched": {number: [asdict(one) for one in runs] for number, runs in watched.items()},
            "browser_event_ms": first,
            "browser_success_ms": ended,
        },
        ratios={
            **{
                f"drain_with_{number}_sockets": round(median(number, "rate") / median(0, "rate"), 2)
                for number in many
            },
            "watchers_told_seconds": max(median(number, "late_seconds") for number in many),
            "browser_event_p99_ms": round(percentile(first, 99), 1),
            "web_redis_connections_by_sockets": most(watched, "redis_connections"),
            "web_subscriptions_by_sockets": most(watched, "subscriptions"),
            "web_database_connections": max(one.database_connections for one in every),
            "web_database_sessions": max(one.database_sessions for one in every),
        },
        lines=[
            "| sockets that watch a drain | tasks/s | times that without | web, of a core "
            "| web CPU in all, ms a socket | last told after, s | KiB a socket |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"| idle, a page in Chromium: submit to, ms | {' | '.join(f'p{point}' for point in POINTS)} |",
            "|---|---|---|---|",
            *(
                f"| {label} | {' | '.join(f'{percentile(times, point):.1f}' for point in POINTS)} |"
                for label, times in (
                    ("the first event of the task", first),
                    ("the event of its success", ended),
                )
            ),
        ],
        ceilings=CEILINGS,
    )


def most(watched: Mapping[int, list[Watched]], name: str) -> float:
    """Of what the web process holds with many sockets, relative to one socket."""
    fewest = min(getattr(one, name) for one in watched[1])
    return round(
        max(getattr(one, name) for number in SOCKETS if number > 1 for one in watched[number]) / fewest, 2
    )


def percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
