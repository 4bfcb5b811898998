"""One running machine and one Chromium for all browser tests; every page fails on a console error."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.machine import Up

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("machine"))
    running.wait_until_ready()
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.wait(30)
    running.end()


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
