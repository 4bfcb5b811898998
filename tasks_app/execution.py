"""Running one task inside an executor: decode, call, pass the result through the gate."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any

import msgpack

from tasks_app.conf import get_conf
from tasks_app.context import TaskContext
from tasks_app.documents import check_document, dump_json
from tasks_app.errors import InvalidDocument
from tasks_app.functions import TaskFunction, registry
from tasks_app.media import Media, is_media


@cache
def runner() -> asyncio.Runner:
    """One event loop per executor, made when the first async function comes."""
    return asyncio.Runner()


def run_task(path: str, body: bytes, report: Callable[[bytes], None]) -> tuple[str, bytes]:
    """Run one task. The kind of its outcome and the outcome's body; a task's own error never escapes.

    The interruptions of the executor derive from BaseException and pass through.
    """
    envelope = msgpack.unpackb(body)
    started = time.perf_counter()
    try:
        text = result_text(call(registry.by_path(path), envelope, report))
    except Exception as error:
        failure = {
            "error": one_line(error),
            "error_class": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."),
            "message": clean(str(error)),
            "traceback": clean("".join(traceback.format_exception(error))[-16_000:]),
            "run_seconds": time.perf_counter() - started,
        }
        return "failed", msgpack.packb(failure)
    return "succeeded", msgpack.packb([text, time.perf_counter() - started])


def call(function: TaskFunction, envelope: dict[str, Any], report: Callable[[bytes], None]) -> Any:
    arguments = function.adapter.decode(envelope["arguments"])
    func = function.django_task.func
    positional = (TaskContext(envelope, report),) if function.takes_context else ()
    if function.is_async:
        return runner().run(func(*positional, **arguments))
    return func(*positional, **arguments)


def result_text(value: Any) -> str:
    """The result as JSON text. Raises InvalidDocument when it cannot be stored unchanged."""
    if isinstance(value, Media):
        value = value.to_document()
    else:
        if is_media(value):
            raise InvalidDocument("result", "the key $media is reserved; return tasks_app.media.Media")
        check_document(value, field="result")
    text = dump_json(value)
    limit = get_conf().max_result_bytes
    if len(text) > limit:
        raise InvalidDocument("result", f"has {len(text)} characters; at most {limit} can be stored")
    return text


def one_line(error: BaseException) -> str:
    first = clean(str(error)).splitlines()
    return f"{type(error).__name__}: {first[0] if first else ''}"[:500].removesuffix(": ")


def clean(text: str) -> str:
    """What every database can store: no NUL, no lone surrogates."""
    return text.replace("\x00", "�").encode(errors="replace").decode()
