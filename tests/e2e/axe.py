"""What axe and the width of the window find wrong with a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AT_REST = """() => document.getAnimations().every(
  ({ effect, playState }) => playState !== "running" || effect.getComputedTiming().iterations === Infinity
)"""


def nothing_is_wrong(page: Page) -> None:
    """Once its colours have changed: axe judges those it meets, and a transition takes some frames."""
    page.wait_for_function(AT_REST)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    nothing_scrolls_sideways(page)


def nothing_scrolls_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
