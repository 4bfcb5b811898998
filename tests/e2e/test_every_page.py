"""What holds on every page: axe in both schemes, a phone's width, and what is said when the server fails."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.axe import nothing_is_wrong
from tests.e2e.conftest import clicks_on
from tests.e2e.test_tasks_page import submit_and_wait
from tests.support.api import UNKNOWN_ID
from tests.support.machine import Up

SCHEMES = ("light", "dark")
READING = ("overview", "tasks", "batches", "functions", "workers", "queues", "tasks/ID", "batches/ID", "new")
"""Those that read from the server."""
OTHERS = ("login", "nowhere", f"tasks/{UNKNOWN_ID}", f"batches/{UNKNOWN_ID}", "new?name=nothing")


@pytest.fixture(scope="module")
def ids(machine: Up) -> dict[str, str]:
    """One task and one batch, by the list they are in."""
    one = {"function": "fibonacci", "arguments": {"number": 3}}
    batch = machine.call("/api/tasks/bulk/", {"tasks": [one, one]})[1]["batch"]
    return {"tasks": submit_and_wait(machine, "text_report", {"text": "one two"}), "batches": str(batch)}


def open_path(page: Page, path: str, ids: dict[str, str]) -> None:
    page.goto(f"/console/{path.replace('ID', ids.get(path.partition('/')[0], ''))}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[role=img][aria-label^=Loading]")).to_have_count(0)


@pytest.mark.parametrize("path", [*READING, *OTHERS])
@pytest.mark.parametrize("is_phone", [False, True], ids=["wide", "phone"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    quiet_console: Page, ids: dict[str, str], path: str, is_phone: bool
) -> None:
    """In both schemes, between which the page changes by itself.

    What is not there is an error of the network in Chromium's eyes.
    """
    quiet_console.set_viewport_size({"width": 390 if is_phone else 1280, "height": 800})
    for scheme in SCHEMES:
        quiet_console.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if scheme == SCHEMES[0]:
            open_path(quiet_console, path, ids)
        expect(quiet_console.locator(f"html[data-mantine-color-scheme={scheme}]")).to_be_attached()
        nothing_is_wrong(quiet_console)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens_above_a_page(
    console: Page, ids: dict[str, str], scheme: str
) -> None:
    console.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_path(console, "queues", ids)
    console.get_by_role("button", name="Pause default").click()
    expect(console.get_by_role("dialog", name="Pause the queue default?")).to_be_visible()
    nothing_is_wrong(console)
    console.keyboard.press("Escape")
    expect(console.get_by_role("dialog")).to_have_count(0)
    console.keyboard.press("Control+k")
    expect(console.get_by_role("dialog").get_by_label("Go to")).to_be_visible()
    nothing_is_wrong(console)
    console.keyboard.press("Escape")
    console.get_by_role("button", name="Keyboard shortcuts").click()
    expect(console.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    nothing_is_wrong(console)


def test_a_phone_reaches_every_page_by_the_menu(console: Page, ids: dict[str, str]) -> None:
    console.set_viewport_size({"width": 390, "height": 800})
    open_path(console, "tasks", ids)
    for name in ("Overview", "Batches", "New task", "Functions", "Workers", "Queues", "Tasks"):
        console.get_by_role("button", name="Toggle navigation").click()
        link = console.get_by_role("navigation", name="Main").get_by_role("link", name=name)
        link.click()
        expect(console).to_have_url(re.compile("/console/" + name.split(" ")[0].lower()))
        expect(link).not_to_be_in_viewport()


@pytest.mark.parametrize("path", READING)
def test_a_server_that_fails_is_told_with_another_try_that_helps(
    quiet_console: Page, ids: dict[str, str], path: str
) -> None:
    page, failed = quiet_console, []
    clicks = clicks_on(page)

    def fail(route: Route) -> None:
        if clicks or "/api/session/" in route.request.url:
            route.continue_()
        else:
            failed.append(route.request.url)
            route.fulfill(status=500, body="broken")

    page.route(re.compile("/api/"), fail)
    page.route_web_socket(re.compile("/ws/$"), lambda socket: socket.close(code=4000))
    open_path(page, path, ids)
    trouble = page.get_by_role("alert").filter(has_text="This could not be loaded")
    expect(trouble.first).to_contain_text("The server answered 500.")
    assert failed
    nothing_is_wrong(page)
    page.get_by_role("button", name="Try again").first.click()
    expect(trouble).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_page_that_loses_its_server_keeps_what_it_shows_and_says_that_it_may_be_old(
    quiet_console: Page, ids: dict[str, str]
) -> None:
    page = quiet_console
    open_path(page, "tasks", ids)
    row = page.get_by_role("row").filter(has_text="text_report").first
    expect(row).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_role("status").filter(has_text="Offline")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="What you see may be old")).to_be_visible()
    expect(row).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="What you see may be old")).to_have_count(0)


def test_nothing_moves_for_who_asked_for_less_motion(console: Page, machine: Up, ids: dict[str, str]) -> None:
    running = machine.call("/api/functions/fibonacci/", {"number": 40})[1]["task_id"]
    open_path(console, f"tasks/{running}", {})
    expect(console.get_by_role("status").filter(has_text="Running")).to_be_visible()
    moving = "document.getAnimations().filter(a => a.effect.getTiming().iterations === Infinity).length"
    assert console.evaluate(moving) == 0
    console.emulate_media(reduced_motion="no-preference")
    console.wait_for_function(f"{moving} > 0")
    machine.call(f"/api/tasks/{running}/cancel/", {})
