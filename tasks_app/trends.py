"""The charts' figures, read from the tallies: they cost the same at ten tasks and at ten million."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.models import Max, QuerySet, TextField
from django.db.models.functions import Cast

from tasks_app.access import Access
from tasks_app.errors import NotAllowed
from tasks_app.fleet_wire import TotalDocument, TrendDocument, TrendFigures
from tasks_app.functions import registry
from tasks_app.histogram import Histogram, merged, quantile
from tasks_app.models import Tally
from tasks_app.selectors import instant
from tasks_app.tallies import DEPTH_CAP, MINUTE_SECONDS, QUARTER_SECONDS


@dataclass(frozen=True, slots=True)
class Range:
    """How far back, the rows' own span, and the span of a point: a multiple of it."""

    length: timedelta
    row_seconds: int
    point_seconds: int


RANGES = {
    "15m": Range(timedelta(minutes=15), MINUTE_SECONDS, MINUTE_SECONDS),
    "1h": Range(timedelta(hours=1), MINUTE_SECONDS, MINUTE_SECONDS),
    "24h": Range(timedelta(hours=24), QUARTER_SECONDS, QUARTER_SECONDS),
    "7d": Range(timedelta(days=7), QUARTER_SECONDS, 4 * QUARTER_SECONDS),
}


_FIGURES = "at", "name", "succeeded", "failed", "cancelled", "retried", "waits_text", "runs_text"


LATELY = timedelta(minutes=10)


@dataclass(slots=True)
class _Sum:
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    waits: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    """Histograms as JSON: those of a point are read at once."""

    def add(self, succeeded: int, failed: int, cancelled: int, retried: int, waits: str, runs: str) -> None:
        self.succeeded += succeeded
        self.failed += failed
        self.cancelled += cancelled
        self.retried += retried
        self.waits.append(waits)
        self.runs.append(runs)

    def document(self) -> TrendFigures:
        waits, runs = _merged(self.waits), _merged(self.runs)
        return {
            "succeeded": self.succeeded,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "retried": self.retried,
            "wait_p50": quantile(waits, 0.5),
            "wait_p95": quantile(waits, 0.95),
            "run_p50": quantile(runs, 0.5),
            "run_p95": quantile(runs, 0.95),
        }


def _merged(texts: list[str]) -> Histogram:
    return merged(json.loads(f"[{','.join(texts)}]"))


def trend(
    access: Access, name: str, *, function: str | None = None, queue: str | None = None
) -> TrendDocument:
    """Over one of RANGES, of all tasks, of one function (its path) or of one queue.

    Raises NotAllowed for who may not see everybody's tasks, and KeyError for another range.
    """
    asked, moments, rows = _asked(access, name)
    subject, wanted = ("function", function) if function else ("queue", queue) if queue else ("all", "")
    sums: defaultdict[datetime, _Sum] = defaultdict(_Sum)
    for at, _, *figures in _figures(rows.filter(subject=subject, name=wanted)):
        sums[_floor(at, asked.point_seconds)].add(*figures)
    depths = {} if function else _depths(rows, queue, asked.point_seconds)
    return {
        "range": name,
        "span_seconds": asked.point_seconds,
        "depth_cap": DEPTH_CAP,
        "points": [
            {"at": instant(moment) or "", "depth": depths.get(moment), **sums[moment].document()}
            for moment in moments
        ],
    }


def totals(access: Access, name: str, subject: Literal["function", "queue"]) -> list[TotalDocument]:
    """Over one of RANGES, of each function (by its slug) or queue of which anything ended. As ``trend``."""
    asked, moments, rows = _asked(access, name)
    sums: defaultdict[str, _Sum] = defaultdict(_Sum)
    ended: defaultdict[str, dict[datetime, int]] = defaultdict(lambda: dict.fromkeys(moments, 0))
    for at, of, *figures in _figures(rows.filter(subject=subject)):
        sums[of].add(*figures)
        ended[of][_floor(at, asked.point_seconds)] += sum(figures[:3])
    return [
        {
            "name": registry.slug_of(of) if subject == "function" else of,
            "ended": [ended[of][moment] for moment in moments],
            **sums[of].document(),
        }
        for of in sorted(sums)
    ]


def attempts_per_second(queue: str) -> float:
    """How many attempts of this queue ended lately, whether well or not; 0 where none did."""
    now = datetime.now(UTC)
    rows = Tally.objects.filter(
        span_seconds=MINUTE_SECONDS, subject="queue", name=queue, at__gte=now - LATELY
    ).values_list("at", "succeeded", "failed", "cancelled", "retried")
    ended = [(at, sum(figures)) for at, *figures in rows if any(figures)]  # a depth alone says nothing
    if not ended:
        return 0.0
    seconds = max(MINUTE_SECONDS, (now - min(at for at, _ in ended)).total_seconds())
    return sum(number for _, number in ended) / seconds


def _asked(access: Access, name: str) -> tuple[Range, list[datetime], QuerySet[Tally]]:
    """The range, when its points begin, and the rows of all subjects in it."""
    access.require("view")
    if not access.view_all:
        raise NotAllowed("see the figures of everybody's tasks")
    asked = RANGES[name]
    count = int(asked.length.total_seconds()) // asked.point_seconds
    last = _floor(datetime.now(UTC), asked.point_seconds)
    moments = [last - timedelta(seconds=asked.point_seconds * ago) for ago in reversed(range(count))]
    return asked, moments, Tally.objects.filter(span_seconds=asked.row_seconds, at__gte=moments[0])


def _figures(rows: QuerySet[Tally]) -> Iterable[Any]:
    texts = {"waits_text": Cast("waits", TextField()), "runs_text": Cast("runs", TextField())}
    return rows.annotate(**texts).values_list(*_FIGURES)


def _depths(rows: QuerySet[Tally], queue: str | None, point_seconds: int) -> dict[datetime, int]:
    """Of each queue the most that any of its workers saw, added up."""
    rows = rows.filter(subject="queue", depth__isnull=False)
    seen: defaultdict[datetime, dict[str, int]] = defaultdict(dict)
    of_workers = (rows.filter(name=queue) if queue else rows).order_by().values_list("at", "name")
    for at, name, depth in of_workers.annotate(Max("depth")):
        of_queue = seen[_floor(at, point_seconds)]
        of_queue[name] = max(depth, of_queue.get(name, 0))
    return {moment: sum(of_queue.values()) for moment, of_queue in seen.items()}


def _floor(moment: datetime, seconds: int) -> datetime:
    whole = int(moment.timestamp())
    return datetime.fromtimestamp(whole - whole % seconds, UTC)
