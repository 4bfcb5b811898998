"""A page that breaks, and a console that was replaced by a newer one while it was open."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.axe import nothing_is_wrong

TASKS_CHUNK = re.compile(r"/assets/tasks-[^/]*\.js")


def test_a_chunk_that_a_deploy_replaced_is_fetched_by_one_reload(quiet_console: Page) -> None:
    loads: list[str] = []
    gone: list[str] = []

    def answer(route: Route) -> None:
        if len(loads) > 1:
            route.continue_()
        else:
            gone.append(route.request.url)
            route.fulfill(status=404)

    quiet_console.route(TASKS_CHUNK, answer)
    quiet_console.on("domcontentloaded", lambda page: loads.append(page.url))
    quiet_console.goto("/console/login")
    quiet_console.get_by_role("link", name="Tasks").dispatch_event("click")
    expect(quiet_console.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
    assert gone
    assert len(loads) == 2


def test_a_chunk_that_stays_away_ends_on_the_error_page_and_not_in_a_loop(quiet_console: Page) -> None:
    quiet_console.route(TASKS_CHUNK, lambda route: route.fulfill(status=404))
    loads: list[str] = []
    quiet_console.on("load", lambda page: loads.append(page.url))
    quiet_console.goto("/console/tasks")
    expect(quiet_console.get_by_role("heading", name="This page broke")).to_be_visible()
    expect(quiet_console.get_by_role("link", name="New task")).to_be_visible()
    assert len(loads) == 2
    quiet_console.unroute(TASKS_CHUNK)
    quiet_console.get_by_role("button", name="Try again").click()
    expect(quiet_console.get_by_role("heading", level=1, name="Tasks")).to_be_visible()


def test_a_page_that_throws_leaves_the_shell_and_comes_back(quiet_console: Page) -> None:
    broken = [True]

    def answer(route: Route) -> None:
        if broken:
            route.fulfill(status=200, json={"results": [{"id": "1", "state": "no such state"}], "next": None})
        else:
            route.continue_()

    quiet_console.route(re.compile(r"/api/tasks/(\?.*)?$"), answer)
    quiet_console.goto("/console/tasks")
    expect(quiet_console.get_by_role("heading", name="This page broke")).to_be_visible()
    broken.clear()
    quiet_console.reload()
    expect(quiet_console.get_by_role("heading", level=1, name="Tasks")).to_be_visible()


@pytest.mark.parametrize("path", ["/console/nowhere", "/console/tasks/00000000-0000-7000-8000-000000000000"])
def test_what_is_not_there_has_a_heading_a_title_and_a_way_out(quiet_console: Page, path: str) -> None:
    quiet_console.goto(path)
    heading = quiet_console.get_by_role("heading", level=1)
    expect(heading).to_contain_text("There is no such")
    expect(quiet_console).to_have_title(f"{heading.inner_text()} · Taskdeck")
    nothing_is_wrong(quiet_console)
    quiet_console.get_by_role("link", name="Show the tasks").click()
    expect(quiet_console.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
