"""The catalogue of task functions."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.machine import Up


def test_the_catalogue_leads_to_the_form_and_tells_the_last_hour(console: Page, machine: Up) -> None:
    _, answer = machine.call("/task", {"number": 41})
    console.goto("/console/functions")
    card = console.get_by_role("listitem").filter(
        has=console.get_by_role("heading", name="Fibonacci", exact=True)
    )
    expect(card).to_contain_text("by the naive recursion")
    expect(card).to_contain_text(re.compile(r"[1-9]\d* ended in the last hour, [1-9]\d* failed"))
    recent = card.get_by_role("list", name="Recent tasks of Fibonacci")
    expect(recent.get_by_role("link", name=re.compile("Failed")).first).to_be_visible()
    newest = recent.get_by_role("link").first
    expect(newest).to_have_attribute("href", f"/console/tasks/{answer['task_id']}")
    expect(newest).to_have_text(re.compile(r"^Failed\s*\d+(\.\d+)? (ms|s)$"))
    card.get_by_role("link", name="Run Fibonacci").click()
    expect(console).to_have_url(re.compile(r"/new\?name=fibonacci"))
    expect(console.get_by_role("heading", name="Fibonacci", exact=True)).to_be_visible()


def test_a_key_leads_to_the_catalogue_and_a_failed_count_to_the_failed_tasks(
    console: Page, machine: Up
) -> None:
    machine.call("/task", {"number": 41})
    console.goto("/console/tasks")
    expect(console.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
    console.keyboard.press("g")
    console.keyboard.press("f")
    expect(console.get_by_role("heading", level=1, name="Functions")).to_be_visible()
    card = console.get_by_role("listitem").filter(
        has=console.get_by_role("heading", name="Fibonacci", exact=True)
    )
    card.get_by_role("link", name=re.compile("failed")).click()
    expect(console).to_have_url(re.compile(r"fn=fibonacci&state=failed|state=failed&fn=fibonacci"))
