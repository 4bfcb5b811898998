"""Task functions that fail, hang, refuse to stop or die; each execution leaves a line in LEDGER."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import time
from typing import Any

from tasks_app.compat import task
from tasks_app.interrupts import Retry, TaskCancelled, TaskTimeout
from tests.support.ledger_tasks import note


class Flaky(Exception):
    """What `fails_until` raises."""


def by_message(error: BaseException, task_result: Any) -> float | None:
    """The pause that the error names; none ends the task."""
    assert task_result.status.name == "RUNNING"
    return None if "hopeless" in str(error) else 0.0


@task(takes_context=True, max_attempts=3, backoff=0)
def fails_until(context: Any, attempt: int) -> int:
    note(context)
    if context.attempt < attempt:
        raise Flaky(f"attempt {context.attempt} of {attempt}")
    return int(context.attempt)


@task(takes_context=True, max_attempts=5, retry_on=Flaky, backoff=0)
def fails_otherwise(context: Any) -> None:
    note(context)
    raise ZeroDivisionError("not worth a further attempt")


@task(takes_context=True, max_attempts=5, backoff=by_message)
def asks_for_a_pause(context: Any, message: str) -> None:
    note(context)
    raise Flaky(message)


@task(takes_context=True, max_attempts=2, backoff=3600)
def asks_again(context: Any) -> str:
    note(context)
    if context.attempt == 1:
        raise Retry("not ready", after=0)
    return "ready"


@task(takes_context=True, timeout=0.3)
def sleeps_too_long(context: Any) -> None:
    note(context)
    time.sleep(60)


@task(takes_context=True, timeout=0.3)
async def sleeps_too_long_async(context: Any) -> None:
    note(context)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        note(context, "cleaned")
        raise


@task(takes_context=True, timeout=0.2, hard_timeout=1.0, max_attempts=2, backoff=0)
def never_returns(context: Any) -> None:
    """One call of C code: no exception gets in before it returns."""
    note(context)
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 2_000_000_000)


@task(takes_context=True)
def does_not_listen(context: Any) -> None:
    note(context)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            time.sleep(60)
        except (TaskCancelled, TaskTimeout):
            note(context, "interrupted")


@task(takes_context=True, max_losses=1)
def dies(context: Any) -> None:
    note(context)
    os.kill(os.getpid(), signal.SIGKILL)


@task(takes_context=True, on_worker_lost="fail")
def dies_once(context: Any) -> None:
    note(context)
    os.kill(os.getpid(), signal.SIGKILL)


@task()
def process_id() -> int:
    return os.getpid()


@task()
def keeps(mebibytes: int) -> int:
    """Memory that the executor does not give back."""
    globals().setdefault("kept", []).append(bytearray(os.urandom(1024)) * 1024 * mebibytes)
    return os.getpid()


@task(takes_context=True)
def explodes(context: Any, should: bool) -> None:
    """Kills its executor if it should, else ends at once."""
    note(context)
    if should:
        os.kill(os.getpid(), signal.SIGKILL)
