"""What a proof submits: a mix of short, long, failing, retrying, cancelled and scheduled tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from worker.prove.tasks import MOST_FAILURES


class Kind(StrEnum):
    SHORT = "short"
    LONG = "long"
    FAILING = "failing"
    RETRYING = "retrying"
    SCHEDULED = "scheduled"
    CANCELLED_WAITING = "cancelled while waiting"
    CANCELLED_RUNNING = "cancelled while running"
    PROBE = "probe"
    """A long task that a fault submits so that something runs where it strikes."""


SHARES = {
    Kind.SHORT: 72,
    Kind.LONG: 3,
    Kind.FAILING: 5,
    Kind.RETRYING: 6,
    Kind.SCHEDULED: 8,
    Kind.CANCELLED_WAITING: 4,
    Kind.CANCELLED_RUNNING: 2,
}
LONG_SECONDS = (0.5, 1.5)
PROBE_SECONDS = 2.0
CANCELLED_SECONDS = 20.0
DELAY_SECONDS = (0.5, 6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One task to submit. ``function`` is a slug; ``delay_seconds`` None: at once."""

    kind: Kind
    function: str
    number: int
    arguments: dict[str, Any]
    priority: int = 0
    delay_seconds: float | None = None

    @property
    def is_cancelled(self) -> bool:
        return self.kind in (Kind.CANCELLED_WAITING, Kind.CANCELLED_RUNNING)


def wanted(kind: Kind, number: int, run: str, rng: random.Random) -> Wanted:
    function = "prove-short"
    arguments: dict[str, Any] = {"run": run, "number": number}
    delay = None
    if kind in (Kind.LONG, Kind.PROBE, Kind.CANCELLED_RUNNING):
        function = "prove-long"
        seconds = {Kind.PROBE: PROBE_SECONDS, Kind.CANCELLED_RUNNING: CANCELLED_SECONDS}
        arguments["seconds"] = seconds.get(kind) or round(rng.uniform(*LONG_SECONDS), 2)
    elif kind is Kind.FAILING:
        function = "prove-failing"
    elif kind is Kind.RETRYING:
        function = "prove-retrying"
        arguments["failures"] = rng.randint(1, MOST_FAILURES)
    elif kind is Kind.SCHEDULED:
        delay = rng.uniform(*DELAY_SECONDS)
    elif kind is Kind.CANCELLED_WAITING:
        delay = 3600.0 if rng.random() < 0.5 else None
    priority = 10 if kind in (Kind.PROBE, Kind.CANCELLED_RUNNING) else rng.choice((0, 0, 0, 5))
    return Wanted(
        kind=kind,
        function=function,
        number=number,
        arguments=arguments,
        priority=priority,
        delay_seconds=delay,
    )


def make_plan(count: int, run: str, rng: random.Random) -> list[Wanted]:
    """``count`` tasks in the shares above, mixed."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(count * share // 100)]
    kinds += [Kind.SHORT] * (count - len(kinds))
    rng.shuffle(kinds)
    return [wanted(kind, number, run, rng) for number, kind in enumerate(kinds)]
