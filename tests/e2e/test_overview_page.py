"""The overview: tiles, charts over time, failures by kind."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.machine import Up
from tests.support.processes import wait_until


def test_the_charts_count_what_ends_and_can_be_read_by_keyboard(console: Page, machine: Up) -> None:
    console.goto("/console/overview")
    chart = console.get_by_role("slider", name="Ended, per minute")

    def the_last_minute_counts() -> bool:
        machine.call("/task", {"number": 12})  # anew each time: the minute may have turned since
        chart.press("End")
        return bool(re.search(r"\d\d:\d\d: Succeeded [1-9]", chart.get_attribute("aria-valuetext") or ""))

    wait_until(the_last_minute_counts, seconds=40, what="the last point counts what ended")

    def an_arrow_goes_one_back() -> bool:
        chart.press("End")  # anew each time: a chart has a point less while its newest minute is young
        last = int(chart.get_attribute("aria-valuenow") or 0)
        console.keyboard.press("ArrowLeft")
        return int(chart.get_attribute("aria-valuenow") or 0) == last - 1

    wait_until(an_arrow_goes_one_back, seconds=40, what="the arrow goes to the point before")
    console.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuenow", "0")


def test_the_range_stands_in_the_address(console: Page, machine: Up) -> None:
    console.goto("/console/overview?range=nonsense")
    expect(console.get_by_role("radio", name="1 h")).to_be_checked()
    console.get_by_text("7 days", exact=True).click()
    expect(console).to_have_url(re.compile(r"range=7d"))
    expect(console.get_by_role("slider", name="Ended, per hour")).to_be_visible()
    console.reload()
    expect(console.get_by_role("radio", name="7 days")).to_be_checked()


def test_it_tells_how_long_tasks_stay_and_how_old_the_oldest_is(console: Page, machine: Up) -> None:
    machine.call("/task", {"number": 3})
    console.goto("/console/overview")
    line = console.get_by_text("Succeeded and cancelled tasks stay for 7 days, failed ones for 30 days.")
    expect(line).to_contain_text(
        re.compile(r"The oldest task here was submitted (just now|\d+ (s|min) ago)\.$")
    )
