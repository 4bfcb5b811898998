"""Where processor time goes while something runs: to its tasks, to the rest of it, or nowhere."""

from __future__ import annotations

import collections
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.services import TICKS
from tests.support.servers.postgresql import children_of

IDLE, IOWAIT = 3, 4  # fields of the first line of /proc/stat, after its name


@dataclass(frozen=True, slots=True)
class Spun:
    """What one call of ``benchmarks.timed.spin`` noted."""

    thread: int
    ended_at: float
    cpu_seconds: float
    thread_seconds: float


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds of CPU of each thread below some processes, and the machine's idle seconds, over all cores."""

    threads: dict[int, float]
    idle_seconds: float

    @classmethod
    def now(cls, roots: Sequence[int]) -> Moment:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        idle = (int(fields[IDLE]) + int(fields[IOWAIT])) / TICKS
        return cls(dict(_threads(roots)), idle)


def _threads(roots: Sequence[int]) -> Iterator[tuple[int, float]]:
    for pid in roots:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                ran_ns = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]
                yield int(thread), int(ran_ns) / 1e9
            yield from _threads(children_of(pid))


def noted(notes: Path) -> list[Spun]:
    """In the order of their ends."""
    lines = (line.split() for line in notes.read_text().splitlines())
    found = [Spun(int(float(line[0])), *map(float, line[1:])) for line in lines]
    return sorted(found, key=lambda spun: spun.ended_at)


def useful_share(spuns: Sequence[Spun], before: Moment, after: Moment) -> float:
    """Of the time that the cores gave to all of this or to nobody, what the tasks themselves used.

    What other programs take is left out, so that a busy machine disturbs it little; an idle core is lost.
    """
    by_thread: dict[int, list[Spun]] = collections.defaultdict(list)
    for spun in spuns:
        by_thread[spun.thread].append(spun)
    tasks = sum(spun.cpu_seconds for mine in by_thread.values() for spun in mine[1:])
    around = sum(mine[-1].thread_seconds - mine[0].thread_seconds for mine in by_thread.values())
    used = {thread: seconds - before.threads.get(thread, 0.0) for thread, seconds in after.threads.items()}
    executing = sum(used[thread] for thread in by_thread)
    idle = after.idle_seconds - before.idle_seconds
    return tasks / around * executing / (sum(used.values()) + idle)
