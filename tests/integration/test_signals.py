"""Django's signals from the process that runs the function."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from uuid_utils.compat import uuid7

from tasks_app.compat import TASKS_LOGGER, task_finished, task_started
from tasks_app.django_signals import is_heard
from tasks_app.execution import run_task
from tasks_app.functions import registry
from tasks_app.reporting import DeadLine
from tests.support import heard_tasks
from tests.support.machine import Up
from tests.support.processes import wait_until

PATH = heard_tasks.__name__


@pytest.fixture
def quiet() -> Iterator[None]:
    """As in a deployment: nobody but Django's log line is connected, and its level is above INFO."""
    registry.add_module(PATH)
    logger = logging.getLogger(TASKS_LOGGER)
    level = logger.level
    logger.setLevel(logging.WARNING)
    for signal in (task_started, task_finished):
        signal.disconnect(heard_tasks.write_down)
    yield
    for signal in (task_started, task_finished):
        signal.connect(heard_tasks.write_down)
    logger.setLevel(level)


def run(name: str, arguments: str, *, max_attempts: int = 1) -> tuple[str, bytes]:
    envelope = {
        "id": str(uuid7()),
        "attempt": 1,
        "arguments": arguments,
        "queue": "default",
        "priority": 0,
        "failures": 0,
        "max_attempts": max_attempts,
    }
    return run_task(f"{PATH}.{name}", msgpack.packb(envelope), DeadLine(), node="n1")


def test_nobody_listens_until_somebody_connects(quiet: None) -> None:
    assert not is_heard()
    task_finished.connect(heard_tasks.write_down)
    assert is_heard()
    task_finished.disconnect(heard_tasks.write_down)
    logging.getLogger(TASKS_LOGGER).setLevel(logging.INFO)
    assert is_heard()


def test_a_failure_is_logged_with_its_exception_even_then(
    quiet: None, caplog: pytest.LogCaptureFixture
) -> None:
    kind, _ = run("refuse", '{"reason": "no"}')
    assert kind == "failed"
    [record] = [record for record in caplog.records if record.name == TASKS_LOGGER]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_an_attempt_that_will_be_retried_is_not_finished(
    quiet: None, caplog: pytest.LogCaptureFixture
) -> None:
    kind, _ = run("refuse", '{"reason": "no"}', max_attempts=2)
    assert kind == "retry"
    assert not [record for record in caplog.records if record.name == TASKS_LOGGER]


def test_a_receiver_that_raises_harms_no_task(quiet: None, caplog: pytest.LogCaptureFixture) -> None:
    def break_down(**kwargs: Any) -> None:
        raise RuntimeError("a receiver")

    task_started.connect(break_down)
    task_finished.connect(break_down)
    try:
        kind, _ = run("add", '{"a": 1}')
    finally:
        task_started.disconnect(break_down)
        task_finished.disconnect(break_down)
    assert kind == "succeeded"
    assert caplog.text.count("RuntimeError: a receiver") == 2


def test_signals_are_sent_in_the_worker_with_the_exception_at_hand(up: Up) -> None:
    up.wait_until_ready()
    ids = {}
    for name, arguments in (("add", {"a": 1}), ("refuse", {"reason": "no"}), ("describe_context", {})):
        status, answer = up.call(f"/api/functions/{name}/", arguments)
        assert status == 202, up.log.read_text()
        ids[name] = answer["task_id"]
    ledger = up.ledger.with_name("ledger.signals")
    wait_until(
        lambda: ledger.exists() and ledger.read_text().count("finished") == 3,
        seconds=60,
        what="three tasks have ended",
    )
    assert sorted(ledger.read_text().splitlines()) == sorted(
        [
            f"started {ids['add']} RUNNING TaskdeckBackend -",
            f"finished {ids['add']} SUCCESSFUL TaskdeckBackend -",
            f"started {ids['refuse']} RUNNING TaskdeckBackend -",
            f"finished {ids['refuse']} FAILED TaskdeckBackend LookupError",
            f"started {ids['describe_context']} RUNNING TaskdeckBackend -",
            f"finished {ids['describe_context']} SUCCESSFUL TaskdeckBackend -",
        ]
    )
    path = f"/api/tasks/{ids['describe_context']}/"
    wait_until(lambda: up.call(path)[1]["state"] == "succeeded", seconds=60, what="it is recorded")
    assert up.call(path)[1]["result"] == {
        "id": ids["describe_context"],
        "attempt": 1,
        "attempts": 1,
        "status": "RUNNING",
    }
