"""What the node's processes use: memory and processor time, for the page of workers."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable

from tasks_app.fleet_wire import LoadDocument
from worker.board import boottime
from worker.recycling import PAGE_BYTES

EVERY_SECONDS = 15.0
MOST_POINTS = 60
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Gauge:
    """One read of /proc for each process at each point; nothing is measured by task."""

    def __init__(self, own_pids: Iterable[int], now: float | None = None) -> None:
        """``own_pids``: processes that lived before; what they used until now is not counted."""
        self._own = list(own_pids)
        self._at = self._due_at = boottime() if now is None else now
        self._ticks = {pid: ticks for pid in self._own if (ticks := usage_of(pid)[0])}
        self._rss_mib: deque[int] = deque(maxlen=MOST_POINTS)
        self._cpu_cores: deque[float] = deque(maxlen=MOST_POINTS)

    def turn(self, executor_pids: Iterable[int], now: float | None = None) -> LoadDocument | None:
        """The history with a new point, None until one is due. What a process used before it died is lost."""
        now = boottime() if now is None else now
        if now < self._due_at or now == self._at:
            return None
        used = {pid: usage_of(pid) for pid in (*self._own, *executor_pids)}
        ticks = sum(max(0, now_used - self._ticks.get(pid, 0)) for pid, (now_used, _) in used.items())
        self._cpu_cores.append(round(ticks / TICKS_PER_SECOND / (now - self._at), 2))
        self._rss_mib.append(round(sum(pages for _, pages in used.values()) * PAGE_BYTES / 2**20))
        self._ticks = {pid: now_used for pid, (now_used, _) in used.items()}
        self._at, self._due_at = now, now + EVERY_SECONDS
        return {
            "every_seconds": EVERY_SECONDS,
            "rss_mib": list(self._rss_mib),
            "cpu_cores": list(self._cpu_cores),
        }


def usage_of(pid: int) -> tuple[int, int]:
    """Clock ticks so far and pages in RAM, proc(5): stat. Zeros for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    return int(fields[11]) + int(fields[12]), max(0, int(fields[21]))
