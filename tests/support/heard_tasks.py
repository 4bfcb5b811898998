"""Task functions whose signals are written down by the process in which they are sent."""

from __future__ import annotations

import os
import sys
from typing import Any

from tasks_app.compat import Task, task, task_finished, task_started


@task()
def add(a: int, b: int = 1) -> int:
    return a + b


@task()
async def add_async(a: int, b: int = 1) -> int:
    return a + b


@task()
def refuse(reason: str) -> None:
    raise LookupError(reason)


@task(takes_context=True)
def describe_context(context: Any) -> dict[str, Any]:
    """What code written for Django's own context looks at."""
    result = context.task_result
    return {"id": result.id, "attempt": context.attempt, "attempts": result.attempts, "status": result.status}


OURS = {value.module_path for value in list(globals().values()) if isinstance(value, Task)}


def write_down(sender: Any, task_result: Any, signal: Any, **kwargs: Any) -> None:
    """One line in $LEDGER.signals: signal, id, status, sender and the exception that is being handled."""
    if "LEDGER" not in os.environ or task_result.task.module_path not in OURS:
        return
    error = sys.exc_info()[0]
    facts = (
        "started" if signal is task_started else "finished",
        task_result.id,
        task_result.status.value,
        sender.__name__,
        error.__name__ if error else "-",
    )
    with open(os.environ["LEDGER"] + ".signals", "a") as ledger:
        ledger.write(" ".join(facts) + "\n")


task_started.connect(write_down)
task_finished.connect(write_down)
