"""What a tab does while nobody looks at it, and what is left of a page on paper."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.test_tasks_page import submit_and_wait
from tests.support.machine import Up
from tests.support.processes import wait_until

LOOK_AWAY = """state => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
ICON = "decodeURIComponent(document.querySelector('link[rel=icon]').href)"


def test_the_icon_of_a_hidden_tab_counts_failures_until_it_is_looked_at(console: Page, machine: Up) -> None:
    submit_and_wait(machine, "asks_for_a_pause", {"message": "hopeless"})  # one of before
    console.goto("/console/tasks")
    expect(console.get_by_role("button", name=re.compile(r"^Failed\s*\d"))).to_be_visible()  # counted once
    with console.expect_response("**/api/tasks/counts/"):
        console.evaluate(LOOK_AWAY, "hidden")
    assert "</text>" not in console.evaluate(ICON)
    for _ in range(2):
        submit_and_wait(machine, "asks_for_a_pause", {"message": "hopeless"})
    wait_until(lambda: ">2</text>" in console.evaluate(ICON), seconds=30, what="the icon tells two failures")
    console.evaluate(LOOK_AWAY, "visible")
    assert "</text>" not in console.evaluate(ICON)


def test_a_hidden_tab_leaves_the_stream_and_is_right_again_when_it_is_looked_at(
    console: Page, machine: Up
) -> None:
    sent: list[dict[str, Any]] = []
    console.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(json.loads(str(frame)))))
    console.goto("/console/tasks")

    def said(kind: str) -> int:
        console.evaluate("0")  # any call makes Playwright hand over what it has heard
        return sum(1 for frame in sent if frame.get("type") == kind and frame.get("topic") == "tasks")

    wait_until(lambda: said("subscribe"), seconds=30, what="the page subscribes")
    before = said("subscribe")
    console.evaluate(LOOK_AWAY, "hidden")
    wait_until(lambda: said("unsubscribe"), seconds=30, what="the hidden page unsubscribes")
    task_id = submit_and_wait(machine, "fibonacci", {"number": 7})
    console.evaluate(LOOK_AWAY, "visible")
    wait_until(lambda: said("subscribe") > before, seconds=30, what="it subscribes again")
    expect(console.locator(f"a[href$='{task_id}']").first).to_be_visible()


def test_a_printed_task_is_its_result_and_its_facts_in_light_colours(console: Page, machine: Up) -> None:
    task_id = submit_and_wait(machine, "text_report", {"text": "one two two"})
    console.emulate_media(color_scheme="dark")
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_role("heading", name="Result")).to_be_visible()
    expect(console.get_by_role("navigation", name="Main")).to_be_visible()
    console.emulate_media(media="print", color_scheme="dark")
    for shown in ("Result", "Arguments", "Timeline", "Details"):
        expect(console.get_by_role("heading", name=shown, exact=True)).to_be_visible()
    expect(console.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(console.get_by_role("banner")).to_be_hidden()
    expect(console.get_by_role("heading", name="Log")).to_be_hidden()
    expect(console.get_by_role("link", name="Run again with changes")).to_be_hidden()
    expect(console.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")
    console.emulate_media(media="screen", color_scheme="dark")
    expect(console.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    expect(console.get_by_role("navigation", name="Main")).to_be_visible()
