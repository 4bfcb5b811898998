"""A page of another origin, open in the same browser, can neither submit nor listen."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.machine import Up


@pytest.fixture
def foreign() -> Iterator[str]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>foreign</title><p>hello")

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


def test_form_empty_post_fetch_and_socket_are_refused(machine: Up, chromium: Browser, foreign: str) -> None:
    before = len(machine.call("/api/tasks/?limit=200")[1]["results"])
    target = f"http://127.0.0.1:{machine.port}"
    page = chromium.new_page()
    page.goto(foreign)
    statuses: dict[str, int] = {}
    page.on(
        "response",
        lambda r: statuses.__setitem__(r.request.method + " " + r.url.removeprefix(target), r.status),
    )

    for script in (
        "url => fetch(url + '/task', {method: 'POST', mode: 'no-cors', body: '{\"number\": 1}'})",
        "url => fetch(url + '/api/functions/slow_echo/', {method: 'POST', mode: 'no-cors'})",
    ):
        page.evaluate(f"(url) => ({script})(url).catch(() => null)", target)
    refused = page.evaluate("url => fetch(url + '/api/tasks/').then(() => 'read', () => 'refused')", target)
    closed = page.evaluate(
        "url => new Promise(done => { const s = new WebSocket(url.replace('http', 'ws') + '/ws/');"
        " s.onopen = () => done('open'); s.onerror = () => done('refused'); })",
        target,
    )
    page.set_content(
        f"<form method=post action='{target}/task' enctype='text/plain'><input name=number value=1></form>"
    )
    with page.expect_navigation():
        page.evaluate("document.forms[0].submit()")

    assert refused == "refused"
    assert closed == "refused"
    assert statuses["POST /task"] == 403, statuses
    assert statuses["POST /api/functions/slow_echo/"] == 403, statuses
    assert len(machine.call("/api/tasks/?limit=200")[1]["results"]) == before
    page.close()


def test_curl_works(machine: Up) -> None:
    """No Origin, no Sec-Fetch-Site, no cookie: not a browser."""
    assert machine.compute(10) == 55
