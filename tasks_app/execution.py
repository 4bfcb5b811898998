"""Running one plain function inside an executor: decode, call, pass the result through the gate."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgpack

from tasks_app.compat import task_backends
from tasks_app.conf import get_conf
from tasks_app.context import running
from tasks_app.django_result import running_result
from tasks_app.django_signals import announce_failure, announce_start, announce_success, is_heard
from tasks_app.documents import check_document, dump_json
from tasks_app.errors import InvalidDocument
from tasks_app.failures import failure_body
from tasks_app.functions import TaskFunction, registry
from tasks_app.interrupts import TaskCancelled
from tasks_app.media import RESERVED, Markdown, Media
from tasks_app.reporting import Line
from tasks_app.retrying import pause_after


def run_task(path: str, body: bytes, line: Line, *, node: str) -> tuple[str, bytes]:
    """Run one task. The kind of its outcome and the outcome's body.

    ``TaskCancelled`` passes through: only the executor knows whether it was asked for. An attempt that will
    be followed by another is not announced as finished.
    """
    function, envelope = registry.by_path(path), msgpack.unpackb(body)
    make_result = partial(running_result, function, envelope, node=node)
    heard = make_result() if is_heard() else None
    if heard:
        announce_start(heard)
    started = time.perf_counter()
    try:
        text = result_text(call(function, envelope, line, make_result))
    except TaskCancelled as error:
        announce_failure(heard or make_result(), error)
        raise
    except BaseException as error:  # recorded as the end of this attempt
        outcome = failed_attempt(function, envelope, error, time.perf_counter() - started)
        if outcome[0] == "failed":
            announce_failure(heard or make_result(), error)
        return outcome
    packed: bytes = msgpack.packb([text, time.perf_counter() - started])
    if heard:
        announce_success(heard, json.loads(text))
    return "succeeded", packed


def failed_attempt(
    function: TaskFunction, envelope: dict[str, Any], error: BaseException, run_seconds: float
) -> tuple[str, bytes]:
    """``retry`` with its pause where the function's options grant a further attempt, else ``failed``."""

    def task_result() -> Any:
        return task_backends[function.django_task.backend].get_result(envelope["id"])

    pause = pause_after(
        error,
        options=function.options,
        failures=envelope["failures"],
        max_attempts=envelope["max_attempts"],
        task_result=task_result,
    )
    if pause is None:
        return "failed", failure_body(error, run_seconds=run_seconds)
    return "retry", failure_body(error, run_seconds=run_seconds, delay_seconds=pause)


def call(
    function: TaskFunction,
    envelope: dict[str, Any],
    line: Line,
    make_result: Callable[[], Any],
) -> Any:
    arguments = function.adapter.decode(envelope["arguments"])
    func = function.django_task.func
    task_id, attempt = envelope["id"], envelope["attempt"]
    with running(task_id=task_id, attempt=attempt, line=line, result=make_result) as context:
        positional = (context,) if function.takes_context else ()
        return func(*positional, **arguments)


def result_text(value: Any) -> str:
    """The result as JSON text. Raises InvalidDocument when it cannot be stored unchanged."""
    if isinstance(value, (Media, Markdown)):
        value = value.to_document()
    else:
        if isinstance(value, dict) and (taken := sorted(RESERVED & value.keys())):
            raise InvalidDocument("result", f"the key {taken[0]} is reserved; see tasks_app.media")
        check_document(value, field="result")
    text = dump_json(value)
    limit = get_conf().max_result_bytes
    if len(text) > limit:
        raise InvalidDocument("result", f"has {len(text)} characters; at most {limit} can be stored")
    return text
