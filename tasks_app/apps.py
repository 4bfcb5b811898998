from __future__ import annotations

import sys
from collections.abc import Sequence

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks_app"
    verbose_name = "Taskdeck"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        if only_asks_for_help(sys.argv):
            return  # the functions and what describes them take a quarter of such a process's time
        from tasks_app import checks  # noqa: F401 - registers itself
        from tasks_app.functions import registry

        registry.discover()


def only_asks_for_help(arguments: Sequence[str]) -> bool:
    """``manage.py COMMAND --help``: the command prints its usage and ends. With anything more it may run."""
    return len(arguments) == 3 and arguments[0].endswith("manage.py") and arguments[2] in ("-h", "--help")
