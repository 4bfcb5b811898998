"""A site that is closed to strangers and still empty: who sees what, and the way in and out."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.axe import nothing_is_wrong
from tests.e2e.conftest import new_page, running
from tests.support.machine import Up
from tests.support.processes import marked_processes

PASSWORD = "open sesame"
PEOPLE = """
from django.contrib.auth.models import Permission, User
def person(name, *rights, **facts):
    user = User.objects.create_user(name, password=%r, **facts)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
person("newcomer")
person("reader", "view_task", "view_all_tasks")
person("boss", is_staff=True, is_superuser=True)
"""
PAGES = ("overview", "tasks", "batches", "functions", "workers", "queues", "new")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("closed"), TASKDECK_ANONYMOUS="none") as machine:
        made = machine.spawn(sys.executable, "manage.py", "shell", "-c", PEOPLE % PASSWORD)
        assert made.wait(60) == 0, machine.log.read_text()
        yield machine


@pytest.fixture
def visitor(closed: Up, chromium: Browser) -> Iterator[Page]:
    """What is refused is an error of the network in Chromium's eyes."""
    page = new_page(chromium, closed.url)
    yield page
    page.context.close()


def log_in(page: Page, name: str) -> None:
    page.get_by_label("User name").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name=name)).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_logs_in_and_comes_to_the_page_asked_for(visitor: Page, path: str) -> None:
    visitor.goto(f"/console/{path}")
    expect(visitor).to_have_url(re.compile(re.escape("/login?next=" + quote(f"/console/{path}", safe=""))))
    log_in(visitor, "reader")
    expect(visitor).to_have_url(re.compile(f"/console/{path}$"))
    expect(visitor.get_by_role("heading", level=1)).to_be_visible()


def test_a_wrong_password_is_told_above_the_fields_and_keeps_the_name(visitor: Page) -> None:
    visitor.goto("/console/login")
    visitor.get_by_label("User name").fill("reader")
    visitor.locator("input[name=password]").fill("guessed")
    visitor.get_by_role("button", name="Log in").click()
    expect(visitor.get_by_role("alert")).to_have_text("Wrong user name or password")
    expect(visitor.get_by_label("User name")).to_have_value("reader")
    nothing_is_wrong(visitor)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_has_no_rights_is_told_so_on_every_page_with_a_way_out(visitor: Page, scheme: str) -> None:
    visitor.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visitor.goto("/console/login")
    log_in(visitor, "newcomer")
    for path in PAGES:
        visitor.goto(f"/console/{path}")
        refusal = visitor.get_by_role("alert").filter(has_text="Your account may not see this")
        expect(refusal.first).to_be_visible()
        expect(visitor.get_by_role("heading", level=1)).to_be_visible()
        expect(visitor.get_by_text("Try again")).to_have_count(0)
        nothing_is_wrong(visitor)
    refusal.first.get_by_role("link", name="log in as somebody else").click()
    log_in(visitor, "reader")
    expect(visitor).to_have_url(re.compile("/console/new$"))
    expect(visitor.get_by_role("heading", level=1, name="Fibonacci")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reader_of_an_empty_site_is_told_what_is_missing_and_offered_no_acts(
    visitor: Page, scheme: str
) -> None:
    visitor.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visitor.goto("/console/login")
    log_in(visitor, "reader")
    for path, text in {
        "overview": "Nothing ended in this time.",
        "tasks": "No tasks yet",
        "batches": "No batches yet",
        "functions": "Nothing ended in the last hour",
        "queues": "default",
        "workers": "Idle",
        "new": "You may look at tasks here, but not start them.",
    }.items():
        visitor.goto(f"/console/{path}")
        expect(visitor.get_by_text(text).first).to_be_visible()
        expect(visitor.get_by_role("button", name=re.compile("^(Pause|Quiet|Cancel|Retry) "))).to_have_count(
            0
        )
        expect(visitor.get_by_role("link", name=re.compile("^(Run |New task)"))).to_have_count(0)
        nothing_is_wrong(visitor)
    expect(visitor.get_by_role("button", name="Calculate")).to_be_disabled()


def test_no_key_and_no_box_leads_a_reader_to_the_form(visitor: Page) -> None:
    visitor.goto("/console/overview")
    log_in(visitor, "reader")
    expect(visitor.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    visitor.keyboard.press("?")
    listed = visitor.get_by_role("dialog", name="Keyboard shortcuts")
    expect(listed.get_by_text("Search the tasks")).to_be_visible()
    expect(listed.get_by_text("New task")).to_have_count(0)
    visitor.keyboard.press("Escape")
    expect(listed).to_have_count(0)
    visitor.keyboard.press("Control+k")
    box = visitor.get_by_role("dialog", name="Go to")
    expect(box.get_by_text("Queues", exact=True)).to_be_visible()
    expect(box.get_by_text("New task")).to_have_count(0)
    box.get_by_label("Go to").fill("fibonacci")
    box.get_by_text("Fibonacci", exact=True).click()
    expect(visitor).to_have_url(re.compile("/console/tasks[?]fn=fibonacci$"))
    expect(visitor.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
    visitor.keyboard.press("n")
    visitor.keyboard.press("g")
    visitor.keyboard.press("o")
    expect(visitor.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    visitor.go_back()
    expect(visitor).to_have_url(re.compile("/console/tasks[?]fn=fibonacci$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_user_menu_leads_staff_to_the_admin_and_out(visitor: Page, scheme: str) -> None:
    visitor.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visitor.goto("/console/queues")
    log_in(visitor, "boss")
    expect(visitor.get_by_role("button", name="Pause default")).to_be_visible()
    visitor.get_by_role("button", name="boss").click()
    expect(visitor.get_by_role("menuitem", name="Django admin")).to_have_attribute("href", "/admin/")
    nothing_is_wrong(visitor)
    visitor.get_by_role("menuitem", name="Log out").click()
    expect(visitor.get_by_role("heading", level=1, name="Log in")).to_be_visible()
    expect(visitor.get_by_text("Pause default")).to_have_count(0)
    visitor.goto("/console/tasks")
    expect(visitor).to_have_url(re.compile("/console/login"))


def test_without_a_worker_the_page_tells_how_to_start_one(visitor: Page, closed: Up) -> None:
    visitor.goto("/console/workers")
    log_in(visitor, "reader")
    expect(visitor.get_by_role("region", name=re.compile("^Worker "))).to_be_visible()
    closed.process.send_signal(signal.SIGSTOP)  # it would start another one
    try:
        for pid, line in marked_processes(closed.marker).items():
            if "runworker" in line:
                with contextlib.suppress(ProcessLookupError):  # it ended with its parent
                    os.kill(pid, signal.SIGTERM)
        expect(visitor.get_by_text("No workers online")).to_be_visible()
        expect(visitor.get_by_text("manage.py runworker")).to_be_visible()
        nothing_is_wrong(visitor)
    finally:
        closed.process.send_signal(signal.SIGCONT)
