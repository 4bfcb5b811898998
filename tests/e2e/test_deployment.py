"""The console as the compose file serves it: pages from gunicorn, news from daphne, one nginx in front."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.e2e.conftest import open_page
from tests.support.deployment import Deployment


def test_a_visitor_behind_nginx_sees_the_result_without_a_reload(
    deployment: Deployment, chromium: Browser
) -> None:
    with open_page(chromium, deployment.url("nginx")) as page:
        loads: list[str] = []
        page.on("load", lambda _page: loads.append(page.url))
        page.goto("/")
        page.get_by_label("Number").fill("35")
        page.get_by_role("button", name="Calculate").click()
        expect(page.get_by_text("9227465").first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Succeeded").first).to_be_visible()
        assert len(loads) == 1
        page.goto("/console/tasks")
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
