"""The Tasks page in Debian's Chromium: processor time, memory, how soon it answers, what it shows."""

from __future__ import annotations

import collections
import contextlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.idle import pss_mib
from benchmarks.services import cpu_seconds
from tests.e2e.conftest import QUIET
from tests.support.screenshots import CHROMIUM

LISTEN = """
(() => {
  window.flood = { delays: [], events: [] };
  const noticed = ({ timeStamp }) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => window.flood.delays.push(performance.now() - timeStamp);
    port2.postMessage(0);
  });
  for (const type of ["keydown", "click"]) addEventListener(type, noticed, { capture: true, passive: true });
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries())
      if (name === "keydown" || name === "click") window.flood.events.push(duration);
  }).observe({ type: "event", durationThreshold: 16 });
})();
"""
"""An input's delay ends when the frame after it has been handed to the compositor. ``events`` are the
browser's own figures, rounded to 8 ms, of those that took 16 ms or more."""
PLACE = """
(name) => {
  const controls = [...document.querySelectorAll("#main input[type=search], #main button")];
  const found = controls.find((one) => (one.textContent || one.type).startsWith(name));
  const { x, y, width, height } = found.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}
"""
"""Plain selectors and raw input: Playwright's look for roles walks all rows, in the page itself, and made a
quarter of the garbage that this benchmark then found there."""
CHIPS = """
() => [...document.querySelectorAll("[aria-label='Filter by state'] button")].map((one) => one.innerText)
"""


@dataclass(frozen=True, slots=True)
class Processes:
    """Seconds so far. ``page``: processor time of the page's process; ``browser``: of all of Chromium's;
    ``waited``: how long the page's main thread could have run, but other processes had the cores."""

    page: float
    browser: float
    waited: float


class WatchedPage:
    """A visitor's page on Tasks. Console errors are kept; so is the number of what it asked and was sent."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._cdp: CDPSession = browser.new_browser_cdp_session()
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
        context.add_init_script(LISTEN)
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.asked: collections.Counter[str] = collections.Counter()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda request: self.asked.update([_kind(request.url)]))
        self.page.on("websocket", lambda ws: ws.on("framereceived", self._heard))
        self.inputs = 0
        self._acts = itertools.cycle(
            ["search", "key", "key", "key", "Filters", "Filters", "Failed", "Failed"]
        )
        self.page.goto("/console/tasks")
        self.page.get_by_text("No tasks yet").wait_for()
        self._metrics = context.new_cdp_session(self.page)
        self._metrics.send("Performance.enable")

    def _heard(self, frame: str | bytes) -> None:
        found = re.search(r'"type":\s*"(\w+)"', str(frame[:200]))
        self.asked[f"frame: {found[1] if found else '?'}"] += 1

    def _processes(self) -> list[dict[str, Any]]:
        return list(self._cdp.send("SystemInfo.getProcessInfo")["processInfo"])

    @property
    def pid(self) -> int:
        """Of the renderer that has worked most: a spare one has not."""
        renderers = [one for one in self._processes() if one["type"] == "renderer"]
        return int(max(renderers, key=lambda one: one["cpuTime"])["id"])

    def processor_seconds(self) -> Processes:
        browser = sum(cpu_seconds([int(one["id"])]) for one in self._processes() if one["type"] == "browser")
        page = self.pid
        schedstat = Path(f"/proc/{page}/task/{page}/schedstat").read_text()
        return Processes(cpu_seconds([page]), browser, int(schedstat.split()[1]) / 1e9)

    def pss_mib(self) -> float:
        """Of the page's process: with its share of Chromium's code and of what else it maps."""
        return pss_mib([self.pid])

    def footprint_mib(self) -> float:
        """What Chromium's task manager shows as the page's memory: private and anonymous, swapped or not."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return sum(map(int, re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+) kB", status, re.MULTILINE))) / 1024

    def kept_mib(self) -> float:
        """The footprint once the garbage of JavaScript and of the document is collected."""
        self._metrics.send("HeapProfiler.collectGarbage")
        return self.footprint_mib()

    def heap_mib(self) -> float:
        """What JavaScript holds, garbage included."""
        metrics = {
            one["name"]: one["value"] for one in self._metrics.send("Performance.getMetrics")["metrics"]
        }
        return float(metrics["JSHeapUsedSize"]) / 2**20

    def act(self) -> None:
        """The next input of a hand: a key in the search box, or a click that opens or changes something."""
        act = next(self._acts)
        if act == "key":
            self.page.keyboard.press("x")
            self.page.keyboard.press("Backspace")  # before it is searched for
            self.inputs += 2
        else:
            self.page.mouse.click(*self.page.evaluate(PLACE, act))
            self.inputs += 1

    def delays_ms(self) -> tuple[list[float], list[float]]:
        """Of the inputs so far, by our own clock and by the browser's."""
        flood = self.page.evaluate("window.flood")
        return flood["delays"], flood["events"]

    def counts(self) -> dict[str, str]:
        """By state, as the chips show them."""
        texts = [text.split() for text in self.page.evaluate(CHIPS)]
        return {words[0].lower(): words[1] if len(words) > 1 else "" for words in texts}

    def rows(self) -> list[list[str]]:
        """Id and state of the rows shown."""
        found: list[list[str]] = self.page.get_by_role("table", name="Tasks table").evaluate(
            "(table) => [...table.querySelectorAll('tbody tr')].map((row) => ["
            " row.querySelector('[data-task]').dataset.task,"
            " row.querySelector('[data-state]').dataset.state])"
        )
        return found

    def connection(self) -> str:
        return self.page.locator("[data-live]").inner_text()


def _kind(url: str) -> str:
    path = re.sub(r"^\w+://[^/]+|\?.*", "", url)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", path) if path.startswith("/api/") else "other"


@contextlib.contextmanager
def watched_page(url: str) -> Iterator[WatchedPage]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield WatchedPage(browser, url)
        finally:
            browser.close()
