"""A page whose news is lost on the way shows what the database says a moment later."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import open_page, running
from tests.support.machine import Up
from tests.support.processes import marked_processes, wait_until

TASKS = 30


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("lossy")
    with running(directory, DJANGO_SETTINGS_MODULE="tests.support.lossy_site") as machine:
        yield machine


@pytest.fixture
def page(lossy: Up, chromium: Browser) -> Iterator[Page]:
    with open_page(chromium, lossy.url) as page:
        page.goto("/console/tasks")
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        yield page


def succeeded(machine: Up) -> int:
    return int(machine.call("/api/tasks/counts/")[1]["counts"]["succeeded"])


def submit(machine: Up, number: int) -> None:
    before = succeeded(machine)
    for _ in range(number):
        machine.call("/task", {"number": 5})
    wait_until(lambda: succeeded(machine) == before + number, seconds=60, what="all have ended")


def shows_what_the_database_says(page: Page, machine: Up) -> None:
    ended = succeeded(machine)
    chip = page.get_by_role("button", name=re.compile(r"^Succeeded"))
    expect(chip).to_have_text(re.compile(rf"Succeeded\s*{ended}$"))
    rows = page.get_by_role("row").filter(has_text="fibonacci")
    expect(rows).to_have_count(min(ended, 50))
    expect(rows.filter(has_text="Succeeded")).to_have_count(min(ended, 50))


def test_a_fifth_of_the_events_lost_is_not_seen_in_the_end(page: Page, lossy: Up) -> None:
    lost_file = lossy.log.parent / "lost-messages"
    before = lines(lost_file)
    submit(lossy, TASKS)
    while lines(lost_file) == before:  # one message tells of many tasks: the next ones, then
        submit(lossy, 1)
    shows_what_the_database_says(page, lossy)


def test_redis_killed_and_back_is_not_seen_in_the_end(page: Page, lossy: Up) -> None:
    [valkey] = [pid for pid, line in marked_processes(lossy.marker).items() if "valkey-server" in line]
    os.kill(valkey, signal.SIGKILL)
    wait_until(lambda: valkey not in marked_processes(lossy.marker), seconds=10, what="valkey is gone")
    submit(lossy, TASKS)
    shows_what_the_database_says(page, lossy)
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    page.evaluate("window.unreloaded = true")
    submit(lossy, TASKS)
    shows_what_the_database_says(page, lossy)
    assert page.evaluate("window.unreloaded") is True


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0
