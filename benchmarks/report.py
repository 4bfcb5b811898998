"""What a run leaves: the verdict on floors and ceilings, the results file, the pages' tables."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import kept, pages
from benchmarks.services import ROOT
from benchmarks.workload import Found

FALLEN = 0.85  # of the last kept ratio
PACKAGES = (
    *("django", "pika", "redis", "psycopg", "celery", "django-celery-results", "dramatiq", "huey"),
    *("django-tasks-db", "flask", "gunicorn"),
)


def commit_now() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Report:
    """One run; workloads that crashed are in ``errors`` and take nothing from the others."""

    command: str
    rounds: int
    found: dict[str, Found] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """Traceback by workload."""
    seconds: dict[str, float] = field(default_factory=dict)
    loads: list[float] = field(default_factory=lambda: [os.getloadavg()[0]])
    commit: str = field(default_factory=commit_now)
    """Of what runs; the tree may move on meanwhile."""

    def ended(self, name: str, seconds: float, ending: Found | str) -> None:
        """What a workload found, or the traceback of its crash."""
        self.seconds[name] = round(seconds, 1)
        self.loads.append(os.getloadavg()[0])
        if isinstance(ending, str):
            self.errors[name] = ending
        elif twice := self.ratios.keys() & ending.ratios.keys():
            self.errors[name] = f"these ratios are another workload's: {sorted(twice)}"
        else:
            self.found[name] = ending

    @property
    def ratios(self) -> dict[str, float]:
        return {name: ratio for one in self.found.values() for name, ratio in one.ratios.items()}

    @property
    def floors(self) -> dict[str, float]:
        return {name: floor for one in self.found.values() for name, floor in one.floors.items()}

    @property
    def ceilings(self) -> dict[str, float]:
        return {name: ceiling for one in self.found.values() for name, ceiling in one.ceilings.items()}

    def verdict(self) -> int:
        """Tell each ratio with its bound. Exit status 1 below a floor, above a ceiling, after a crash."""
        status = bool(self.errors)
        for name, ratio in self.ratios.items():
            found = kept.Kept(ratio, self.commit, self.floors.get(name), self.ceilings.get(name))
            print(f"{name:36} {ratio:10,.2f}{beside(found)}")
            status |= found.is_below or found.is_above
        for name in (self.floors | self.ceilings).keys() - self.ratios.keys():
            print(f"{name:36} was not measured  MISSING")
            status = True
        for name, error in self.errors.items():
            print(f"{name} crashed: {error.strip().splitlines()[-1]}")
        return int(status)

    def compare(self) -> int:
        """1 when a ratio fell by more than 15 % since the newest results kept of it, after a crash, or where
        nothing could be compared."""
        before_by_name = kept.last_kept()
        status = bool(self.errors)
        for name, ratio in self.ratios.items():
            if (before := before_by_name.get(name)) is None:
                print(f"{name:36} {'none kept':>10} -> {ratio:10,.2f}")
                continue
            is_cost = name in self.ceilings
            has_fallen = ratio > before.ratio / FALLEN if is_cost else ratio < FALLEN * before.ratio
            told = f"  of commit {before.commit}{'  FELL' if has_fallen else ''}"
            print(f"{name:36} {before.ratio:10,.2f} -> {ratio:10,.2f}{told}")
            status |= has_fallen
        for name, error in self.errors.items():
            print(f"{name} crashed: {error.strip().splitlines()[-1]}")
        print(f"load {os.getloadavg()[0]:.1f}")
        if not self.ratios.keys() & before_by_name.keys():
            print("there are no kept results to compare with")
            return 1
        return int(status)

    def keep(self) -> None:
        """Write the results file, and the generated parts of the pages."""
        now = datetime.now(UTC)
        kept.RESULTS.mkdir(exist_ok=True)
        path = kept.RESULTS / f"{now:%Y-%m-%d}-{self.commit}.json"
        facts = {
            "at": now.isoformat(),
            "commit": self.commit,
            "what": self.command,
            "rounds": self.rounds,
            "machine": machine(),
            "loads": [round(load, 1) for load in self.loads],
            "ratios": self.ratios,
            "floors": self.floors,
            "ceilings": self.ceilings,
            "errors": self.errors,
            "seconds": self.seconds,
            "tables": {name: list(one.lines) for name, one in self.found.items()},
            "workloads": {name: one.facts for name, one in self.found.items()},
        }
        path.write_text(json.dumps(facts, indent=1) + "\n")
        pages.write()
        print(f"wrote {path.relative_to(ROOT)} and the tables in {' and '.join(pages.NAMES)}")


def beside(found: kept.Kept) -> str:
    """The words behind a ratio: its bounds, and whether it missed one."""
    told = "" if found.floor is None else f"  floor {found.floor:,g}{'  BELOW' if found.is_below else ''}"
    above = "  ABOVE" if found.is_above else ""
    return told if found.ceiling is None else f"{told}  ceiling {found.ceiling:,g}{above}"


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
