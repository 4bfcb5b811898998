"""``python -m benchmarks.soak``: as many tasks as in eight hours, and does the memory of any process grow?

200,000 tasks are what a site of seven tasks a second runs in eight hours. Exit status 1 when a process grows,
when a task is missing or unended, or when the time is over.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.kept import RESULTS
from benchmarks.report import commit_now, machine
from benchmarks.services import ROOT, services
from tests.support.cluster import Cluster, Services
from tests.support.processes import wait_until
from tests.support.servers.postgresql import children_of

TASKS = 200_000
MOST_SECONDS = 1_200.0
BULK = 500
MOST_WAITING = 3_000
WARM_UP = 0.3
"""Of the tasks: buffers, pools and caches reach their size."""
MOST_BYTES_PER_TASK = 50.0
"""A growth of 10 MB over the whole run; one small object kept per task costs more."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PACKAGES = ("django", "pika", "redis", "psycopg", "channels", "daphne")
KINDS = {"soak_noop": 88, "soak_async": 4, "soak_tells": 4, "soak_fails": 3, "soak_orm": 1}
"""Per cent."""
MIX = [name for name, share in KINDS.items() for _ in range(share)]


@dataclass(frozen=True, slots=True)
class Sample:
    """``rss`` by role, in bytes; of executors the sum."""

    seconds: float
    ended: int
    rss: dict[str, int]


@dataclass
class Soak:
    cluster: Cluster
    tasks: int
    submitted: int = 0
    samples: list[Sample] = field(default_factory=list)

    def processes(self) -> dict[str, list[int]]:
        [worker] = self.cluster.workers()
        supervisor = int(worker["pid"])
        guard = int(Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()[1])
        executors = [pid for pid in children_of(guard) if pid != supervisor]
        return {
            "web": [self.cluster.process.pid],
            "guard": [guard],
            "supervisor": [supervisor],
            "executors": sorted(executors),
        }

    def submit(self) -> None:
        document = [
            {"function": MIX[number % len(MIX)], "arguments": {"number": number}}
            for number in range(self.submitted, self.submitted + BULK)
        ]
        status, _ = self.cluster.call("/api/tasks/bulk/", {"tasks": document})
        assert status == 202, f"{status}\n{self.cluster.log.read_text()[-3000:]}"
        self.submitted += BULK

    def left(self) -> int:
        """As a reader of the pages asks, which is part of the load."""
        self.cluster.call("/api/tasks/?limit=50")
        _, overview = self.cluster.call("/api/overview/")
        return int(overview["waiting"]) + int(overview["running"])

    def run(self) -> None:
        """Raises AssertionError when it takes too long or a process was replaced."""
        began = time.monotonic()
        before = self.processes()
        left = 0
        while self.submitted < self.tasks or left:
            assert time.monotonic() - began < MOST_SECONDS, f"{self.submitted} submitted, {left} left"
            if self.submitted < self.tasks and left < MOST_WAITING:
                self.submit()
                left += BULK
                continue
            left = self.left()
            rss = {role: sum(map(rss_bytes, pids)) for role, pids in before.items()}
            self.samples.append(Sample(time.monotonic() - began, self.submitted - left, rss))
            time.sleep(0.2)
        assert self.processes() == before

    def ends(self) -> dict[str, int]:
        """Tasks by state, from the rows."""
        with self.cluster.database.session() as session:
            rows = session.rows("SELECT state, count(*) FROM taskdeck_task GROUP BY state", {})
        return {state: int(count) for state, count in rows}


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def slope(samples: list[Sample], role: str) -> float:
    """Bytes per task, by least squares."""
    points = [(one.ended, one.rss[role]) for one in samples]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


@contextmanager
def watched(cluster: Cluster) -> Iterator[collections.Counter[str]]:
    """An open page: what came over its socket, counted by kind."""
    url = cluster.url.replace("http", "ws") + "/ws/"
    heard: collections.Counter[str] = collections.Counter()
    with connect(url, origin=cluster.url, proxy=None) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"type": "subscribe", "topic": "tasks"}))

        def read() -> None:
            try:
                while True:
                    frame = json.loads(socket.recv())
                    heard[frame["type"]] += 1
                    if "seq" in frame:
                        socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
            except ConnectionClosed:
                return

        threading.Thread(target=read, name="page", daemon=True).start()
        yield heard


def write(
    commit: str, soak: Soak, ends: dict[str, int], slopes: dict[str, float], frames: dict[str, int]
) -> Path:
    now = datetime.now(UTC)
    path = RESULTS / f"soak-{now:%Y-%m-%d}-{commit}.json"
    last = soak.samples[-1]
    facts: dict[str, Any] = {
        "at": now.isoformat(),
        "commit": commit,
        "what": "soak",
        "machine": machine(PACKAGES),
        "load": os.getloadavg(),
        "tasks": last.ended,
        "ends": ends,
        "seconds": round(last.seconds, 1),
        "tasks_per_second": round(last.ended / last.seconds, 1),
        "warm_up_share": WARM_UP,
        "rss_bytes_per_task": {role: round(value, 2) for role, value in slopes.items()},
        "most_rss_bytes_per_task": MOST_BYTES_PER_TASK,
        "frames": frames,
        "samples": [
            {"seconds": round(one.seconds, 1), "ended": one.ended, "rss": one.rss}
            for one in soak.samples[:: max(1, len(soak.samples) // 100)]
        ],
    }
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS)
    tasks = parser.parse_args().tasks
    commit = commit_now()  # of what runs now; the tree may move on meanwhile
    with services() as servers, tempfile.TemporaryDirectory(prefix="taskdeck-soak-") as directory:
        given = servers.fresh()
        cluster = Cluster(
            Path(directory),
            Services(given["DATABASE_URL"], given["REDIS_URL"], given["RABBITMQ_URL"]),
            TASKDECK_MODULES="benchmarks.soak_tasks",
            WORKER_CONCURRENCY="2",
        )
        try:
            wait_until(lambda: cluster.call("/readyz")[0] == 200, seconds=60, what="the site is ready")
            cluster.start_worker("soak")
            wait_until(cluster.workers, seconds=60, what="the worker is alive")
            soak = Soak(cluster, tasks)
            wait_until(lambda: len(soak.processes()["executors"]) >= 2, seconds=60, what="executors are up")
            soak.submit()  # each kind once: an executor for async functions comes with the first of them
            wait_until(lambda: not soak.left(), seconds=60, what="the first tasks have ended")
            with watched(cluster) as frames:
                soak.run()
            ends = soak.ends()
        finally:
            cluster.end()
    warm = [one for one in soak.samples if one.ended > WARM_UP * tasks]
    slopes = {role: slope(warm, role) for role in warm[0].rss}
    path = write(commit, soak, ends, slopes, dict(frames))
    print(f"wrote {path.relative_to(ROOT)}: {ends}, {soak.samples[-1].seconds:.0f} s")
    for role, value in slopes.items():
        print(f"{role:12} {warm[-1].rss[role] / 2**20:8.1f} MiB {value:8.1f} bytes a task")
    failed = soak.submitted * KINDS["soak_fails"] // 100
    is_whole = ends == {"succeeded": soak.submitted - failed, "failed": failed}
    return int(not is_whole or max(slopes.values()) > MOST_BYTES_PER_TASK)


if __name__ == "__main__":
    sys.exit(main())
