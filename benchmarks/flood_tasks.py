"""The functions of a flood."""

from __future__ import annotations

from tasks_app.compat import task


@task()
def noop(number: int) -> int:
    return number


@task(max_attempts=1)
def refuses(number: int) -> int:
    raise ValueError(number)
