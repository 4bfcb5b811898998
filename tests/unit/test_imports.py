"""What a process has no use for, it does not import: start-up time and memory of every node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = {"twisted", "daphne", "channels.consumer", "rest_framework.views", "drf_spectacular.openapi"}
WEB |= {"tasks_app.api.urls", "tasks_app.consumers", "tasks_app.admin", "taskqueue_site.urls"}
NODE = {"redis", "pika", "channels", "worker.node", "worker.guard", "worker.supervisor", "tasks_app.submit"}
FUNCTIONS = {"pydantic", "docstring_parser", "tasks_app.functions", "tasks_app.adapters", "tasks_app.checks"}
LOAD = "from django.core.management import load_command_class as load; command = load('worker', 'runworker')"
RUN = "import worker.node"
CHECK = f"{LOAD}; command.check(**command.get_check_kwargs({{}}))"
REDIS = "redis://127.0.0.1:1/0"
SEND = "from tasks_app.live import News; from tasks_app.redis_client import RedisLink"
SEND = f"{RUN}; {SEND}; News(RedisLink({REDIS!r}), None)"
RECEIVER = {"channels_redis", "channels_redis.pubsub", "cryptography.fernet"}
USUAL = ["manage.py", "runworker"]


def modules_after(statement: str, folder: Path, arguments: Sequence[str] = USUAL, **more: str) -> set[str]:
    """What a process on SQLite has imported once the statement has run; ``more`` of the environment."""
    code = f"import sys; sys.argv = {arguments!r}; import django; django.setup(); {statement}"
    code = f"{code}; print(*sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    environment |= {"TASKDECK_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"}
    environment |= more
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return set(said.stdout.split())


@pytest.mark.parametrize(
    ("statement", "others"),
    [(LOAD, WEB | NODE), (CHECK, WEB | NODE), (RUN, WEB)],
    ids=["command", "system checks", "node"],
)
def test_a_process_imports_no_part_of_another(statement: str, others: set[str], tmp_path: Path) -> None:
    imported = modules_after(statement, tmp_path)

    assert "tasks_app.models" in imported
    assert imported & (others | {"psycopg"}) == set()


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_the_usage_of_a_command_is_printed_without_the_functions(word: str, tmp_path: Path) -> None:
    imported = modules_after(LOAD, tmp_path, ["./manage.py", "runworker", word])

    assert "worker.management.commands.runworker" in imported
    assert imported & (WEB | NODE | FUNCTIONS | {"psycopg"}) == set()


@pytest.mark.parametrize("arguments", [USUAL, ["manage.py", "shell", "--help", "x"], ["site.py", "x", "-h"]])
def test_every_other_process_knows_the_functions(arguments: list[str], tmp_path: Path) -> None:
    assert modules_after(LOAD, tmp_path, arguments) > FUNCTIONS | {"tasks_app.examples.tasks"}


def test_what_the_executors_share_is_imported_before_they_are_forked(tmp_path: Path) -> None:
    assert {"tasks_app.execution", "tasks_app.submit", "redis", "pika"} <= modules_after(RUN, tmp_path)


def test_a_node_on_postgresql_imports_no_sqlite(tmp_path: Path) -> None:
    imported = modules_after(RUN, tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert "psycopg" in imported
    assert imported & {"sqlite3", "tasks_app.sqlite_session"} == set()


def test_who_only_sends_events_imports_nothing_to_receive_them(tmp_path: Path) -> None:
    imported = modules_after(SEND, tmp_path, REDIS_URL=REDIS)

    assert "channels.layers" in imported
    assert imported & RECEIVER == set()
