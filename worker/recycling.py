"""When an executor makes room for a fresh one, between two tasks."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LOOK_EVERY_SECONDS = 0.5
TASKS_DONE, MEMORY_GROWN = 84, 85
REASONS = {TASKS_DONE: "it ran as many tasks as it may", MEMORY_GROWN: "it used more memory than it may"}
"""By the executor's exit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``max_tasks``: tasks per executor; ``max_memory_mib``: its resident memory; 0: no limit."""

    max_tasks: int = 0
    max_memory_mib: int = 0


class Recycling:
    """Asked after each task: is this executor's time over?"""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tasks = 0
        self._look_at = 0.0

    def status(self) -> int:
        """The exit status with which to end; 0: go on."""
        self._tasks += 1
        if self._limits.max_tasks and self._tasks >= self._limits.max_tasks:
            return TASKS_DONE
        if self._limits.max_memory_mib:
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + LOOK_EVERY_SECONDS
                if resident_bytes() > self._limits.max_memory_mib * 1024 * 1024:
                    return MEMORY_GROWN
        return 0


def resident_bytes() -> int:
    """Memory of this process that is in RAM; proc(5), the second field of statm."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * PAGE_BYTES
