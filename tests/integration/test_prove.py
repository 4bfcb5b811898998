"""`manage.py prove` on one machine and on real servers: nothing lost, nothing stuck, and it can tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import Database
from tests.support.machine import ROOT, SERVICE_VARIABLES
from tests.support.mutations import WITHOUT
from tests.support.servers import RabbitMQ, Redis

SHORT = ("--tasks", "150", "--over-seconds", "10")


def prove(data_dir: Path, *options: str, **servers: str) -> tuple[int, dict[str, Any], str]:
    """Exit status, the JSON of the last line, and everything it printed."""
    environment = {key: value for key, value in os.environ.items() if key not in SERVICE_VARIABLES}
    ended = subprocess.run(
        [sys.executable, "manage.py", "prove", *SHORT, *options],
        cwd=ROOT,
        env=environment | {"TASKDECK_DATA_DIR": str(data_dir), **servers},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    text = ended.stdout + ended.stderr
    assert ended.stdout.strip(), text
    return ended.returncode, json.loads(ended.stdout.splitlines()[-1]), text


def assert_clean(status: int, found: dict[str, Any], text: str) -> None:
    assert status == 0, text
    assert found["submitted"] == found["finished"] > 150
    assert (found["lost"], found["stuck"], found["anomalies"]) == (0, 0, 0)
    assert found["executions"] > found["finished"] - found["states"]["cancelled"]
    struck = (
        "executor killed",
        "supervisor killed",
        "whole node killed",
        "supervisor frozen beyond its lease",
    )
    for fault in struck:
        assert found["recovery_seconds"][fault], text


def test_embedded_it_finds_nothing_lost_and_leaves_nothing_behind(tmp_path: Path) -> None:
    assert_clean(*prove(tmp_path))
    with Database("sqlite", "", tmp_path / "taskdeck.sqlite3").session() as session:
        assert session.rows("SELECT count(*) FROM taskdeck_task", {}) == [(0,)]
        assert session.rows("SELECT count(*) FROM taskdeck_worker", {}) == [(0,)]
    assert not list(tmp_path.glob("prove-*"))


def test_on_real_servers_it_finds_nothing_lost_and_leaves_nothing_behind(
    tmp_path: Path, database_url: str, rabbitmq: RabbitMQ, redis_server: Redis
) -> None:
    vhost = rabbitmq.fresh_vhost()
    status, found, text = prove(
        tmp_path,
        "--disruptive",
        DATABASE_URL=database_url,
        RABBITMQ_URL=rabbitmq.url_of(vhost),
        REDIS_URL=redis_server.url,
    )
    assert_clean(status, found, text)
    assert found["servers"] == {"database": "postgresql", "redis": "configured", "broker": "RabbitMQ"}
    for fault in ("messages doubled", "messages malformed or foreign", "broker queue deleted"):
        assert found["faults"][fault] == 1
    with Database("postgresql", database_url).session() as session:
        assert session.rows("SELECT count(*) FROM taskdeck_task", {}) == [(0,)]
    assert rabbitmq.list_queues(vhost=vhost) == []


LOST_REPLIES = "every_tenth_reply_of_a_claim"
MODULES = "tasks_app.examples.tasks,tests.support.mutations"


@pytest.mark.long
@pytest.mark.parametrize(
    ("without", "found"),
    [
        ("killing_before_releasing", "a drained node ended with exit status 75"),
        ("giving_back_what_a_lost_worker_held", "STUCK"),
        (f"{LOST_REPLIES},reconcile", "STUCK"),
    ],
)
def test_it_fails_without_a_rule(tmp_path: Path, without: str, found: str) -> None:
    removed = {"TASKDECK_MODULES": MODULES, WITHOUT: without}
    status, _, text = prove(tmp_path, "--settle-seconds", "10", **removed)
    assert status == 1
    assert found in text


@pytest.mark.long
def test_with_every_rule_lost_replies_cost_no_task(tmp_path: Path) -> None:
    assert_clean(*prove(tmp_path, **{"TASKDECK_MODULES": MODULES, WITHOUT: LOST_REPLIES}))
