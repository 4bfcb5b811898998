"""Async task functions; each execution leaves lines in LEDGER, with the instant at which it was written."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async

from tasks_app.compat import task
from tasks_app.context import current_task
from tasks_app.models import Task
from tests.support.ledger_tasks import note

log = logging.getLogger("shop.stock")


def stamp(context: Any, *words: str) -> None:
    """With this process and the seconds of a clock that all processes share."""
    note(context, *words, str(os.getpid()), f"{time.monotonic():.6f}")


async def wait_for(name: str) -> None:
    """Until the test has written the file."""
    path = Path(os.environ["LEDGER"]).with_name(name)
    while not path.exists():
        await asyncio.sleep(0.02)


@task(takes_context=True)
async def waits_async(context: Any, gate: str) -> int:
    stamp(context, "begins")
    try:
        await wait_for(gate)
    except asyncio.CancelledError:
        stamp(context, "cancelled")
        raise
    stamp(context, "ends")
    return os.getpid()


@task(takes_context=True, timeout=0.5)
async def outlives_its_limit(context: Any) -> None:
    stamp(context, "begins")
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0)  # a clean-up may await
        stamp(context, "cleaned")


@task(takes_context=True)
async def does_not_listen_async(context: Any) -> None:
    stamp(context, "begins")
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            stamp(context, "ignores")


@task(takes_context=True, max_losses=3)
async def dies_async(context: Any, gate: str) -> None:
    stamp(context, "begins")
    await wait_for(gate)
    os.kill(os.getpid(), signal.SIGKILL)


@task(takes_context=True)
async def blocks(context: Any, gate: str) -> str:
    """Without an await, as no async function should."""
    stamp(context, "begins")
    path = Path(os.environ["LEDGER"]).with_name(gate)
    while not path.exists():
        time.sleep(0.02)
    return "blocked"


@task(takes_context=True)
async def reads_rows(context: Any, rounds: int) -> int:
    """Django's async ORM, and its sync one in a thread."""
    found = 0
    for _ in range(rounds):
        row = await Task.objects.aget(pk=context.task_id)
        found += row.attempt
        found += await sync_to_async(Task.objects.filter(pk=context.task_id).count)()
    return found


@task(takes_context=True, max_attempts=2, backoff=0)
async def tells_async(context: Any, name: str, gate: str) -> str:
    """Log, prints, progress and metadata of one among many."""
    assert current_task() is context
    context.metadata["name"] = name
    for number in context.track(range(10), stage=name):
        log.info("%s %d", name, number)
        print(f"{name} printed", end="")
        await asyncio.sleep(0)
        print(f" {number}")
    await asyncio.to_thread(log.info, "%s from a thread", name)
    async with asyncio.TaskGroup() as group:
        group.create_task(child(name))
    print(f"cancelled {context.is_cancelled}")
    try:
        await wait_for(gate)
    except asyncio.CancelledError:
        print(f"cancelled {context.is_cancelled}")
        raise
    if context.attempt == 1:
        raise RuntimeError("once more")
    return f"{context.task_id} {context.attempt} {context.task_result.status.name}"


async def child(name: str) -> None:
    await asyncio.sleep(0)
    log.info("%s from a child", name)
    assert current_task() is not None


@task(takes_context=True)
async def raises_what_python_cannot_print(context: Any) -> None:
    stamp(context, "begins")
    raise SyntaxError("odd", ("page.html", 1, 1, b"{%"))


HOARD: list[int] = []


@task(takes_context=True, max_losses=1)
async def hoards_descriptors(context: Any) -> str:
    """Like a client that closes none of its connections; its result is too large for a packet."""
    stamp(context, "begins")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    with contextlib.suppress(OSError):
        while True:
            HOARD.append(os.open(os.devnull, os.O_RDONLY))
    return "x" * 40_000
