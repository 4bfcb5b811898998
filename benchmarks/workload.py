"""What a workload hands to the report; each module of a workload has ``run(servers, rounds) -> Found``
and a line in WORKLOADS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WORKLOADS = (  # modules with `run(servers, rounds) -> Found`, in the order of their tables
    "drains",
    "submit",
    "latency",
    "watching",
    "idle",
    "startup",
    "processor",
    "mixed",
    "planner_trap",
    "growth",
    "retention",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Medians decide; rounds alternate between contestants, so that a busy minute falls on all."""

    facts: Mapping[str, Any]
    """Raw measurements of every round, for the results file."""
    ratios: Mapping[str, float]
    """Of medians within this run; names are unique over all workloads."""
    lines: Sequence[str]
    """Markdown for the generated part of docs/explanation/performance.md."""
    floors: Mapping[str, float] = field(default_factory=dict)
    """The run fails where the ratio of this name is lower."""
    ceilings: Mapping[str, float] = field(default_factory=dict)
    """The run fails where the ratio of this name is higher."""
