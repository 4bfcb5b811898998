"""System checks: faults of the settings and of the task functions, all in one report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, router

from tasks_app.compat import task_backends
from tasks_app.conf import conf_faults
from tasks_app.django_task import TaskdeckTask
from tasks_app.errors import UnknownFunction
from tasks_app.functions import given_in_settings, registry
from tasks_app.models import Task

TAG = "taskdeck"


@checks.register(TAG)
def check_conf(**kwargs: Any) -> list[checks.CheckMessage]:
    """The ``TASKDECK`` setting."""
    return [
        checks.Error(f"TASKDECK: {fault}.", id="taskdeck.E001")
        for fault in conf_faults(getattr(settings, "TASKDECK", {}))
    ]


@checks.register(TAG)
def check_functions(**kwargs: Any) -> list[checks.CheckMessage]:
    """Names that clash, and options in the settings that are wrong or belong to no function."""
    found = [f"{path}: {fault}." for path, faults in registry.faults.items() for fault in faults]
    return [
        *(checks.Error(fault, id="taskdeck.E002") for fault in found),
        *(checks.Error(fault, id="taskdeck.E003") for fault in _unknown_paths()),
    ]


@checks.register(TAG)
def check_router(**kwargs: Any) -> list[checks.CheckMessage]:
    """Statements of web and worker go to the default database, whatever a router says."""
    alias = router.db_for_write(Task)
    if alias == DEFAULT_DB_ALIAS:
        return []
    fault = f"DATABASE_ROUTERS send tasks_app to {alias!r}, but it works in the default database only."
    return [checks.Error(fault, id="taskdeck.E004")]


def _unknown_paths() -> Iterator[str]:
    for alias in settings.TASKS:
        backend: Any = task_backends[alias]
        if backend.task_class is not TaskdeckTask:
            continue
        for path in given_in_settings(backend):
            if path not in registry.faults and not _is_function_of(alias, path):
                yield f'TASKS["{alias}"]["OPTIONS"]["FUNCTIONS"]: there is no task function {path!r}.'


def _is_function_of(alias: str, path: str) -> bool:
    try:
        return bool(registry.by_path(path).django_task.backend == alias)
    except UnknownFunction:
        return False
