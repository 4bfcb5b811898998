"""Django's ``task_started`` and ``task_finished``, sent where the function runs: in the executor.

A receiver that raises is logged by Django and harms nobody. A result is built only if somebody listens:
Django's own log line, connected always, counts when its logger would write it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from tasks_app.compat import TASKS_LOGGER, TaskResultStatus, task_finished, task_started
from tasks_app.django_result import error_of, update

OWN_RECEIVERS = 1
"""Django's log line, on each of the signals."""
log = logging.getLogger(TASKS_LOGGER)


def is_heard() -> bool:
    """Whether anyone wants to know that a task starts and succeeds. Failures are told always."""
    others = max(len(task_started.receivers), len(task_finished.receivers)) > OWN_RECEIVERS
    return others or log.isEnabledFor(logging.INFO)


def announce_start(result: Any) -> None:
    task_started.send_robust(_sender(result), task_result=result)


def announce_success(result: Any, value: Any) -> None:
    """``value`` as JSON knows it. Sent before the row says so."""
    update(result, status=TaskResultStatus.SUCCESSFUL, finished_at=datetime.now(UTC), _return_value=value)
    task_finished.send_robust(_sender(result), task_result=result)


def announce_failure(result: Any, error: BaseException) -> None:
    """To be called inside the ``except`` block: receivers look at ``sys.exc_info()``."""
    update(result, status=TaskResultStatus.FAILED, finished_at=datetime.now(UTC))
    result.errors.append(error_of(error))
    task_finished.send_robust(_sender(result), task_result=result)


def _sender(result: Any) -> Any:
    return type(result.task.get_backend())
