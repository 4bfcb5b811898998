"""What a soak runs: mostly nothing, and some of all that could leave something behind."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.models import User

from tasks_app.compat import task

log = logging.getLogger(__name__)


class Asked(Exception):
    """A failure that was asked for."""


@task()
def soak_noop(number: int) -> int:
    return number


@task()
async def soak_async(number: int) -> int:
    return number


@task(takes_context=True)
def soak_tells(context: Any, number: int) -> dict[str, Any]:
    """Progress, a log, a print and a larger result."""
    for step in context.track(range(10), "Telling"):
        log.info("step %d of task %d", step, number)
    print("told", number)
    return {"number": number, "text": "x" * 2_000}


@task(max_attempts=2, backoff=0)
def soak_fails(number: int) -> None:
    raise Asked(f"number {number}")


@task()
def soak_orm(number: int) -> int:
    return User.objects.filter(pk=number).count()
