"""The console by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.machine import Up


def test_submit_watch_and_retry_by_keyboard_alone(console: Page) -> None:
    console.goto("/console/tasks")
    expect(console.get_by_role("heading", level=1)).to_be_visible()
    console.keyboard.press("n")
    expect(console.get_by_label("Number")).to_be_focused()
    console.keyboard.type("12")
    console.keyboard.press("Enter")
    expect(console.get_by_test_id("result")).to_have_text("144")
    console.keyboard.press("r")
    expect(console.get_by_text("Attempt", exact=True)).to_be_visible()
    expect(console.get_by_test_id("result")).to_have_text("144")
    console.keyboard.press("g")
    console.keyboard.press("t")
    expect(console).to_have_url(re.compile("/console/tasks$"))


def test_the_list_of_shortcuts_opens_closes_and_holds_the_switch(console: Page) -> None:
    console.goto("/console/tasks")
    expect(console.get_by_role("heading", level=1)).to_be_visible()
    console.keyboard.press("?")
    dialog = console.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    dialog.get_by_role("switch").press("Space")
    console.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    console.keyboard.press("n")
    console.keyboard.press("?")
    expect(dialog).to_be_visible()
    assert console.url.endswith("/console/tasks")
    dialog.get_by_role("switch").press("Space")
    expect(dialog.get_by_role("switch")).to_be_checked()
    console.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    console.keyboard.press("n")
    expect(console).to_have_url(re.compile("/console/new"))


def go_to(page: Page, text: str, option: str) -> None:
    page.keyboard.press("Control+k")
    box = page.get_by_role("dialog").get_by_label("Go to")
    box.fill(text)
    expect(page.get_by_role("dialog").get_by_text(option).first).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_ctrl_k_goes_to_a_function_and_to_a_task_by_its_id(console: Page, machine: Up) -> None:
    _, answer = machine.call("/api/functions/slow_echo/", {"text": "found by its id"})
    console.goto("/console/tasks")
    expect(console.get_by_role("heading", level=1)).to_be_visible()
    go_to(console, "mandel", "Mandelbrot")
    expect(console).to_have_url(re.compile("name=mandelbrot"))
    go_to(console, answer["task_id"], f"Task {answer['task_id']}")
    expect(console).to_have_url(re.compile(answer["task_id"]))


def test_a_running_task_is_cancelled_only_after_a_question(console: Page, machine: Up) -> None:
    _, answer = machine.call("/api/functions/fibonacci/", {"number": 40})
    console.goto(f"/console/tasks/{answer['task_id']}")
    expect(console.get_by_text("Running", exact=True)).to_be_visible()
    console.keyboard.press("c")
    dialog = console.get_by_role("dialog", name="Cancel this running task?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Let it run").click()
    expect(dialog).to_be_hidden()
    expect(console.get_by_text("Running", exact=True)).to_be_visible()
    console.keyboard.press("c")
    dialog.get_by_role("button", name="Cancel the task").click()
    expect(console.get_by_text("Cancelled", exact=True).first).to_be_visible()
    expect(console).to_have_title(re.compile("Cancelled: fibonacci"))


def test_options_are_folded_away_and_reach_the_task(console: Page) -> None:
    console.goto("/console/new?name=slow_echo")
    console.get_by_label("Text").fill("later")
    expect(console.get_by_label("Priority")).to_be_hidden()
    console.get_by_text("Options", exact=True).click()
    console.get_by_label("Priority").fill("7")
    console.get_by_label("Run later").fill("2040-01-31T09:05")
    console.get_by_text("Call it from elsewhere").click()
    expect(console.get_by_label("the curl command", exact=True)).to_contain_text('"priority":7')
    console.get_by_role("button", name="Run later").click()
    expect(console.get_by_role("status").filter(has_text="Scheduled")).to_be_visible()
    expect(console.get_by_text("2040", exact=False).first).to_be_visible()


def test_an_option_that_the_server_refuses_is_named_at_its_field(quiet_console: Page) -> None:
    quiet_console.goto("/console/new?name=slow_echo")
    quiet_console.get_by_label("Text").fill("x")
    quiet_console.get_by_text("Options", exact=True).click()
    quiet_console.get_by_label("Queue").fill("q" * 101)
    with quiet_console.expect_response("**/api/tasks/") as refused:
        quiet_console.get_by_role("button", name="Run task").click()
    assert refused.value.status == 400
    expect(quiet_console.get_by_text("must have 1 to 100 printable characters")).to_be_visible()
    quiet_console.get_by_label("Queue").press("x")
    expect(quiet_console.get_by_text("must have 1 to 100 printable characters")).to_be_hidden()
    expect(quiet_console.get_by_label("Queue")).to_be_focused()
