"""Task functions that enqueue others, fail, and wait."""

from __future__ import annotations

import asyncio
from typing import Any

from tasks_app.compat import task


@task()
async def waits_for(text: str) -> str:
    await asyncio.sleep(0)
    return text


@task(takes_context=True)
def counts_down(context: Any, number: int) -> int:
    context.progress(0, number)
    if number:
        counts_down.enqueue(number - 1)
    return number


@task(max_attempts=3)
def stumbles() -> None:
    raise LookupError("no")


@task()
def again() -> None:
    again.enqueue()
