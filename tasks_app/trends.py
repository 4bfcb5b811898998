"""The charts' figures, read from the tallies: they cost the same at ten tasks and at ten million."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from tasks_app.access import Access
from tasks_app.errors import NotAllowed
from tasks_app.histogram import Histogram, merged, quantile
from tasks_app.models import Tally
from tasks_app.selectors import instant
from tasks_app.tallies import DEPTH_CAP, MINUTE_SECONDS, QUARTER_SECONDS
from tasks_app.wire import TrendDocument, TrendPoint


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


@dataclass(slots=True)
class _Sum:
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    waits: list[Histogram] = field(default_factory=list)
    runs: list[Histogram] = field(default_factory=list)


def trend(
    access: Access, name: str, *, function: str | None = None, queue: str | None = None
) -> TrendDocument:
    """Over one of RANGES, of all tasks, of one function (its path) or of one queue.

    Raises NotAllowed for who may not see everybody's tasks, and KeyError for another range.
    """
    access.require("view")
    if not access.view_all:
        raise NotAllowed("see the figures of everybody's tasks")
    asked = RANGES[name]
    first = _floor(datetime.now(UTC) - asked.length, asked.point_seconds) + timedelta(
        seconds=asked.point_seconds
    )
    subject, wanted = ("function", function) if function else ("queue", queue) if queue else ("all", "")
    rows = Tally.objects.filter(span_seconds=asked.row_seconds, at__gte=first)
    sums: defaultdict[datetime, _Sum] = defaultdict(_Sum)
    figures = rows.filter(subject=subject, name=wanted).values_list(
        "at", "succeeded", "failed", "cancelled", "retried", "waits", "runs"
    )
    for at, succeeded, failed, cancelled, retried, waits, runs in figures:
        total = sums[_floor(at, asked.point_seconds)]
        total.succeeded += succeeded
        total.failed += failed
        total.cancelled += cancelled
        total.retried += retried
        total.waits.append(waits)
        total.runs.append(runs)
    depths = {} if function else _depths(rows, queue, asked.point_seconds)
    count = int(asked.length.total_seconds()) // asked.point_seconds
    moments = [first + timedelta(seconds=asked.point_seconds * number) for number in range(count)]
    return {
        "range": name,
        "span_seconds": asked.point_seconds,
        "depth_cap": DEPTH_CAP,
        "points": [_point(moment, sums[moment], depths.get(moment)) for moment in moments],
    }


def _point(at: datetime, total: _Sum, depth: int | None) -> TrendPoint:
    waits, runs = merged(total.waits), merged(total.runs)
    return {
        "at": instant(at) or "",
        "succeeded": total.succeeded,
        "failed": total.failed,
        "cancelled": total.cancelled,
        "retried": total.retried,
        "depth": depth,
        "wait_p50": quantile(waits, 0.5),
        "wait_p95": quantile(waits, 0.95),
        "run_p50": quantile(runs, 0.5),
        "run_p95": quantile(runs, 0.95),
    }


def _depths(rows: QuerySet[Tally], queue: str | None, point_seconds: int) -> dict[datetime, int]:
    """Of each queue the most that any of its workers saw, added up."""
    rows = rows.filter(subject="queue", depth__isnull=False)
    seen: defaultdict[datetime, dict[str, int]] = defaultdict(dict)
    for at, name, depth in (rows.filter(name=queue) if queue else rows).values_list("at", "name", "depth"):
        of_queue = seen[_floor(at, point_seconds)]
        of_queue[name] = max(depth or 0, of_queue.get(name, 0))
    return {moment: sum(of_queue.values()) for moment, of_queue in seen.items()}


def _floor(moment: datetime, seconds: int) -> datetime:
    whole = int(moment.timestamp())
    return datetime.fromtimestamp(whole - whole % seconds, UTC)
