"""Ratios, floors, the results file and the table in the documentation."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.drain import Drained
from benchmarks.idle import Idle
from benchmarks.latency import Latency
from benchmarks.planner_trap import CEILING
from benchmarks.services import ROOT

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
BEGIN, END = "<!-- benchmark table -->", "<!-- end of the benchmark table -->"
FALLEN = 0.85  # of the last kept ratio
PACKAGES = (
    *("django", "pika", "redis", "psycopg", "celery", "django-celery-results", "dramatiq", "huey"),
    *("django-tasks-db", "flask", "gunicorn"),
)
OURS = {"taskdeck_message", "taskdeck_direct", "taskdeck_sqlite"}
PEER_OF = {  # ratio: our contestant, the peer
    "drain_vs_celery_redis": ("taskdeck_message", "celery_redis"),
    "drain_vs_celery_postgres": ("taskdeck_message", "celery_postgres"),
    "drain_vs_dramatiq": ("taskdeck_message", "dramatiq"),
    "drain_vs_huey": ("taskdeck_message", "huey"),
    "drain_vs_bare_pika": ("taskdeck_message", "bare_pika"),
    "drain_vs_django_tasks_db": ("taskdeck_message", "django_tasks_db"),
    "drain_share_of_raw_pika": ("taskdeck_message", "raw_pika"),
    "drain_direct_vs_celery_redis": ("taskdeck_direct", "celery_redis"),
    "drain_direct_vs_bare_pika": ("taskdeck_direct", "bare_pika"),
    "drain_sqlite_vs_django_tasks_db": ("taskdeck_sqlite", "django_tasks_db_sqlite"),
}
FLOORS = {
    "drain_vs_celery_redis": 10.0,
    "drain_vs_celery_postgres": 20.0,
    "drain_vs_dramatiq": 3.0,
    "drain_vs_huey": 3.0,
    "drain_vs_bare_pika": 3.0,
    "drain_vs_django_tasks_db": 20.0,
    "drain_share_of_raw_pika": 0.4,
    "drain_sqlite_vs_django_tasks_db": 5.0,
}
CEILINGS = {
    "latency_direct_p50_vs_celery": 1.0,
    "latency_p50_vs_celery": 1.3,
    "idle_memory_vs_celery": 1.0,
    "planner_trap_claim": CEILING,
    "planner_trap_finish": CEILING,
}
Drains = dict[str, list[Drained]]
Latencies = dict[str, list[Latency]]
Idles = dict[str, list[Idle]]


@dataclass(frozen=True, slots=True)
class Others:
    latencies: Latencies
    idles: Idles
    help_seconds: float
    trap: dict[str, float]


def ratios(drains: Drains, others: Others | None) -> dict[str, float]:
    """Of medians within this run."""
    rates = {name: statistics.median(one.rate for one in runs) for name, runs in drains.items()}
    found = {
        name: round(rates[ours] / rates[peer], 2)
        for name, (ours, peer) in PEER_OF.items()
        if ours in rates and peer in rates
    }
    if others:
        p50 = {name: statistics.median(one.p50 for one in runs) for name, runs in others.latencies.items()}
        pss = {name: statistics.median(one.pss_mib for one in runs) for name, runs in others.idles.items()}
        found |= {
            "latency_p50_vs_celery": round(p50["taskdeck_message"] / p50["celery_redis"], 2),
            "latency_direct_p50_vs_celery": round(p50["taskdeck_direct"] / p50["celery_redis"], 2),
            "idle_memory_vs_celery": round(pss["taskdeck_message"] / pss["celery_redis"], 2),
        }
        found |= {f"planner_trap_{name}": growth for name, growth in others.trap.items()}
    return found


def below_floors(found: dict[str, float]) -> int:
    """The exit status: 1 when a ratio is below its floor or above its ceiling; each is told."""
    status = 0
    for name, ratio in found.items():
        floor, ceiling = FLOORS.get(name), CEILINGS.get(name)
        verdict = "" if floor is None else f"  floor {floor:g}{'' if ratio >= floor else '  BELOW'}"
        verdict += "" if ceiling is None else f"  ceiling {ceiling:g}{'' if ratio <= ceiling else '  ABOVE'}"
        print(f"{name:34} {ratio:8.2f}{verdict}")
        status |= verdict.endswith(("BELOW", "ABOVE"))
    return int(status)


def compare(found: dict[str, float]) -> int:
    """1 when a ratio fell by more than 15 % since the last kept results."""
    kept = sorted(RESULTS.glob("2*.json"))  # not those of a soak
    if not kept:
        print("there are no kept results to compare with")
        return 1
    before = json.loads(kept[-1].read_text())["ratios"]
    status = 0
    for name, ratio in found.items():
        if name not in before:
            continue
        has_fallen = ratio > before[name] / FALLEN if name in CEILINGS else ratio < FALLEN * before[name]
        print(f"{name:34} {before[name]:8.2f} -> {ratio:8.2f}{'  FELL' if has_fallen else ''}")
        status |= has_fallen
    print(f"compared with {kept[-1].name}; load {os.getloadavg()[0]:.1f}")
    return int(status)


def machine(packages: Iterable[str] = PACKAGES) -> dict[str, Any]:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    return {
        "cores": os.cpu_count(),
        "cpu": cpu.partition(":")[2].strip(),
        "memory": memory.partition(":")[2].strip(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "servers": {name: debian_version(name) for name in ("rabbitmq-server", "redis-server", "postgresql")},
        "packages": {name: version(name) for name in packages},
    }


def debian_version(package: str) -> str:
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout


def write(what: str, drains: Drains, others: Others | None, found: dict[str, float]) -> None:
    """The results file, and the table for readers."""
    now = datetime.now(UTC)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%d}-{commit}.json"
    facts = {
        "at": now.isoformat(),
        "commit": commit,
        "what": what,
        "machine": machine(),
        "ratios": found,
        "drain": {name: [asdict(one) for one in runs] for name, runs in drains.items()},
    }
    if others:
        facts |= asdict(others)
    path.write_text(json.dumps(facts, indent=1) + "\n")
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(what, drains, others, path.name)}\n{END}{after}")
    print(f"wrote {path.relative_to(ROOT)} and the table in {PAGE.relative_to(ROOT)}")


def table(what: str, drains: Drains, others: Others | None, file_name: str) -> str:
    labels = {one.name: one.label for one in CONTESTANTS}
    best = {name: statistics.median(one.rate for one in runs) for name, runs in drains.items()}
    loads = [one.load for runs in drains.values() for one in runs]
    command = "make bench" if what == "all" else f"make bench-{what}"
    lines = [
        f"`{command}`, medians of {len(next(iter(drains.values())))} alternating rounds,"
        f" load {min(loads):.1f} to {max(loads):.1f}, raw results in `benchmarks/results/{file_name}`:",
        "",
        "| drain of no-ops, 2 worker processes | tasks/s | CPU µs/task, with servers | by message / this |",
        "|---|---|---|---|",
    ]
    for name, runs in drains.items():
        cpu = statistics.median(one.cpu_us for one in runs)
        times = (
            ""
            if name in OURS or "taskdeck_message" not in best
            else f"{best['taskdeck_message'] / best[name]:.1f}"
        )
        lines.append(f"| {labels[name]} | {best[name]:,.0f} | {cpu:,.0f} | {times} |")
    if others:
        lines += ["", *other_lines(others, labels)]
    return "\n".join(lines)


def other_lines(others: Others, labels: dict[str, str]) -> list[str]:
    lines = ["| idle, one task at a time: submit to result, ms | p50 | p95 | p99 |", "|---|---|---|---|"]
    for name, runs in others.latencies.items():
        points = [statistics.median(getattr(one, point) for one in runs) for point in ("p50", "p95", "p99")]
        lines.append(f"| {labels[name]} | {points[0]:.1f} | {points[1]:.1f} | {points[2]:.1f} |")
    lines += [
        "",
        "| idle node, 2 worker processes | MiB (PSS) | command to first result, s |",
        "|---|---|---|",
    ]
    for name, idles in others.idles.items():
        memory = statistics.median(one.pss_mib for one in idles)
        ready = statistics.median(one.ready_seconds for one in idles)
        lines.append(f"| {labels[name]} | {memory:.0f} | {ready:.1f} |")
    lines += [
        "",
        f"`manage.py runworker --help` takes {others.help_seconds} s. After 300,000 tasks through a table"
        f" that was created empty a claim costs PostgreSQL {others.trap['claim']} times and a finish"
        f" {others.trap['finish']} times the processor time of the start.",
    ]
    return lines
