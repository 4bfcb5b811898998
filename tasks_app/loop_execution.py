"""Running one async function on an event loop that it shares: threads do what may touch the database."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgpack
from asgiref.sync import sync_to_async

from tasks_app.context import running_in_loop
from tasks_app.django_result import running_result
from tasks_app.django_signals import announce_failure, announce_start, announce_success, is_heard
from tasks_app.execution import failed_attempt, result_text
from tasks_app.functions import TaskFunction, registry
from tasks_app.interrupts import TaskCancelled
from tasks_app.media import Markdown, Media
from tasks_app.reporting import LoopLine


async def run_async_task(path: str, body: bytes, line: LoopLine, *, node: str) -> tuple[str, bytes]:
    """As ``run_task`` does, for a coroutine function.

    It is interrupted by a cancel of its asyncio task, as ``asyncio.timeout`` does it: the function sees
    ``CancelledError`` and may clean up, and the attempt ends with ``line.interruption``.
    """
    function, envelope = registry.by_path(path), msgpack.unpackb(body)
    make_result = partial(running_result, function, envelope, node=node)
    heard = make_result() if is_heard() else None
    if heard:
        await sync_to_async(announce_start)(heard)
    started = time.perf_counter()
    try:
        text = await _text(await _call(function, envelope, line, make_result))
    except BaseException as raised:  # recorded as the end of this attempt
        run_seconds = time.perf_counter() - started
        error = _meant(raised, line)
        if isinstance(error, TaskCancelled):
            await sync_to_async(announce_failure)(heard or make_result(), error)
            raise error from None
        outcome = await sync_to_async(failed_attempt)(function, envelope, error, run_seconds)
        if outcome[0] == "failed":
            await sync_to_async(announce_failure)(heard or make_result(), error)
        return outcome
    packed: bytes = msgpack.packb([text, time.perf_counter() - started])
    if heard:
        await sync_to_async(announce_success)(heard, json.loads(text))
    return "succeeded", packed


def _meant(raised: BaseException, line: LoopLine) -> BaseException:
    """The interruption in place of the cancel that carried it."""
    if not isinstance(raised, asyncio.CancelledError) or line.interruption is None:
        return raised
    if task := asyncio.current_task():
        task.uncancel()
    return line.interruption.with_traceback(raised.__traceback__)


async def _call(
    function: TaskFunction, envelope: dict[str, Any], line: LoopLine, make_result: Callable[[], Any]
) -> Any:
    text = envelope["arguments"]
    decode = function.adapter.decode
    arguments = await sync_to_async(decode)(text) if function.adapter.has_instances else decode(text)
    with running_in_loop(
        task_id=envelope["id"], attempt=envelope["attempt"], line=line, result=make_result
    ) as context:
        positional = (context,) if function.takes_context else ()
        return await function.django_task.func(*positional, **arguments)


async def _text(value: Any) -> str:
    """A large document goes to a storage."""
    if isinstance(value, (Media, Markdown)):
        return await sync_to_async(result_text)(value)
    return result_text(value)
