"""Counting what this worker ends, by function and queue, for the charts of the console."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tasks_app.histogram import Histogram, count, merged
from tasks_app.tallies import MINUTE_SECONDS, QUARTER_SECONDS, Tallied, record_tallies
from worker.board import boottime
from worker.held import Held
from worker.lanes import Lane

WRITE_EVERY_SECONDS = 5.0
SPANS = MINUTE_SECONDS, QUARTER_SECONDS
ON_FIRST_CLAIM = 2
"""The revision that the claim of a task gives which was due at once and claimed for the first time."""


@dataclass(slots=True)
class Cell:
    """What ended of one function in one queue."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    waits: Histogram = field(default_factory=list)
    runs: Histogram = field(default_factory=list)

    def add(self, other: Cell) -> None:
        for kind, number in other.counts.items():
            self.counts[kind] += number
        self.waits = merged((self.waits, other.waits))
        self.runs = merged((self.runs, other.runs))


Key = tuple[str, str]
"""Subject and name; of a fresh cell function and queue."""
Span = tuple[int, datetime]


class Tallies:
    """``learn`` is for every outcome and cheap; ``write`` now and then stores what has gathered."""

    def __init__(self, worker_id: str, lane: Lane) -> None:
        self._worker_id, self._lane = worker_id, lane
        self._fresh: defaultdict[Key, Cell] = defaultdict(Cell)
        self._spans: dict[Span, defaultdict[Key, Cell]] = {}
        self._depths: dict[Span, dict[str, int]] = {}
        self._write_at = boottime()

    def learn(self, held: Held, kind: str, run_seconds: float) -> None:
        """``run_seconds`` is 0 where it is not known."""
        cell = self._fresh[held.task.function, held.task.queue]
        cell.counts[kind] += 1
        if run_seconds:
            count(cell.runs, run_seconds)
        if held.task.revision == ON_FIRST_CLAIM:
            count(cell.waits, held.claimed_at - submitted_at(held.task.id))

    @property
    def seen_queues(self) -> set[str]:
        """Those of which a depth is being shown."""
        return {queue for depths in self._depths.values() for queue in depths}

    def saw(self, depths: Mapping[str, int], now: datetime) -> None:
        """So many tasks wait in these queues."""
        for span in spans_at(now):
            if any(depths.values()) or span in self._depths:
                self._depths[span] = {**self._depths.get(span, {}), **depths}
                self._spans.setdefault(span, defaultdict(Cell))

    @property
    def is_due(self) -> bool:
        return boottime() >= self._write_at

    async def write(self, now: datetime | None = None) -> None:
        """Raises DatabaseUnavailable; nothing is lost by it."""
        now = now or datetime.now(UTC)
        self._write_at = boottime() + WRITE_EVERY_SECONDS
        self._gather(now)
        if rows := [row for span in self._spans for row in self._rows(span)]:
            await self._lane.run(record_tallies, self._worker_id, rows)
        current = set(spans_at(now))
        self._spans = {span: cells for span, cells in self._spans.items() if span in current}
        self._depths = {span: depths for span, depths in self._depths.items() if span in current}

    def _gather(self, now: datetime) -> None:
        fresh, self._fresh = self._fresh, defaultdict(Cell)
        for (function, queue), cell in fresh.items():
            for span in spans_at(now):
                cells = self._spans.setdefault(span, defaultdict(Cell))
                for key in (("all", ""), ("function", function), ("queue", queue)):
                    cells[key].add(cell)

    def _rows(self, span: Span) -> Iterator[Tallied]:
        depths = self._depths.get(span, {})
        cells = self._spans[span]
        for subject, name in {*cells, *(("queue", queue) for queue in depths)}:
            cell = cells[subject, name]
            yield Tallied(
                span_seconds=span[0],
                at=span[1],
                subject=subject,
                name=name,
                succeeded=cell.counts["succeeded"],
                failed=cell.counts["failed"],
                cancelled=cell.counts["cancelled"],
                retried=cell.counts["retry"],
                waits=cell.waits,
                runs=cell.runs,
                depth=depths.get(name) if subject == "queue" else None,
            )


def spans_at(now: datetime) -> Sequence[Span]:
    seconds = int(now.timestamp())
    return [(span, datetime.fromtimestamp(seconds - seconds % span, UTC)) for span in SPANS]


def submitted_at(task_id: str) -> float:
    """The seconds since 1970 that a version 7 UUID begins with (RFC 9562), by the submitter's clock."""
    return int(task_id[:8] + task_id[9:13], 16) / 1000
