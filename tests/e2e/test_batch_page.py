"""Batches: a page that moves by itself, ends or repeats their tasks, and shows what runs after them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import nothing_is_wrong, nothing_scrolls_sideways
from tests.support.api import UNKNOWN_ID
from tests.support.machine import Up
from tests.support.processes import wait_until

FIBONACCI = {"function": "fibonacci", "arguments": {"number": 3}}
FAILING = {"function": "asks_for_a_pause", "arguments": {"message": "hopeless case"}}


def submit(machine: Up, *tasks: object, **more: object) -> dict[str, Any]:
    status, answer = machine.call("/api/tasks/bulk/", {"tasks": tasks, **more})
    assert status == 202
    batch: dict[str, Any] = answer
    return batch


def end(machine: Up, batch: dict[str, Any]) -> None:
    wait_until(
        lambda: machine.call(batch["batch_url"])[1]["finished_at"], seconds=30, what="the batch has ended"
    )


def test_a_batch_moves_by_itself_and_what_failed_is_run_again(
    console: Page, machine: Up, tmp_path: Path
) -> None:
    path = str(tmp_path / "go")
    waiting = {"function": "waits_for_file", "arguments": {"path": path}, "priority": -1}  # the last to start
    tasks = [FIBONACCI, FIBONACCI, FAILING, FIBONACCI, waiting]
    batch = submit(machine, *tasks, then={"function": "noted_end"})
    console.goto(f"/console/batches/{batch['batch']}")
    bar = console.get_by_role("progressbar", name="Tasks that have ended")
    expect(bar).to_have_attribute("aria-valuetext", re.compile("^4 of 5 ended"))
    expect(console.get_by_role("status").filter(has_text="Running")).to_be_visible()
    expect(console.get_by_text("runs once all have ended")).to_be_visible()
    expect(console).to_have_title(re.compile("^80% of a batch"))
    (tmp_path / "go").touch()
    expect(console.get_by_role("status").filter(has_text="Ended with failures")).to_be_visible()
    then = console.get_by_role("link", name="noted_end").locator("..")
    expect(then).to_contain_text("Succeeded")
    console.get_by_role("button", name="Retry 1 failed").click()
    expect(console.get_by_text("1 task sent back to its queue.")).to_be_visible()
    end(machine, batch)
    assert machine.ran().count(batch["then"]["task_id"]) == 1


def test_what_is_left_of_a_batch_is_cancelled_after_a_question(console: Page, machine: Up) -> None:
    batch = submit(machine, *[{**FIBONACCI, "queue": "nobody-here"}] * 3, then={"function": "noted_end"})
    console.goto(f"/console/batches/{batch['batch']}")
    expect(console.get_by_role("status").filter(has_text="Waiting")).to_be_visible()
    console.keyboard.press("c")
    dialog = console.get_by_role("dialog", name="Cancel 3 tasks?")
    expect(dialog).to_contain_text("noted_end runs")
    dialog.get_by_role("button", name="Let them run").click()
    expect(dialog).to_be_hidden()
    console.get_by_role("button", name="Cancel all").click()
    dialog.get_by_role("button", name="Cancel them").click()
    expect(console.get_by_role("status").filter(has_text="Ended")).to_be_visible()
    expect(console.get_by_text("3 of 3")).to_be_visible()
    expect(console.get_by_role("button", name="Cancel all")).to_be_hidden()


def test_a_state_is_chosen_in_the_address_and_shows_its_tasks_alone(console: Page, machine: Up) -> None:
    batch = submit(machine, FIBONACCI, FAILING)
    end(machine, batch)
    console.goto(f"/console/batches/{batch['batch']}")
    rows = console.get_by_role("row").filter(has_text=re.compile("fibonacci|hopeless"))
    expect(rows).to_have_count(2)
    console.get_by_role("button", name="Failed 1", exact=True).click()
    expect(console).to_have_url(re.compile(r"state=failed$"))
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("hopeless case")


def test_each_task_leads_to_its_batch_and_the_one_that_waits_says_for_what(
    console: Page, machine: Up
) -> None:
    waiting = {**FIBONACCI, "queue": "nobody-here"}
    batch = submit(machine, waiting, then={"function": "noted_end"})
    name = f"batch …{batch['batch'][-6:]}"
    for task in (batch["then"], batch["tasks"][0]):
        console.goto(f"/console/tasks/{task['task_id']}")
        expect(console.get_by_role("link", name=name)).to_be_visible()
        if task is batch["then"]:
            reason = console.get_by_role("alert").filter(has_text="Why is it not running yet?")
            expect(reason).to_contain_text("It runs when all tasks of its batch have ended.")
    console.get_by_role("link", name=name).click()
    expect(console.get_by_role("heading", name="Batch of 1 task")).to_be_visible()
    machine.call("/api/tasks/actions/", {"action": "cancel", "filter": {"batch": batch["batch"]}})


def test_batches_are_found_by_keyboard(console: Page, machine: Up) -> None:
    batch = submit(machine, FIBONACCI)
    end(machine, batch)
    console.goto("/console/tasks")
    expect(console.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
    console.keyboard.press("g")
    console.keyboard.press("b")
    link = console.get_by_role("link", name=f"fibonacci {batch['batch'][-6:]}")
    expect(link).to_be_visible()
    link.focus()
    console.keyboard.press("Enter")
    expect(console).to_have_url(re.compile(batch["batch"]))


def test_what_is_no_batch_is_told(quiet_console: Page) -> None:
    quiet_console.goto(f"/console/batches/{UNKNOWN_ID}")
    expect(quiet_console.get_by_text("There is no such batch")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_batches(console: Page, machine: Up, scheme: str) -> None:
    batch = submit(machine, FIBONACCI, FAILING, {**FIBONACCI, "queue": "nobody-here"}, then=FIBONACCI)
    wait_until(
        lambda: machine.call(batch["batch_url"])[1]["counts"]["failed"], seconds=30, what="one has failed"
    )
    console.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in ("/console/batches", f"/console/batches/{batch['batch']}"):
        console.set_viewport_size({"width": 1280, "height": 800})
        console.goto(path)
        expect(console.get_by_role("progressbar").first).to_be_visible()
        nothing_is_wrong(console)
        console.set_viewport_size({"width": 390, "height": 800})
        console.reload()
        expect(console.get_by_role("progressbar").first).to_be_visible()
        nothing_scrolls_sideways(console)
    machine.call("/api/tasks/actions/", {"action": "cancel", "filter": {"batch": batch["batch"]}})
