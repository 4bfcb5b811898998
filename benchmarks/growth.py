"""Workload (h): the same drain and the same lone task with few and many finished rows, and by 1, 2, 4 nodes.

Prints what the table and each of its indexes take for a million finished tasks.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.drain import Drained
from benchmarks.finished_rows import Site, site
from benchmarks.services import ROOT, Services, python
from benchmarks.workload import Found

ROWS = (10_000, 100_000, 1_000_000)
NODES = (1, 2, 4)
NOOPS = 12_000
LONE_TASKS = 100
FLOORS = {"throughput_at_million": 0.9}
CEILINGS = {"latency_at_million": 1.3}
SIZES = """
SELECT relname, pg_relation_size(c.oid)::bigint FROM pg_class c
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE c.oid = 'taskdeck_task'::regclass OR i.indrelid = 'taskdeck_task'::regclass ORDER BY 2 DESC
"""


def run(servers: Services, rounds: int) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        sites = {rows: grown(servers, Path(folder) / str(rows), rows) for rows in ROWS}
        sizes = {str(name): int(str(size)) for name, size in sites[ROWS[-1]].execute(SIZES)}
        drains: dict[int, list[Drained]] = {rows: [] for rows in ROWS}
        lone: dict[int, list[float]] = {rows: [] for rows in ROWS}
        by_nodes: dict[int, list[Drained]] = {number: [] for number in NODES}
        for turn in range(rounds):
            for rows, one in sites.items():
                drained, p50 = drain_and_ask(one)
                drains[rows].append(drained)
                lone[rows].append(p50)
                print(f"round {turn + 1}: {rows:9,} rows {drained.rate:8,.0f} tasks/s, lone {p50:.2f} ms,"
                      f" {drained.cpu_us:.0f} us CPU, load {drained.load:.1f}", flush=True)  # fmt: skip
            for number in NODES:
                by_nodes[number].append(drain_by(sites[ROWS[0]], number))
                last = by_nodes[number][-1]
                print(f"round {turn + 1}: {number} nodes {last.rate:8,.0f} tasks/s, load {last.load:.1f}")
    return found(drains, lone, by_nodes, sizes)


def grown(servers: Services, folder: Path, rows: int) -> Site:
    """Nothing is pruned: the rows are what is measured."""
    made = site(servers, folder, TASKDECK_KEEP_SUCCEEDED_DAYS="0", TASKDECK_KEEP_FAILED_DAYS="0")
    made.fill(rows, age_days=1)
    return made


def drain_and_ask(one: Site) -> tuple[Drained, float]:
    one.queue_noops(NOOPS)
    with one.nodes() as (pids, log):
        return one.drained(NOOPS, pids, log), lone_ms(one)


def lone_ms(one: Site) -> float:
    """The median from submit to result of tasks that find the running node idle."""
    asked = subprocess.run(
        python("-m", "benchmarks.latency_client", "latency", str(LONE_TASKS)),
        env=one.env,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return statistics.median(json.loads(asked.stdout.splitlines()[-1]))


def drain_by(one: Site, number: int) -> Drained:
    one.queue_noops(NOOPS)
    with one.nodes(number) as (pids, log):
        return one.drained(NOOPS, pids, log)


def found(
    drains: Mapping[int, list[Drained]],
    lone: Mapping[int, list[float]],
    by_nodes: Mapping[int, list[Drained]],
    sizes: Mapping[str, int],
) -> Found:
    rates = {rows: statistics.median(one.rate for one in runs) for rows, runs in drains.items()}
    cpu = {rows: statistics.median(one.cpu_us for one in runs) for rows, runs in drains.items()}
    p50 = {rows: statistics.median(runs) for rows, runs in lone.items()}
    few, _, many = ROWS
    return Found(
        facts={
            "drains": {rows: [asdict(one) for one in runs] for rows, runs in drains.items()},
            "lone_ms": dict(lone),
            "by_nodes": {number: [asdict(one) for one in runs] for number, runs in by_nodes.items()},
            "bytes_per_million_rows": dict(sizes),
        },
        ratios={
            "throughput_at_million": round(rates[many] / rates[few], 2),
            "latency_at_million": round(p50[many] / p50[few], 2),
            "cpu_at_million": round(cpu[many] / cpu[few], 2),
        },
        lines=[
            "| finished tasks in the table | tasks/s | CPU µs/task, with servers | lone task, p50 ms |",
            "|---|---|---|---|",
            *(f"| {rows:,} | {rates[rows]:,.0f} | {cpu[rows]:.0f} | {p50[rows]:.1f} |" for rows in ROWS),
            "",
            "| worker nodes, 2 executors each, on one machine | tasks/s | CPU µs/task, with servers |",
            "|---|---|---|",
            *(
                f"| {number} | {statistics.median(one.rate for one in runs):,.0f}"
                f" | {statistics.median(one.cpu_us for one in runs):.0f} |"
                for number, runs in by_nodes.items()
            ),
            "",
            "| of a million finished tasks (70 bytes of arguments) | MiB |",
            "|---|---|",
            *(f"| `{name}` | {size / 2**20:.1f} |" for name, size in sizes.items()),
        ],
        floors=FLOORS,
        ceilings=CEILINGS,
    )
