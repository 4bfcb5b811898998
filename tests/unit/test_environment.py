"""A person who sets a variable wrongly is told so in a sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from taskqueue_site.environment import Environment
from tests.support.machine import ROOT, SERVICE_VARIABLES

MODULES = "TASKDECK_MODULES"


def manage(data_dir: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in SERVICE_VARIABLES}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**environment, "TASKDECK_DATA_DIR": str(data_dir), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_all_faults_come_in_one_report_and_without_a_traceback(tmp_path: Path) -> None:
    wrong = {
        "PORT": "http",
        "DATABASE_URL": "mysql://someone:hidden@host/name",
        "DEBUG": "maybe",
        "LOG_LEVEL": "loud",
        "TASKDECK_LEASE_SECONDS": "long",
        "WORKER_CONCURRENCY": "-1",
    }
    ended = manage(tmp_path, "up", **wrong)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert all(name in ended.stderr for name in wrong)
    assert "hidden" not in ended.stderr


@pytest.mark.parametrize(
    ("command", "name", "value", "told"),
    [
        ("up", MODULES, "tasks_app.examples.tasks, shop.no_such", "there is no module 'shop.no_such'"),
        ("up", "PORT", "99999", "PORT must be between 1 and 65535"),
        ("up", "REDIS_URL", "localhost:6379", "REDIS_URL must be redis://"),
        ("up", "REDIS_URL", "redis://:hid/den@localhost:6379", "REDIS_URL must be redis://"),
        ("runworker", "WORKER_CONCURRENCY", "251", "between 0 and 250"),
    ],
)
def test_a_value_that_cannot_work_ends_the_command_with_a_sentence(
    tmp_path: Path, command: str, name: str, value: str, told: str
) -> None:
    ended = manage(tmp_path, command, **{name: value})
    assert ended.returncode != 0
    assert told in ended.stderr
    assert "hid" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_module_that_misses_an_import_of_its_own_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "half_installed.py").write_text("import surely_not_installed\n")
    ended = manage(tmp_path, "check", PYTHONPATH=str(tmp_path), **{MODULES: "half_installed"})
    assert ended.returncode != 0
    assert "No module named 'surely_not_installed'" in ended.stderr


def test_a_secret_key_may_begin_with_a_dollar_sign() -> None:
    assert Environment({"SECRET_KEY": "$ecret"}).text("SECRET_KEY") == "$ecret"


def test_spaces_around_the_commas_of_a_list_do_not_count() -> None:
    assert Environment({"HOSTS": "a.example, b.example ,"}).names("HOSTS", default=[]) == [
        "a.example",
        "b.example",
    ]


def test_an_empty_variable_counts_as_unset() -> None:
    env = Environment({"A": "", "B": "", "C": "", "D": ""})
    assert env.text("A", default="none") == "none"
    assert env.whole("B", default=3) == 3
    assert env.number("C", default=1.5) == 1.5
    assert env.flag("D", default=True) is True


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite://:memory:", "postgresql://host", "postgresql://u:p/w@h:p/name"]
)
def test_a_database_that_processes_cannot_share_is_refused(url: str) -> None:
    env = Environment({"DATABASE_URL": url})
    assert env.database("DATABASE_URL", default="sqlite:////data/file")["NAME"] == "/data/file"
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must be postgresql://"):
        env.refuse_faults()


def test_every_variable_that_is_read_is_documented() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "taskqueue_site/settings.py").read_text()))
    documents = (ROOT / "README.md").read_text() + (ROOT / "docs/reference/settings.md").read_text()
    assert len(read) > 20
    assert read - set(re.findall(r"[A-Z_]+", documents)) == {"TASKDECK_DIE_WITH_PARENT"}  # of the Makefile
