"""Whether the deleting of old tasks keeps up with a full inflow, and what it costs those who work.

A node drains no-ops while its own pruner deletes old rows of the same table, beside a site without old rows.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.drain import Drained
from benchmarks.finished_rows import Site, site
from benchmarks.growth import lone_ms
from benchmarks.services import Services
from benchmarks.workload import Found

OLD_ROWS = 250_000
NOOPS = 12_000
OLD = "SELECT count(*) FROM taskdeck_task WHERE function = 'tasks_app.examples.tasks.fibonacci'"
FLOORS = {"prune_vs_inflow": 1.0}
CEILINGS = {"latency_while_pruning": 2.5}


def run(servers: Services, rounds: int) -> Found:
    drains: dict[str, list[Drained]] = {"alone": [], "while pruning": []}
    lone: dict[str, list[float]] = {"alone": [], "while pruning": []}
    prunes: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        still = site(servers, Path(folder) / "still")
        pruned = site(servers, Path(folder) / "pruned")
        for turn in range(rounds):
            drained, p50, _ = round_of(still)
            drains["alone"].append(drained)
            lone["alone"].append(p50)
            pruned.fill(OLD_ROWS - old_rows(pruned), age_days=8 + turn)
            drained, p50, deleted = round_of(pruned)
            drains["while pruning"].append(drained)
            lone["while pruning"].append(p50)
            prunes.append(deleted)
            print(f"round {turn + 1}: {deleted:,.0f} deleted/s, {drained.rate:,.0f} drained/s beside,"
                  f" {drains['alone'][-1].rate:,.0f} alone, lone {p50:.2f} and {lone['alone'][-1]:.2f} ms,"
                  f" load {drained.load:.1f}", flush=True)  # fmt: skip
    rates = {name: statistics.median(one.rate for one in runs) for name, runs in drains.items()}
    p50s = {name: statistics.median(runs) for name, runs in lone.items()}
    rate = statistics.median(prunes)
    return Found(
        facts={
            "drains": {name: [asdict(one) for one in runs] for name, runs in drains.items()},
            "lone_ms": lone,
            "deleted_per_second": prunes,
        },
        ratios={
            "prune_vs_inflow": round(rate / rates["while pruning"], 2),
            "throughput_while_pruning": round(rates["while pruning"] / rates["alone"], 2),
            "latency_while_pruning": round(p50s["while pruning"] / p50s["alone"], 2),
        },
        lines=[
            f"While a node drains {rates['while pruning']:,.0f} no-ops a second"
            f" ({rates['alone']:,.0f} without old rows), its pruner deletes {rate:,.0f} old tasks a second"
            f" from the same table; a lone task takes {p50s['while pruning']:.1f} ms while it deletes and"
            f" {p50s['alone']:.1f} ms else.",
        ],
        floors=FLOORS,
        ceilings=CEILINGS,
    )


def old_rows(one: Site) -> int:
    return int(str(one.execute(OLD)[0][0]))


def round_of(one: Site) -> tuple[Drained, float, float]:
    """The drain, the median of lone tasks after it, and old rows deleted a second over both."""
    one.queue_noops(NOOPS)
    with one.nodes() as (pids, log):
        before, started = old_rows(one), time.monotonic()
        drained = one.drained(NOOPS, pids, log)
        p50 = lone_ms(one)
        left, seconds = old_rows(one), time.monotonic() - started
    if before and not left:
        raise SystemExit("the old rows were gone before the end: nothing was measured")
    return drained, p50, (before - left) / seconds
