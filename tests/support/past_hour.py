"""An hour of tallies, as a busy day leaves them: for pictures of the charts."""

from __future__ import annotations

import contextlib
import math
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks_app.histogram import Histogram, count
from tasks_app.sqlite_session import SqliteSession
from tasks_app.tallies import MINUTE_SECONDS, Tallied, record_tallies

MINUTES = 60


def fill_past_hour(database: Path) -> None:
    """The same hour each time, up to the minute before this one."""
    this_minute = datetime.now(UTC).replace(second=0, microsecond=0)
    rng = random.Random(7)
    rows = [
        row
        for ago in range(1, MINUTES)
        for row in minute(this_minute - timedelta(minutes=ago), MINUTES - ago, rng)
    ]
    with contextlib.closing(SqliteSession(str(database))) as session:
        record_tallies(session, str(uuid.UUID(int=7)), rows)


def minute(at: datetime, number: int, rng: random.Random) -> list[Tallied]:
    is_jam = 38 <= number < 45
    swell = 1 + 0.5 * math.sin(number / 9)
    succeeded = round(140 * swell * (0.6 if is_jam else 1) + rng.randint(0, 25))
    all_row = Tallied(
        span_seconds=MINUTE_SECONDS,
        at=at,
        subject="all",
        name="",
        succeeded=succeeded,
        failed=rng.randint(8, 22) if is_jam else rng.choice((0, 0, 1, 2)),
        cancelled=rng.choice((0, 0, 0, 3)),
        retried=rng.randint(10, 30) if is_jam else rng.choice((0, 1, 4)),
        waits=durations(rng, 0.9 if is_jam else 0.03, succeeded),
        runs=durations(rng, 0.18 * swell, succeeded),
    )
    depth = rng.randint(150, 320) if is_jam else rng.choice((0, 0, 2, 6, 11))
    queue_row = Tallied(
        span_seconds=MINUTE_SECONDS,
        at=at,
        subject="queue",
        name="default",
        succeeded=succeeded,
        failed=0,
        cancelled=0,
        retried=0,
        waits=[],
        runs=[],
        depth=depth,
    )
    return [all_row, queue_row]


def durations(rng: random.Random, middle_seconds: float, number: int) -> Histogram:
    histogram: Histogram = []
    for _ in range(number):
        count(histogram, rng.lognormvariate(math.log(middle_seconds), 0.8))
    return histogram
