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
    ratio: float
    commit: str


def files() -> list[tuple[str, Mapping[str, Any]]]:
    """Name and content, the newest last."""
    found = [(path.name, json.loads(path.read_text())) for path in RESULTS.glob("2*.json")]
    return sorted(found, key=lambda one: str(one[1]["at"]))


def last_kept() -> dict[str, Kept]:
    """Each ratio with its commit, from the newest results that have it."""
    found: dict[str, Kept] = {}
    for _, results in files():
        found |= {name: Kept(ratio, results["commit"]) for name, ratio in results["ratios"].items()}
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
            f" load {min(loads):.1f} to {max(loads):.1f}, raw results in `benchmarks/results/{name}`."
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
