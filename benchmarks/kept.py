"""The results files of runs: what each ratio was when it was last kept, and the tables made of them.

A run may keep some workloads only; of each, the newest results count. Those of a soak or a flood have
other names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.services import ROOT

RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True, slots=True)
class Kept:
    """One ratio with the bounds that its run was held to."""

    ratio: float
    commit: str
    floor: float | None = None
    ceiling: float | None = None
    cpu: str = ""

    @property
    def is_below(self) -> bool:
        return self.floor is not None and self.ratio < self.floor

    @property
    def is_above(self) -> bool:
        return self.ceiling is not None and self.ratio > self.ceiling


def files() -> list[tuple[str, Mapping[str, Any]]]:
    """Name and content, the newest last."""
    found = [(path.name, json.loads(path.read_text())) for path in RESULTS.glob("2*.json")]
    return sorted(found, key=lambda one: str(one[1]["at"]))


def last_kept() -> dict[str, Kept]:
    """Each ratio, from the newest results that have it."""
    found: dict[str, Kept] = {}
    for _, results in files():
        floors, ceilings = results.get("floors", {}), results.get("ceilings", {})
        found |= {
            name: Kept(
                ratio, results["commit"], floors.get(name), ceilings.get(name), results["machine"]["cpu"]
            )
            for name, ratio in results["ratios"].items()
        }
    return found


def tables(workloads: Sequence[str]) -> str:
    """Markdown in the order of ``workloads``; those of one file stand together, below what made it."""
    newest: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for name, results in files():
        newest |= dict.fromkeys(results.get("tables", {}), (name, results))
    parts: list[str] = []
    written: set[str] = set()
    for workload in workloads:
        name, results = newest.get(workload, ("", {}))
        if not name or name in written:
            continue
        written.add(name)
        loads = results["loads"]
        parts.append(
            f"`{results['what']}`, medians of {results['rounds']} alternating rounds,"
            f" load {min(loads):.1f} to {max(loads):.1f}, raw results in `benchmarks/results/{name}`,"
            f" {results['machine']['cores']} cores of {results['machine']['cpu']}."
        )
        parts += [
            "\n".join(results["tables"][other]) for other in workloads if newest.get(other, ("",))[0] == name
        ]
        parts += [
            f"The workload `{other}` did not come to its end."
            for other in results["errors"]
            if other not in newest
        ]
    return "\n\n".join(parts)
