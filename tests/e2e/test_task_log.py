"""One task's page while it tells: log, progress, metadata; and the way back with other arguments."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import nothing_is_wrong, nothing_scrolls_sideways
from tests.e2e.test_task_page import submit
from tests.e2e.test_tasks_page import submit_and_wait
from tests.support.machine import Up
from tests.support.processes import wait_until


def end_of(machine: Up, task_id: str) -> str:
    wait_until(
        lambda: machine.call(f"/api/tasks/{task_id}/")[1]["finished_at"], seconds=30, what="the task ends"
    )
    return str(machine.call(f"/api/tasks/{task_id}/")[1]["state"])


def test_a_log_grows_by_itself_and_is_found_by_level_and_text(console: Page, machine: Up) -> None:
    task_id = submit(machine, "logs_and_prints", {"gate": "gate-log"})
    console.goto(f"/console/tasks/{task_id}")
    log = console.get_by_role("log", name="Log")
    expect(log).to_contain_text("from a thread")
    expect(log).not_to_contain_text("order failed")
    machine.ledger.with_name("gate-log").touch()
    expect(log).to_contain_text("ValueError: no stock")
    lines = log.locator("time")
    everything = lines.count()
    console.get_by_label("Least level").select_option("Errors")
    expect(lines).to_have_count(1)
    console.get_by_label("Least level").select_option("All levels")
    console.get_by_label("Find in the log").fill("ORDER 1 of 2")
    expect(lines).to_have_count(1)
    expect(console.get_by_text(f"1 of {everything} lines")).to_be_visible()
    with console.expect_download() as download:
        console.get_by_role("link", name="Download the log").click()
    assert download.value.suggested_filename == f"{task_id}-1.log"
    assert "no stock" in download.value.path().read_text()


def test_a_log_is_followed_until_it_is_scrolled_up_and_each_attempt_has_its_own(
    console: Page, machine: Up
) -> None:
    task_id = submit(machine, "logs_and_fails", {"lines": 1500})
    assert end_of(machine, task_id) == "failed"
    console.goto(f"/console/tasks/{task_id}")
    log = console.get_by_role("log", name="Log")
    log.scroll_into_view_if_needed()
    expect(log.get_by_text("line 1499", exact=True)).to_be_in_viewport()
    expect(console.get_by_text("1,500 lines")).to_be_visible()
    log.focus()
    console.keyboard.press("Home")
    expect(log.get_by_text("line 0", exact=True)).to_be_in_viewport()
    console.get_by_role("button", name="Jump to latest").click()
    expect(log.get_by_text("line 1499", exact=True)).to_be_in_viewport()
    console.get_by_label("Attempt", exact=True).select_option("Attempt 1")
    expect(log.get_by_text("line 1499", exact=True)).to_be_in_viewport()
    with console.expect_download() as download:
        console.get_by_role("link", name="Download the log").click()
    assert download.value.suggested_filename == f"{task_id}-1.log"


def test_a_silent_task_says_so(console: Page, machine: Up) -> None:
    console.goto(f"/console/tasks/{submit_and_wait(machine, 'is_silent', {})}")
    expect(console.get_by_text("This attempt logged nothing.")).to_be_visible()


def test_progress_tells_its_stage_its_pace_and_what_the_task_noted(console: Page, machine: Up) -> None:
    task_id = submit(machine, "reports_by_current_task", {"gate": "gate-progress"})
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_text(re.compile(r"^Reading \d of 10$"))).to_be_visible()
    bar = console.get_by_role("progressbar", name="Progress of reports_by_current_task")
    expect(bar).to_be_visible()
    noted = console.locator("section").filter(has=console.get_by_role("heading", name="Metadata"))
    expect(noted).to_contain_text("shard")
    machine.ledger.with_name("gate-progress").touch()
    expect(noted).to_contain_text("written")


def test_a_failed_task_is_retried_with_other_arguments_and_keeps_its_secret(
    console: Page, machine: Up
) -> None:
    secret = "hunter2 and more"
    given = {"user": "ada", "password": secret, "works": False}
    task_id = submit(machine, "logs_in_with", given)
    assert end_of(machine, task_id) == "failed"
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_text("**********")).to_be_visible()
    assert secret not in console.content()
    console.get_by_role("link", name="Run again with changes").click()
    user = console.get_by_label("User")
    expect(user).to_have_value("ada")
    user.fill("grace")
    console.get_by_role("checkbox", name="Works").check()
    retry = console.get_by_role("button", name="Retry the same task")
    console.get_by_text("Options", exact=True).click()
    console.get_by_label("Priority").fill("5")
    expect(retry).to_be_disabled()
    expect(console.get_by_text("Options are for a new task")).to_be_visible()
    console.get_by_label("Priority").fill("")
    retry.click()
    expect(console).to_have_url(re.compile(f"/tasks/{task_id}$"))
    result = console.get_by_test_id("result")
    expect(result).to_have_text(f"grace with {len(secret)} characters")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_log(console: Page, machine: Up, scheme: str) -> None:
    machine.ledger.with_name("gate-axe").touch()
    task_id = submit_and_wait(machine, "logs_and_prints", {"gate": "gate-axe"})
    console.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    console.goto(f"/console/tasks/{task_id}")
    expect(console.get_by_role("log")).to_contain_text("no stock")
    nothing_is_wrong(console)
    console.set_viewport_size({"width": 390, "height": 800})
    console.reload()
    expect(console.get_by_role("log")).to_contain_text("no stock")
    nothing_scrolls_sideways(console)
