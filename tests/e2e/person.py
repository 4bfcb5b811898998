"""Somebody who fills in the form of a task function."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


class Person:
    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, function: str) -> None:
        self.page.goto(f"/console/new?name={function}")
        expect(self._run).to_be_visible()

    def type(self, label: str, text: str) -> None:
        self._field(label).fill(text)

    def leave(self, label: str) -> None:
        self._field(label).blur()

    def pick(self, label: str, option: str) -> None:
        self._field(label).click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def tick(self, label: str) -> None:
        self._field(label).check()

    def add(self, *, nth: int = 0) -> None:
        self.page.get_by_role("button", name="Add", exact=True).nth(nth).click()

    def submit(self) -> None:
        self._run.click()

    def sees_result(self, text: str) -> None:
        expect(self.page.get_by_test_id("result")).to_have_text(text)

    def told_at(self, field: str) -> list[str]:
        """What stands below a field, one entry for each line."""
        place = "root_" + field.replace(".", "_")
        told = self.page.locator(f"[id='{place}-error'], [id='{place}'] ~ [data-refused]")
        expect(told.first).to_be_visible()
        return told.first.inner_text().split("\n")

    @property
    def _run(self) -> Locator:
        return self.page.get_by_role("button", name="Run task")

    def _field(self, label: str) -> Locator:
        """By its label, to which a required field adds an asterisk. A list of options may share the label."""
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}(\s*\*)?$")).first
