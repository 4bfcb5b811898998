"""Workload (c): an idle system, one task at a time: from the call that submits it to its readable result."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import Contestant
from benchmarks.drain import surroundings
from benchmarks.services import ROOT, Services, python, running

TASKS = 200
NAMES = ("taskdeck_message", "taskdeck_direct", "taskdeck_sqlite", "celery_redis", "celery_postgres")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float


def latency(one: Contestant, servers: Services) -> Latency:
    """Through the contestant's own Python interface; the client has a process of its own."""
    client = "benchmarks.peers.celery_app" if one.name.startswith("celery") else "benchmarks.latency_client"
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(one, servers, Path(name)) as (env, _),
    ):
        subprocess.run(python(*one.enqueue, "1"), env=env, cwd=ROOT, check=True)
        with running([python(*worker) for worker in one.workers], env, Path(name) / "workers.log"):
            deadline = time.monotonic() + 60
            while one.stored(env) < 1:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{one.name}: the workers do not run")
                time.sleep(0.05)
            time.sleep(2)  # the first task ran while the node was still coming up; let it become idle
            said = subprocess.run(
                python("-m", client, "latency", str(TASKS)),
                env=env,
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
                timeout=240,
            ).stdout
    times = sorted(json.loads(said.splitlines()[-1]))
    points = statistics.quantiles(times, n=100)
    return Latency(round(points[49], 2), round(points[94], 2), round(points[98], 2))
