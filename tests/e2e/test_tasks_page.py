"""The list of tasks: filters, search, standing still, and acts on many."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import nothing_is_wrong
from tests.e2e.conftest import clicks_on
from tests.support.machine import Up
from tests.support.processes import wait_until


def submit_and_wait(machine: Up, function: str, arguments: dict[str, object]) -> str:
    _, answer = machine.call(f"/api/functions/{function}/", arguments)
    task_id = str(answer["task_id"])
    wait_until(
        lambda: machine.call(f"/api/tasks/{task_id}/")[1]["finished_at"] is not None,
        seconds=20,
        what=f"{function} ends",
    )
    return task_id


def test_a_search_stands_in_the_address_and_narrows_the_list(console: Page, machine: Up) -> None:
    submit_and_wait(machine, "slow_echo", {"text": "needle-in-hay"})
    submit_and_wait(machine, "slow_echo", {"text": "hay"})
    console.goto("/console/tasks")
    expect(console.get_by_role("row").filter(has_text="needle-in-hay").first).to_be_visible()
    console.keyboard.press("/")
    console.keyboard.type("needle-in")
    expect(console).to_have_url(re.compile(r"q=needle-in"))
    expect(console.get_by_role("row")).to_have_count(2)  # the head and the one
    console.get_by_label("Search the arguments").fill("nothing like it")
    expect(console.get_by_text("No tasks match these filters")).to_be_visible()
    console.get_by_role("link", name="Clear filters").click()
    expect(console.get_by_label("Search the arguments")).to_have_value("")
    expect(console.get_by_role("row").filter(has_text="needle-in-hay").first).to_be_visible()


def test_filters_of_the_panel_survive_a_reload(console: Page, machine: Up) -> None:
    submit_and_wait(machine, "slow_echo", {"text": "x"})
    submit_and_wait(machine, "fibonacci", {"number": 3})
    console.goto("/console/tasks")
    console.get_by_role("button", name="Filters").click()
    console.get_by_label("Function").select_option("slow_echo")
    expect(console).to_have_url(re.compile("fn=slow_echo"))
    expect(console.get_by_role("row").filter(has_text="fibonacci")).to_have_count(0)
    console.get_by_role("button", name="Succeeded").click()
    expect(console).to_have_url(re.compile("state=succeeded"))
    console.reload()
    expect(console.get_by_role("button", name="Filters (1)")).to_be_visible()
    expect(console.get_by_label("Function")).to_have_value("slow_echo")
    expect(console.get_by_role("button", name="Succeeded")).to_have_attribute("aria-pressed", "true")


def test_rows_stand_still_under_the_pointer_and_newcomers_are_counted(console: Page, machine: Up) -> None:
    submit_and_wait(machine, "slow_echo", {"text": "the first row"})
    console.goto("/console/tasks")
    first = console.get_by_role("row").nth(1)
    expect(first).to_contain_text("the first row")
    first.hover()
    for number in range(3):
        submit_and_wait(machine, "slow_echo", {"text": f"newcomer {number}"})
    expect(console.get_by_role("status").filter(has_text="3 new tasks")).to_be_visible()
    expect(first).to_contain_text("the first row")
    console.get_by_role("button", name="3 new tasks").click()
    console.mouse.move(5, 5)
    expect(console.get_by_role("row").nth(1)).to_contain_text("newcomer 2")


def test_a_row_opens_its_task_here_and_with_ctrl_in_a_new_tab(console: Page, machine: Up) -> None:
    task_id = submit_and_wait(machine, "slow_echo", {"text": "to be opened"})
    console.goto("/console/tasks")
    link = console.locator(f"[data-task='{task_id}']")
    link.wait_for()
    console.evaluate("window.isSame = true")
    with console.context.expect_page() as opened:
        link.click(modifiers=["ControlOrMeta"])
    expect(opened.value).to_have_url(re.compile(f"/console/tasks/{task_id}$"))
    opened.value.close()
    link.click()
    expect(console).to_have_url(re.compile(f"/console/tasks/{task_id}$"))
    assert console.evaluate("window.isSame"), "the page was loaded anew"


def test_another_filter_unselects_and_fills_the_same_elements(console: Page, machine: Up) -> None:
    submit_and_wait(machine, "slow_echo", {"text": "kept element"})
    console.goto("/console/tasks?q=kept")
    row = console.get_by_role("row").filter(has_text="kept element")
    row.get_by_role("checkbox").check()
    expect(console.get_by_text("1 selected")).to_be_visible()
    row.evaluate("(element) => { element.isKept = true }")
    console.get_by_role("button", name="Succeeded").click()
    expect(console.get_by_text("1 selected")).to_have_count(0)
    expect(row).to_have_count(1)
    assert row.evaluate("(element) => element.isKept")
    console.get_by_role("button", name="Succeeded").click()
    console.get_by_role("button", name="Cancelled").click()
    expect(console.get_by_text("No tasks match these filters")).to_be_visible()


def test_selected_tasks_are_retried_after_a_question(console: Page, machine: Up) -> None:
    first = submit_and_wait(machine, "slow_echo", {"text": "bulk 1"})
    second = submit_and_wait(machine, "slow_echo", {"text": "bulk 2"})
    before = [machine.call(f"/api/tasks/{task_id}/")[1]["attempt"] for task_id in (first, second)]
    console.goto("/console/tasks?q=bulk")
    expect(console.get_by_role("row")).to_have_count(3)
    console.keyboard.press("j")
    console.keyboard.press("x")
    console.keyboard.press("j")
    console.keyboard.press("x")
    expect(console.get_by_text("2 selected")).to_be_visible()
    console.keyboard.press("r")
    dialog = console.get_by_role("dialog", name="Retry 2 tasks?")
    dialog.get_by_role("button", name="Retry them").click()
    expect(console.get_by_text("2 tasks sent back to their queues.")).to_be_visible()
    wait_until(
        lambda: (
            [machine.call(f"/api/tasks/{i}/")[1]["attempt"] for i in (first, second)]
            == [attempt + 1 for attempt in before]
        ),
        seconds=20,
        what="both ran once more",
    )


def test_all_that_match_are_cancelled_with_their_number_asked_first(console: Page, machine: Up) -> None:
    for number in range(60):
        status, _ = machine.call(
            "/api/tasks/",
            {
                "function": "slow_echo",
                "arguments": {"text": f"later {number}"},
                "queue": "far-away",
                "run_after": "2040-01-01T00:00:00Z",
            },
        )
        assert status == 202
    console.goto("/console/tasks?queue=far-away")
    console.get_by_label("Select all tasks shown").check()
    expect(console.get_by_text("50 selected")).to_be_visible()
    console.get_by_role("button", name="Select all that match").click()
    spared = console.get_by_role("checkbox").nth(1)
    for act, left in ((spared.uncheck, "49 selected"), (spared.check, "50 selected")):
        expect(console.get_by_text("All matching tasks")).to_be_visible()
        act()  # who picks rows means these, and no longer all
        expect(console.get_by_text(left)).to_be_visible()
        console.get_by_role("button", name="Select all that match").click()
    console.get_by_role("toolbar").get_by_role("button", name="Cancel").click()
    dialog = console.get_by_role("dialog", name="Cancel 60 tasks?")
    dialog.get_by_role("button", name="Cancel them").click()
    expect(console.get_by_text("60 tasks cancelled or asked to stop.")).to_be_visible()
    counts = machine.call("/api/tasks/counts/?queue=far-away")[1]["counts"]
    assert (counts["cancelled"], counts["scheduled"]) == (60, 0)


def test_a_list_that_cannot_be_read_says_so_and_offers_another_try(quiet_console: Page) -> None:
    page = quiet_console
    clicks = clicks_on(page)
    page.route(
        re.compile(r"/api/tasks/(\?.*)?$"),
        lambda route: route.continue_() if clicks else route.fulfill(status=503, body="down"),
    )
    page.goto("/console/tasks")
    expect(page.get_by_role("alert").filter(has_text="This could not be loaded")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert").filter(has_text="This could not be loaded")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_with_all_parts_open(console: Page, machine: Up, scheme: str) -> None:
    submit_and_wait(machine, "slow_echo", {"text": "x"})
    console.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    console.goto("/console/tasks?fn=slow_echo")
    console.get_by_label("Select all tasks shown").check()
    nothing_is_wrong(console)
    console.keyboard.press("r")
    expect(console.get_by_role("dialog")).to_be_visible()
    nothing_is_wrong(console)
