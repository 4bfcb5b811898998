"""A page in Debian's Chromium on an idle site: from its own submit to the event on its websocket.

``.venv/bin/python -m benchmarks.page_latency URL COUNT`` prints as JSON two lists of milliseconds: until the
first event of the task came, and until the one that says it has succeeded.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import QUIET
from tests.support.screenshots import CHROMIUM

PAUSE_MS = 600
"""Between two tasks, so that no frame of the one before delays the next: a socket gets one in 250 ms."""
LISTEN = """
window.heard = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => window.heard.push([performance.now(), data]));
  }
};
"""
SUBSCRIBED = """
async () => {
  while (!window.heard.some(([, data]) => JSON.parse(data).type === "snapshot"))
    await new Promise((resolve) => setTimeout(resolve, 20));
}
"""
SUBMIT = """
async ([number, pause]) => {
  window.heard.length = 0;
  const began = performance.now();
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ number });
  const response = await fetch("/api/functions/noop/", { method: "POST", headers, body });
  const { task_id } = await response.json();
  const find = (isIt) => {
    for (const [at, data] of window.heard)
      for (const event of JSON.parse(data).events ?? [])
        if (event.id === task_id && isIt(event)) return at - began;
  };
  let ended;
  for (const until = began + 10_000; ended === undefined && performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    ended = find((event) => event.state === "succeeded");
  }
  await new Promise((resolve) => setTimeout(resolve, pause));
  return [find(() => true), ended];
}
"""


def main(url: str, count: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            page = browser.new_page(base_url=url)
            page.add_init_script(LISTEN)
            page.goto("/console/tasks")
            page.evaluate(SUBSCRIBED)
            page.evaluate(SUBMIT, [0, PAUSE_MS])  # warms both sides up
            times: list[Any] = [page.evaluate(SUBMIT, [number, PAUSE_MS]) for number in range(count)]
        finally:
            browser.close()
    if any(None in one for one in times):
        raise SystemExit(f"of {count} tasks some had no event: {times}")
    print(json.dumps([[round(one[place], 2) for one in times] for place in (0, 1)]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
