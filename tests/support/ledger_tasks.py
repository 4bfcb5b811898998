"""Task functions that write down, themselves, that they ran: a ledger no database can flatter."""

from __future__ import annotations

import os
import time
from typing import Any

from tasks_app.compat import task


def note(context: Any, *words: str) -> None:
    """A line in $LEDGER: task id, attempt, guard process and further words."""
    line = " ".join([context.task_id, str(context.attempt), str(os.getppid()), *words]) + "\n"
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(ledger, line.encode())
    os.close(ledger)


@task(takes_context=True)
def noted_fibonacci(context: Any, number: int) -> int:
    """Fibonacci, noted in the ledger."""
    note(context)
    return fibonacci(number)


@task(takes_context=True)
def waits_for_file(context: Any, path: str) -> None:
    """Noted in the ledger; ends once the file exists."""
    note(context)
    while not os.path.exists(path):
        time.sleep(0.02)


@task(takes_context=True)
def sleeps(context: Any, seconds: float) -> None:
    """Noted in the ledger; takes that long."""
    note(context)
    time.sleep(seconds)


@task()
async def slow_echo(text: str) -> str:
    """An async function."""
    return text


def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


@task(takes_context=True)
def noted_end(context: Any, batch_id: str) -> str:
    """Noted in the ledger with the batch after which it runs."""
    note(context, batch_id)
    return batch_id
