"""Submits that roll back, that are too large, that kill, or that are cancelled as they end."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.chaos.broker import SECONDS, BrokerSite
from tests.chaos.conftest import Figure, StartSite
from tests.chaos.site import NUMBER, RUN
from tests.support.machine import ROOT, Machine
from tests.support.processes import wait_until
from tests.support.servers import Redis

MIB = 1024 * 1024


def python(site: Machine, code: str) -> dict[str, Any]:
    """What a program of the site prints as JSON in its last line."""
    ended = subprocess.run(
        [sys.executable, "-c", "import django, json; django.setup()\n" + code],
        cwd=ROOT,
        env=site.environment | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


ROLL_BACK = """
from django.db import transaction
from tasks_app.delivery import delivery
from tasks_app.models import Task
from tests.support.ledger_tasks import noted_fibonacci
try:
    with transaction.atomic():
        lost = noted_fibonacci.enqueue(number=5).id
        was_there = Task.objects.filter(pk=lost).exists()
        raise ValueError("something else went wrong")
except ValueError:
    pass
kept = noted_fibonacci.enqueue(number=5).id
print(json.dumps({"lost": lost, "was_there": was_there, "kept": kept}))
"""


def test_an_enqueue_that_is_rolled_back_leaves_no_row_no_message_and_no_run(broker_site: BrokerSite) -> None:
    site = broker_site
    told = python(site, ROLL_BACK)
    assert told["was_there"]
    site.submitted.append(told["kept"])
    site.submit()
    site.audit()  # the other one has no row and did not run
    assert site.call(f"/api/tasks/{told['lost']}/")[0] == 404
    wait_until(
        lambda: site.queue()["messages_ready"] + site.queue()["messages_unacknowledged"] == 0,
        seconds=60,
        what=f"no message is left: {site.queue()}",
    )


POISON_LOSSES = 4
"""max_losses (3) and the one that is too many."""


@pytest.mark.long
def test_a_poison_task_fails_after_its_losses_and_its_neighbours_run_once(broker_site: BrokerSite) -> None:
    site = broker_site
    for _ in range(200):
        site.submit("explodes", should=False)  # known as short: many share an executor
    poison = site.submit("explodes", should=True)
    for _ in range(200):
        site.submit("explodes", should=False)
    wait_until(
        lambda: {site.call("/api/overview/")[1][name] for name in ("running", "waiting")} == {0},
        seconds=SECONDS,
        what=f"every task ends\n{site.tail()}",
    )
    _, task = site.call(f"/api/tasks/{poison}/")
    assert (task["state"], task["error"], task["losses"]) == ("failed", "worker lost", POISON_LOSSES)
    assert [attempt["kind"] for attempt in task["attempts"]] == ["loss"] * POISON_LOSSES
    ran = site.ran()
    assert ran.count(poison) == POISON_LOSSES
    assert sorted(ran) == sorted([*site.submitted, *[poison] * (POISON_LOSSES - 1)])


ENQUEUE = f"""
from tasks_app.errors import InvalidArguments
from tests.support.chaos_tasks import measures
try:
    result = measures.enqueue(run="{RUN}", number={NUMBER}, text="x" * {17 * MIB})
    print(json.dumps({{"id": result.id}}))
except InvalidArguments as error:
    print(json.dumps({{"refused": [[fault.field, fault.message] for fault in error.errors]}}))
"""


def test_17_mib_of_arguments_are_refused_with_the_field_or_carried_as_the_limit_says(
    start_site: StartSite,
) -> None:
    site = start_site()
    body = json.dumps({"run": RUN, "number": NUMBER, "text": "x" * 17 * MIB}).encode()
    status, problem = site.refused("/api/functions/measures/", body)
    assert (status, problem["code"]) == (413, "body_too_large")
    assert [error["field"] for error in problem["errors"]] == ["body"]
    assert python(site, ENQUEUE)["refused"] == [
        ["text", "too large: the arguments of a task may have at most 262144 bytes as JSON"]
    ]
    site.audit()  # nothing was stored

    larger = site.environment | {"TASKDECK_MAX_BODY_BYTES": str(20 * MIB)}
    site.environment = larger
    task_id = python(site, ENQUEUE)["id"]
    site.submitted.append(task_id)
    assert site.wait_until_ended(task_id)["result"] == 17 * MIB
    site.audit()


CANCEL_ROUNDS = 150
RUN_SECONDS = 0.1
FEW = 3


@pytest.mark.long
def test_a_cancel_that_races_the_end_leaves_one_legal_state(
    database_url: str, redis_server: Redis, start_site: StartSite, figure: Figure
) -> None:
    site = start_site(DATABASE_URL=database_url, REDIS_URL=redis_server.url)
    site.wait_for_workers(1)
    chance = random.Random(1)
    accepted: dict[str, bool] = {}
    for _ in range(CANCEL_ROUNDS):
        task_id = site.submit(seconds=RUN_SECONDS)
        time.sleep(chance.uniform(0, 2 * RUN_SECONDS))  # somewhere between its submit and its end
        status, _ = site.call(f"/api/tasks/{task_id}/cancel/", {})
        assert status in (200, 409), status
        accepted[task_id] = status == 200
    states = {task_id: site.wait_until_ended(task_id)["state"] for task_id in accepted}
    assert set(states.values()) == {"succeeded", "cancelled"}
    for task_id, state in states.items():
        ran = site.executions(task_id)
        assert len(ran) <= 1
        if state == "succeeded":
            assert ran[0].ended_at is not None
            assert not ran[0].raised
        else:
            assert accepted[task_id]
    cancelled = sum(state == "cancelled" for state in states.values())
    too_late = sum(not was for was in accepted.values())
    figure(f"{CANCEL_ROUNDS} cancels: {cancelled} won, {too_late} came too late and were told so")
    assert min(cancelled, too_late) >= FEW
