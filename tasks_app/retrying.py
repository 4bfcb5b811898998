"""Whether a failed attempt is followed by another, and after how long."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from typing import Any

from tasks_app.interrupts import MOST_PAUSE_SECONDS, Retry
from tasks_app.options import TaskOptions

log = logging.getLogger("taskdeck.retry")
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 600.0
JITTER = 0.25
"""Tasks that failed together do not come back together."""


def growing_pause(failures: int, chance: Callable[[], float] = random.random) -> float:
    """Doubles from FIRST_PAUSE_SECONDS up to LONGEST_PAUSE_SECONDS, lengthened by up to JITTER.

    ``failures`` counts those before this one.
    """
    pause = FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 30)
    return float(min(LONGEST_PAUSE_SECONDS, pause) * (1 + JITTER * chance()))


def pause_after(
    error: BaseException,
    *,
    options: TaskOptions,
    failures: int,
    max_attempts: int,
    task_result: Callable[[], Any] | None = None,
) -> float | None:
    """Seconds until the next attempt; None when this error ends the task.

    ``failures`` counts those before this one, ``max_attempts`` is the row's. ``task_result`` builds what a
    callable ``backoff`` is given; without it, where no function of a user may be called, such a back-off
    grows by itself.
    """
    if failures + 1 >= max_attempts:
        return None
    if isinstance(error, Retry):
        if error.after is not None:
            return error.after
    elif not isinstance(error, options.retry_on):
        return None
    backoff = options.backoff
    if isinstance(backoff, tuple):
        return float(backoff[min(failures, len(backoff) - 1)])
    if isinstance(backoff, (int, float)):
        return float(backoff)
    if backoff is None or task_result is None:
        return growing_pause(failures)
    return _asked(backoff, error, failures, task_result)


def _asked(
    backoff: Callable[[BaseException, Any], float | None],
    error: BaseException,
    failures: int,
    task_result: Callable[[], Any],
) -> float | None:
    """What a user's callable says; a fault of its own must not cost the task its attempts."""
    try:
        pause = backoff(error, task_result())
        return None if pause is None else _within_bounds(float(pause))
    except Exception:
        log.exception("backoff of a task raised; the pause grows by itself")
        return growing_pause(failures)


def _within_bounds(seconds: float) -> float:
    if math.isnan(seconds):
        raise ValueError("backoff returned no number")
    return min(max(0.0, seconds), float(MOST_PAUSE_SECONDS))
