"""What a failed test had before it, for its report: the ends of its machines' logs, and each open page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Error, Page

from tests.support.machine import Machine

LOG_CHARACTERS = 6_000
PAGE_CHARACTERS = 8_000
Section = tuple[str, str]
"""Title and text."""


def logs(item: pytest.Item) -> list[Section]:
    """Of the machines among the test's fixtures."""
    things = getattr(item, "funcargs", {}).values()
    machines = {id(one): one for thing in things if isinstance(one := getattr(thing, "up", thing), Machine)}
    return [
        (f"end of {machine.log}", machine.log.read_text(errors="replace")[-LOG_CHARACTERS:])
        for machine in machines.values()
        if machine.log.exists()
    ]


def pages(item: pytest.Item, browser: Browser) -> list[Section]:
    """As text and as a picture in ``var/failed/``."""
    every = [page for context in browser.contexts for page in context.pages]
    return [(f"page {page.url}", _seen(page, item, number)) for number, page in enumerate(every)]


def _seen(page: Page, item: pytest.Item, number: int) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", item.name)
    path = item.config.rootpath / "var" / "failed" / f"{name}-{number}.png"
    try:
        page.screenshot(path=path, timeout=10_000)
        text = page.locator("body").aria_snapshot(timeout=10_000)
    except Error as error:  # a page that is busy or gone: the test's own failure is the one to show
        return f"cannot be read: {error}"
    return f"picture: {path}\n{text[:PAGE_CHARACTERS]}"
