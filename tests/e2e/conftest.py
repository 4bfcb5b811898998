"""One running machine and one Chromium for all browser tests; every page fails on a console error."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import failed
from tests.support.machine import Up

expect.set_options(timeout=30_000)  # a deadline, not a claim of speed: two test runs share the machine
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the pages of a failed test."""
    report = yield
    if report.failed and (browser := getattr(item, "funcargs", {}).get("chromium")):
        report.sections.extend(failed.pages(item, browser))
    return report


@contextlib.contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Up]:
    """`manage.py up`, which Ctrl-C must end."""
    machine = Up(data_dir, **settings)
    try:
        machine.wait_until_ready()
        yield machine
        machine.process.send_signal(signal.SIGINT)
        machine.process.wait(60)
    finally:
        machine.end()


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        yield browser
        browser.close()


def new_page(chromium: Browser, base_url: str, **options: Any) -> Page:
    """``options``: of the browser context, such as ``timezone_id``."""
    context = chromium.new_context(
        base_url=base_url, viewport={"width": 1280, "height": 800}, reduced_motion="reduce", **options
    )
    return context.new_page()


def clicks_on(page: Page) -> list[str]:
    """Grows with each click before the page hears of it: for what is to change by a click and not before.

    A page asks the server again by itself, too.
    """
    clicks: list[str] = []
    page.expose_function("noteClick", lambda: clicks.append("click"))
    page.add_init_script("addEventListener('click', () => noteClick(), true)")
    return clicks


@contextlib.contextmanager
def open_page(chromium: Browser, base_url: str) -> Iterator[Page]:
    """A page of a new visitor. At the end it must have logged no error."""
    page = new_page(chromium, base_url)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.context.close()
    assert errors == []


@pytest.fixture
def quiet_console(machine: Up, chromium: Browser) -> Iterator[Page]:
    """A page whose console errors are part of the test."""
    page = new_page(chromium, f"http://127.0.0.1:{machine.port}")
    yield page
    page.context.close()


@pytest.fixture
def console(machine: Up, chromium: Browser) -> Iterator[Page]:
    with open_page(chromium, f"http://127.0.0.1:{machine.port}") as page:
        yield page
