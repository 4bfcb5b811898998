"""A task function that logs."""

from __future__ import annotations

import logging
import time

from tasks_app.compat import task

log = logging.getLogger("benchmark")


@task()
def logs(lines: int) -> float:
    """Log so many lines; the seconds that took."""
    started = time.monotonic()
    for number in range(lines):
        log.info("line %d", number)
    return time.monotonic() - started
