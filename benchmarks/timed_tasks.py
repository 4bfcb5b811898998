"""The functions of ``benchmarks.timed`` as Taskdeck's."""

from __future__ import annotations

from benchmarks import timed
from tasks_app.compat import task


@task()
def spin(number: int) -> int:
    return timed.spin(number)


@task()
def pause(milliseconds: int, submitted_at: float) -> int:
    return timed.pause(milliseconds, submitted_at)
