"""One task's page: result, error, steps, and why it is not running yet."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import nothing_is_wrong, nothing_scrolls_sideways
from tests.e2e.test_tasks_page import submit_and_wait
from tests.support.machine import Up
from tests.support.processes import wait_until


def submit(machine: Up, function: str, arguments: dict[str, object], **options: object) -> str:
    body = {"function": function, "arguments": arguments, **options}
    return str(machine.call("/api/tasks/", body)[1]["task_id"])


def test_a_table_can_be_read_copied_and_downloaded(console: Page, machine: Up) -> None:
    task_id = submit_and_wait(machine, "text_report", {"text": "one two two"})
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_role("cell", name="two")).to_be_visible()
    with console.expect_download() as download:
        console.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename.endswith(".json")
    assert '"word": "two"' in download.value.path().read_text()


def test_a_failure_shows_its_error_first_and_can_be_run_again_with_changes(
    console: Page, machine: Up
) -> None:
    task_id = submit_and_wait(machine, "asks_for_a_pause", {"message": "hopeless case"})
    console.goto(f"/console/tasks/{task_id}")
    alert = console.get_by_role("alert")
    expect(alert).to_contain_text("hopeless case")
    expect(alert).to_contain_text("Traceback")
    expect(console).to_have_title(re.compile("^Failed:"))
    console.get_by_role("link", name="Run again with changes").click()
    field = console.get_by_label("Message")
    expect(field).to_have_value("hopeless case")
    field.fill("hopeless again")
    console.get_by_role("button", name="Run as a new task").click()
    expect(console.get_by_role("alert")).to_contain_text("hopeless again")


def test_a_task_that_nobody_serves_says_why_it_waits(console: Page, machine: Up) -> None:
    task_id = submit(machine, "fibonacci", {"number": 3}, queue="nobody-here")
    console.goto(f"/console/tasks/{task_id}")
    reason = console.get_by_role("alert").filter(has_text="Why is it not running yet?")
    expect(reason).to_contain_text("No live worker serves the queue nobody-here")
    expect(reason).to_contain_text("No task stands before it in the queue")
    console.goto("/console/queues")
    row = console.get_by_role("row").filter(has_text="nobody-here")
    expect(row).to_contain_text("Backlog and no worker")
    console.goto(f"/console/tasks/{task_id}")
    console.get_by_role("button", name="Cancel").click()
    expect(console.get_by_role("status").filter(has_text="Cancelled")).to_be_visible()
    expect(reason).to_be_hidden()


def test_a_task_that_waits_in_line_is_told_when_it_starts(console: Page, machine: Up) -> None:
    submit_and_wait(machine, "fibonacci", {"number": 3})
    running = submit(machine, "fibonacci", {"number": 40})
    waiting = [submit(machine, "fibonacci", {"number": 3}) for _ in range(2)]
    console.goto(f"/console/tasks/{waiting[1]}")
    reason = console.get_by_role("alert").filter(has_text="Why is it not running yet?")
    expect(reason).to_contain_text(
        re.compile(
            r"1 task stands before it in the queue default\. "
            r"At the pace of the last minutes it starts (now|in \d+ (second|minute)s?), .+\.$"
        )
    )
    machine.call(f"/api/tasks/{running}/cancel/", {})
    expect(console.get_by_test_id("result")).to_have_text("2")


def test_a_paused_queue_holds_its_tasks_and_says_why(console: Page, machine: Up) -> None:
    console.goto("/console/queues")
    console.get_by_role("button", name="Pause default").click()
    dialog = console.get_by_role("dialog", name="Pause the queue default?")
    dialog.get_by_label("Reason").fill("moving house")
    dialog.get_by_role("button", name="Pause it").click()
    row = console.get_by_role("row").filter(has_text="moving house")
    expect(row).to_contain_text("Paused")
    task_id = submit(machine, "fibonacci", {"number": 3})
    console.goto(f"/console/tasks/{task_id}")
    reason = console.get_by_role("alert").filter(has_text="Why is it not running yet?")
    expect(reason).to_contain_text("The queue default was paused: moving house")
    console.goto("/console/queues")
    console.get_by_role("button", name="Resume default").click()
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_test_id("result")).to_have_text("2")


def test_a_pause_with_an_end_says_when_the_queue_runs_again_and_refuses_the_past(
    quiet_console: Page, machine: Up
) -> None:
    page = quiet_console  # the refusal is an error of the network in Chromium's eyes
    page.goto("/console/queues")
    page.get_by_role("button", name="Pause default").click()
    dialog = page.get_by_role("dialog", name="Pause the queue default?")
    dialog.get_by_label("Until").fill("2020-01-31T12:00")
    dialog.get_by_role("button", name="Pause it").click()
    expect(dialog).to_contain_text("must lie in the future")
    dialog.get_by_label("Until").fill("2040-01-31T12:00")
    dialog.get_by_role("button", name="Pause it").click()
    expect(dialog).to_have_count(0)
    row = page.get_by_role("row").filter(has_text="Paused")
    expect(row).to_contain_text(re.compile(r"runs again in [\d,]+ days"))
    task_id = submit(machine, "fibonacci", {"number": 3})
    page.goto(f"/console/tasks/{task_id}")
    expect(page.get_by_text("The pause ends in")).to_be_visible()
    page.goto("/console/queues")
    page.get_by_role("button", name="Resume default").click()
    expect(page.get_by_text("runs again")).to_have_count(0)


def test_a_cancelled_run_shows_the_steps_to_its_end(console: Page, machine: Up) -> None:
    task_id = submit(machine, "fibonacci", {"number": 40})
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_role("status").filter(has_text="Running")).to_be_visible()
    console.get_by_role("button", name="Cancel").click()
    console.get_by_role("button", name="Cancel the task").click()
    expect(console.get_by_text("Somebody asked it to stop")).to_be_visible()
    expect(console.get_by_text("It was interrupted and may clean up")).to_be_visible()
    expect(console.get_by_role("status").filter(has_text="Cancelled")).to_be_visible()


def test_the_workers_page_shows_the_node_and_what_it_runs(console: Page, machine: Up) -> None:
    task_id = submit(machine, "count_primes", {"stop": 9_000_000})
    console.goto("/console/workers")
    node = console.get_by_role("region", name=re.compile("^Worker "))
    expect(node).to_contain_text("Alive")
    expect(node.get_by_role("link", name="count_primes")).to_be_visible()
    expect(node).to_contain_text("1 of 1 busy")
    machine.call(f"/api/tasks/{task_id}/cancel/", {})
    wait_until(
        lambda: machine.call(f"/api/tasks/{task_id}/")[1]["state"] == "cancelled",
        seconds=20,
        what="the long task is gone",
    )
    expect(node).to_contain_text("Idle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("text_report", {"text": "one two"}),
        ("asks_for_a_pause", {"message": "hopeless"}),
        ("count_primes", {"stop": 10}),
    ],
)
def test_axe_finds_nothing_on_a_task(
    console: Page, machine: Up, scheme: str, function: str, arguments: dict[str, object]
) -> None:
    task_id = submit_and_wait(machine, function, arguments)
    console.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_role("heading", level=1)).to_be_visible()
    nothing_is_wrong(console)
    console.set_viewport_size({"width": 390, "height": 800})
    console.reload()
    expect(console.get_by_role("heading", level=1)).to_be_visible()
    nothing_scrolls_sideways(console)
