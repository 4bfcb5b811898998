"""The functions that a proof runs. Only ``manage.py prove`` and the workers it starts register them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from tasks_app.compat import task
from worker.prove import ledger

MOST_LOSSES = 20
"""So many faults in one task are chance, not poison."""
MOST_FAILURES = 3


class Failure(Exception):
    """A failure that was asked for."""


def answer(number: int) -> int:
    """What every function returns: checked by the audit."""
    return number * number + 1


def proof_task(name: str, **options: Any) -> Callable[[Callable[..., int]], Any]:
    """``@task`` with what all of them share; type stubs know Django's own keywords only."""
    make: Any = cast(Any, task)(name=name, takes_context=True, max_losses=MOST_LOSSES, **options)
    return cast(Callable[[Callable[..., int]], Any], make)


@proof_task("prove-short")
def short(context: Any, run: str, number: int) -> int:
    with ledger.noted(run, context.task_id, context.attempt):
        return answer(number)


@proof_task("prove-long")
def long(context: Any, run: str, number: int, seconds: float) -> int:
    with ledger.noted(run, context.task_id, context.attempt):
        time.sleep(seconds)
        return answer(number)


@proof_task("prove-failing")
def failing(context: Any, run: str, number: int) -> int:
    with ledger.noted(run, context.task_id, context.attempt):
        raise Failure(f"number {number} always fails")


@proof_task("prove-retrying", max_attempts=MOST_FAILURES + 1, backoff=0.2)
def retrying(context: Any, run: str, number: int, failures: int) -> int:
    """Fails until the ledger has that many failures of this task, however many attempts were lost."""
    lines = ledger.read(run)
    so_far = sum(line.what == ledger.RAISED and line.task_id == context.task_id for line in lines)
    with ledger.noted(run, context.task_id, context.attempt):
        if so_far < failures:
            raise Failure(f"number {number} fails {failures} times")
        return answer(number)
