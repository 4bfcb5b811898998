"""Task functions that log, print, and report how far they are; some wait for a file named by FOLDER."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tasks_app.compat import task
from tasks_app.context import current_task
from tasks_app.interrupts import TaskCancelled

log = logging.getLogger("shop.orders")


def wait_for(name: str) -> None:
    """Until the test has written the file."""
    path = Path(os.environ["LEDGER"]).with_name(name)
    while not path.exists():
        time.sleep(0.01)


@task()
def logs_and_prints(gate: str) -> int:
    log.info("order %d of %d", 1, 2)
    log.debug("below the level")
    print("printed")
    print("without an end", end="")
    print(" and its end", file=sys.stdout)
    sys.stderr.write("on stderr\n")
    thread = threading.Thread(target=log.warning, args=("from a thread",))
    thread.start()
    thread.join()
    wait_for(gate)
    try:
        raise ValueError("no stock")
    except ValueError:
        log.exception("order failed")
    return 2


@task()
def is_silent() -> int:
    return 1


@task(max_attempts=2, backoff=0)
def logs_and_fails(lines: int) -> None:
    for number in range(lines):
        log.info("line %d", number)
    raise RuntimeError("ended")


@task()
def reports_by_current_task(gate: str) -> str:
    context = current_task()
    assert context is not None
    context.metadata["shard"] = 7
    for number in context.track((n for n in range(10)), stage="Reading", total=10):
        if number == 5:
            wait_for(gate)
    context.progress(3, 6, "Writing")
    context.metadata["written"] = ["a"]
    return f"{context.task_id} {context.attempt} {context.task_result.status.name}"


@task(takes_context=True)
def cleans_up_when_cancelled(context: Any, gate: str) -> str:
    """Notes whether a cancel was asked for, from code that finishes first."""
    print(f"before {context.is_cancelled}")
    try:
        wait_for(gate)
    except TaskCancelled:
        print(f"after {context.is_cancelled}")
        raise
    return "never cancelled"


@task()
def logs_in_with(user: str, password: SecretStr, works: bool) -> str:
    log.info("%s logs in", user)
    if not works:
        raise RuntimeError("locked out")
    return f"{user} with {len(password.get_secret_value())} characters"
