"""``python -m benchmarks.flood``: the Tasks page in Chromium while no-ops pass by the thousand.

Everything that docker-compose.yml starts runs as it says there (nginx before gunicorn and daphne, one worker
node with one executor), on a private PostgreSQL with fsync and a private RabbitMQ. ``flood_feeder`` submits
as fast as the worker ends tasks. After WARM_UP_SECONDS a window of ``--seconds`` is measured; then the
feeder stops, and the page must show what SQL counts. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.flood_feeder import FLUSH_SECONDS
from benchmarks.flood_page import WatchedPage, watched_page
from benchmarks.kept import RESULTS
from benchmarks.report import commit_now, machine
from benchmarks.services import ROOT, DurablePostgreSQL, cpu_seconds, python
from benchmarks.soak import PACKAGES, rss_bytes
from tests.support.deployment import Deployment, deployed, fetch
from tests.support.processes import wait_until
from tests.support.servers import Home, RabbitMQ
from tests.support.servers.postgresql import children_of

SECONDS = 60.0
WARM_UP_SECONDS = 15.0
ACT_SECONDS = 0.5
LEAST_RATE = 5_000.0
MOST_PAGE_SHARE = 0.5
"""Of one core, by the page's process."""
MOST_PAGE_MIB = 150.0
"""Held to the footprint of the page's process: the heaps, garbage included, the document, its styles and
layout. The PSS is reported beside it: it adds a share of Chromium's code, 58 MiB before any page is loaded
in the only tab, less with each further one."""
MOST_DELAY_MS = 100.0
DELAY_SHARE = 98
"""Per cent of the inputs that keep it; the Interaction to Next Paint of browsers leaves out as many."""
MOST_WEB_GROWTH_MIB = 4.0
"""Of any web process between a quarter of the window and its end: ten bytes a task or so."""
FRESH_SECONDS = 5.0
"""So soon after the last task the page shows the rows and counts of the database."""


@dataclass(frozen=True, slots=True)
class Moment:
    seconds: float
    page_mib: float
    page_pss_mib: float
    heap_mib: float
    web_rss: dict[str, int]
    waiting: str
    connection: str


@dataclass(slots=True)
class Window:
    seconds: float = 0.0
    noops: int = 0
    page_seconds: float = 0.0
    browser_seconds: float = 0.0
    waited_seconds: float = 0.0
    web_seconds: dict[str, float] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    browsers_delays_ms: list[float] = field(default_factory=list)
    kept_mib: float = 0.0
    asked: dict[str, int] = field(default_factory=dict)


class Site:
    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.url = deployment.url("nginx")
        self.database = deployment.environment("web")["DATABASE_URL"]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query).fetchall()

    def by_state(self) -> dict[str, int]:
        return dict(self.rows("SELECT state, count(*) FROM taskdeck_task GROUP BY state"))

    def noops(self) -> int:
        [(count,)] = self.rows(
            "SELECT count(*) FROM taskdeck_task WHERE state = 'succeeded' AND function LIKE '%.noop'"
        )
        return int(count)

    def get(self, path: str) -> Any:
        status, _, body = fetch(self.url + path)
        assert status == 200, (path, status, body[:300])
        return json.loads(body)

    def web_processes(self) -> dict[str, int]:
        gunicorn, daphne = (self.deployment.processes[name].pid for name in ("web", "live"))
        workers = {f"gunicorn {number}": pid for number, pid in enumerate(children_of(gunicorn), 1)}
        return {**workers, "daphne": daphne}

    @contextmanager
    def fed(self) -> Iterator[None]:
        env = {**self.deployment.environment("web"), "PYTHONPATH": str(ROOT)}
        env["DJANGO_SETTINGS_MODULE"] = "taskqueue_site.settings"
        with self.deployment.log("feeder").open("ab") as log:
            command = python("-m", "benchmarks.flood_feeder")
            feeder = subprocess.Popen(command, env=env, cwd=self.deployment.app, stdout=log, stderr=log)
        try:
            yield
            assert feeder.poll() is None, self.deployment.log("feeder").read_text()[-3000:]
        finally:
            feeder.terminate()
            feeder.wait(2 * FLUSH_SECONDS)


def at_rate(seconds: float, until: float, act: Callable[[], None]) -> None:
    """Every ``seconds``, to the end of the window; a slow act is followed by the next one at once."""
    due = time.monotonic()
    while (now := time.monotonic()) < until:
        if now < due:
            time.sleep(min(due, until) - now)
            continue
        act()
        due += seconds


def measure(site: Site, watched: WatchedPage, seconds: float) -> Window:
    window, web = Window(), site.web_processes()
    asked, acts = watched.asked.copy(), watched.inputs
    browsers_acts = len(watched.delays_ms()[1])
    noops, processor = site.noops(), watched.processor_seconds()
    web_before = {name: cpu_seconds([pid]) for name, pid in web.items()}
    began = time.monotonic()

    def look() -> None:
        watched.act()
        passed = time.monotonic() - began
        if passed >= len(window.moments):
            rss = {name: rss_bytes(pid) for name, pid in web.items()}
            waiting = watched.counts()["queued"]
            memory = watched.footprint_mib(), watched.pss_mib(), watched.heap_mib()
            window.moments.append(Moment(passed, *memory, rss, waiting, watched.connection()))

    at_rate(ACT_SECONDS, began + seconds, look)
    after = watched.processor_seconds()
    window.seconds = time.monotonic() - began
    window.noops = site.noops() - noops
    window.page_seconds = after.page - processor.page
    window.browser_seconds = after.browser - processor.browser
    window.waited_seconds = after.waited - processor.waited
    window.web_seconds = {name: cpu_seconds([pid]) - web_before[name] for name, pid in web.items()}
    wait_until(
        lambda: len(watched.delays_ms()[0]) == watched.inputs,
        seconds=FRESH_SECONDS,
        what="every input has reached the page",
    )
    delays, browsers_delays = watched.delays_ms()
    window.delays_ms, window.browsers_delays_ms = delays[acts:], browsers_delays[browsers_acts:]
    window.asked = dict(watched.asked - asked)
    window.kept_mib = watched.kept_mib()
    assert site.web_processes() == web, "a web process was replaced"
    return window


def drain(site: Site) -> None:
    waiting = "SELECT count(*) FROM taskdeck_task WHERE state IN ('queued', 'running')"
    wait_until(lambda: site.rows(waiting) == [(0,)], seconds=120, what="the last tasks have ended")


def differences(site: Site, watched: WatchedPage) -> list[str]:
    """Where the page does not show what the database holds."""
    exact = site.by_state()
    cap = site.get("/api/tasks/counts/")["cap"]
    shown, found = watched.counts(), []
    for state, text in shown.items():
        expected = f"{cap:,}+" if exact.get(state, 0) >= cap else f"{exact.get(state, 0):,}"
        if text != expected:
            found.append(f"{state}: the chip says {text}, SQL {expected}")
    rows = watched.rows()
    stored = site.rows(f"SELECT id::text, state FROM taskdeck_task ORDER BY id DESC LIMIT {len(rows)}")
    if [list(row) for row in stored] != rows:
        found.append("the rows shown are not the newest ones as they are stored")
    overview = site.get("/api/overview/")
    facts = {"waiting": "queued", "running": "running", "failed_last_hour": "failed"}
    for name, state in facts.items():
        limit = overview["failed_cap" if state == "failed" else "cap"]
        if overview[name] != min(exact.get(state, 0), limit):
            found.append(f"overview: {name} is {overview[name]}, SQL says {exact.get(state, 0)}")
    [total] = site.get("/api/trends/totals/?by=queue&range=1h")["results"]
    for state in ("succeeded", "failed"):
        if total[state] != exact[state]:
            found.append(f"trends: {state} is {total[state]}, SQL says {exact[state]}")
    return found


def settled(site: Site, watched: WatchedPage) -> tuple[float, list[str]]:
    """Seconds until the page shows the truth, FRESH_SECONDS at most, and what it then shows wrongly."""
    began = time.monotonic()
    while (found := differences(site, watched)) and time.monotonic() - began < FRESH_SECONDS:
        time.sleep(0.1)
    return time.monotonic() - began, found


def web_growth_mib(window: Window) -> dict[str, float]:
    quarter = next(one for one in window.moments if one.seconds >= window.seconds / 4)
    last = window.moments[-1]
    return {name: (last.web_rss[name] - rss) / 2**20 for name, rss in quarter.web_rss.items()}


def percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def facts_of(window: Window, fresh_seconds: float) -> dict[str, float]:
    delays = window.delays_ms
    return {
        "tasks_per_second": window.noops / window.seconds,
        "page_share_of_a_core": window.page_seconds / window.seconds,
        "browser_share_of_a_core": window.browser_seconds / window.seconds,
        "page_waited_for_a_core": window.waited_seconds / window.seconds,
        "page_mib": max(one.page_mib for one in window.moments),
        "page_mib_first": window.moments[0].page_mib,
        "page_pss_mib": max(one.page_pss_mib for one in window.moments),
        "page_mib_without_garbage": window.kept_mib,
        "heap_mib": max(one.heap_mib for one in window.moments),
        "inputs": len(delays),
        "delay_ms_p50": percentile(delays, 50),
        "delay_ms_p95": percentile(delays, 95),
        "delay_ms_held": percentile(delays, DELAY_SHARE),
        "delay_ms_most": max(delays),
        "delay_ms_most_by_the_browser": max(window.browsers_delays_ms, default=0),
        "web_growth_mib": max(web_growth_mib(window).values()),
        "fresh_seconds": fresh_seconds,
    }


def missed(facts: dict[str, float]) -> list[str]:
    limits = {
        "page_share_of_a_core": MOST_PAGE_SHARE,
        "page_mib": MOST_PAGE_MIB,
        "delay_ms_held": MOST_DELAY_MS,
        "web_growth_mib": MOST_WEB_GROWTH_MIB,
    }
    found = [f"{name} above {limit:g}" for name, limit in limits.items() if facts[name] >= limit]
    if facts["tasks_per_second"] < LEAST_RATE:
        found.append(f"tasks_per_second below {LEAST_RATE:g}")
    return found


def write(commit: str, window: Window, document: dict[str, Any]) -> Path:
    now = datetime.now(UTC)
    path = RESULTS / f"flood-{now:%Y-%m-%d}-{commit}.json"
    head = {"at": now.isoformat(), "commit": commit, "what": "flood", "machine": machine(PACKAGES)}
    path.write_text(json.dumps({**head, **document, "window": asdict(window)}, indent=1) + "\n")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--picture", type=Path, help="of the page, in the middle of the window")
    given = parser.parse_args()
    commit, home = commit_now(), Home()
    try:
        postgresql, rabbitmq = DurablePostgreSQL(home), RabbitMQ(home)
        postgresql.start()
        rabbitmq.start()
        functions = (ROOT / "benchmarks" / "flood_tasks.py").read_text()
        with deployed(home, postgresql, rabbitmq, functions=functions) as deployment:
            site = Site(deployment)
            with watched_page(site.url) as watched:
                with site.fed():
                    at_rate(ACT_SECONDS, time.monotonic() + WARM_UP_SECONDS, watched.act)
                    window = measure(site, watched, given.seconds)
                    load = os.getloadavg()
                    if given.picture:
                        watched.page.screenshot(path=given.picture)
                drain(site)
                fresh_seconds, wrong = settled(site, watched)
                ends, errors = site.by_state(), watched.errors
    finally:
        home.end()
    facts = {name: round(value, 3) for name, value in facts_of(window, fresh_seconds).items()}
    wrong += [*missed(facts), *(f"console: {error}" for error in errors)]
    path = write(commit, window, {"load": load, "facts": facts, "ends": ends, "missed": wrong})
    print(f"wrote {path.relative_to(ROOT)}; load {load[0]:.1f}; {ends}")
    for name, value in facts.items():
        print(f"{name:30} {value:12,.2f}")
    for text in wrong:
        print("MISSED", text)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
