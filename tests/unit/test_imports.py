"""What a process has no use for, it does not import: start-up time and memory of every node."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = {"twisted", "daphne", "channels.consumer", "rest_framework.views", "drf_spectacular.openapi"}
WEB |= {"tasks_app.api.urls", "tasks_app.consumers", "tasks_app.admin", "taskqueue_site.urls"}
NODE = {"redis", "pika", "channels", "worker.node", "worker.guard", "worker.supervisor", "tasks_app.submit"}
HELP = "from django.core.management import load_command_class as load; load('worker', 'runworker')"
RUN = "import worker.node"


def modules_after(statement: str, folder: Path) -> set[str]:
    """What a process on SQLite has imported once Django and this statement have run."""
    code = f"import sys, django; django.setup(); {statement}; print(*sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    environment |= {"TASKDECK_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return set(said.stdout.split())


@pytest.mark.parametrize(("statement", "others"), [(HELP, WEB | NODE), (RUN, WEB)], ids=["help", "node"])
def test_a_process_imports_no_part_of_another(statement: str, others: set[str], tmp_path: Path) -> None:
    imported = modules_after(statement, tmp_path)

    assert "tasks_app.models" in imported
    assert imported & (others | {"psycopg"}) == set()


def test_what_the_executors_share_is_imported_before_they_are_forked(tmp_path: Path) -> None:
    assert {"tasks_app.execution", "tasks_app.submit", "redis", "pika"} <= modules_after(RUN, tmp_path)
