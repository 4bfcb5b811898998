"""Workload (c): an idle system, one task at a time: from the call that submits it to its readable result."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.contestants import Contestant
from benchmarks.drain import surroundings
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running
from benchmarks.workload import Found

TASKS = 200
NAMES = ("taskdeck_message", "taskdeck_direct", "taskdeck_sqlite", "celery_redis", "celery_postgres")
CEILINGS = {
    "latency_direct_p50_vs_celery": 1.0,
    "latency_p50_vs_celery": 1.3,
    "latency_direct_p99_ms": 10.0,
    "latency_p99_ms": 10.0,
}
POINTS = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float


def run(servers: Services, rounds: int) -> Found:
    runs: dict[str, list[Latency]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        for name in NAMES:
            runs[name].append(latency(BY_NAME[name], servers))
            print(f"{name:24} {runs[name][-1]}", flush=True)
    medians = {
        name: {point: statistics.median(getattr(one, point) for one in found) for point in POINTS}
        for name, found in runs.items()
    }
    celery = medians["celery_redis"]["p50"]
    return Found(
        facts={name: [asdict(one) for one in found] for name, found in runs.items()},
        ratios={
            "latency_p50_vs_celery": round(medians["taskdeck_message"]["p50"] / celery, 2),
            "latency_direct_p50_vs_celery": round(medians["taskdeck_direct"]["p50"] / celery, 2),
            "latency_p99_ms": medians["taskdeck_message"]["p99"],
            "latency_direct_p99_ms": medians["taskdeck_direct"]["p99"],
        },
        lines=[
            "| idle, one task at a time: submit to result, ms | p50 | p95 | p99 |",
            "|---|---|---|---|",
            *(
                f"| {BY_NAME[name].label} | {' | '.join(f'{found[point]:.1f}' for point in POINTS)} |"
                for name, found in medians.items()
            ),
        ],
        ceilings=CEILINGS,
    )


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
