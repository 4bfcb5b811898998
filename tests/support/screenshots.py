"""The pictures of the console in docs/images: every page, in both schemes, wide and on a phone.

Run by `make screenshots`; `make screenshots PICTURES=batch` takes these pictures only. A machine of its own
is filled with a small day's work first.
"""

from __future__ import annotations

import base64
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.support.machine import ROOT, Up
from tests.support.past_hour import fill_past_hour
from tests.support.processes import wait_until

IMAGES = ROOT / "docs" / "images"
SIZES = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 780}}
CHROMIUM = "/usr/bin/chromium"
WEBP = {"format": "webp", "quality": 80}
"""A third of the same picture as PNG, which is all that Playwright itself writes beside JPEG."""
MODULES = "tasks_app.examples.tasks,tests.support.shown_tasks"
DATABASE = "taskdeck.sqlite3"
TEXT = "the quick brown fox jumps over the lazy dog and the dog sleeps on while the fox runs"


def fill(machine: Up) -> dict[str, str]:
    """Submit what the pictures show; the ids by the name of the picture."""

    def submit(function: str, arguments: dict[str, object], **options: object) -> str:
        body = {"function": function, "arguments": arguments, **options}
        return str(machine.call("/api/tasks/", body)[1]["task_id"])

    shown = {"task": submit("text_report", {"text": TEXT}), "task-failed": too_large(machine)}
    submit("mandelbrot", {"width": 320})
    for number in range(12, 24):
        submit("fibonacci", {"number": number})
    submit("count_primes", {"stop": 20_000})
    wait_until(
        lambda: not any(machine.call("/api/tasks/counts/")[1]["counts"][s] for s in ("queued", "running")),
        seconds=60,
        what="the day's work ends",
    )
    submit("text_report", {"text": "later"}, run_after="2040-01-01T09:00:00Z")
    shown["batch"] = batch(machine)
    pause = {"reason": "the archive moves to another disk", "until": "2040-01-01T09:00:00Z"}
    machine.call("/api/queues/archive/pause/", pause)
    submit("text_report", {"text": "for the archive"}, queue="archive")
    for shop in ("north", "south", "east"):
        submit("watch_prices", {"shop": shop})
    shown["task-running"] = running = submit("count_primes", {"stop": 9_000_000}, priority=1)
    shown["task-waiting"] = submit("fibonacci", {"number": 30}, queue="night")
    wait_until(
        lambda: machine.call(f"/api/tasks/{running}/")[1]["progress"] is not None,
        seconds=60,
        what="the running task tells its progress",
    )
    return shown


def batch(machine: Up) -> str:
    """Cut off in the middle, by a task that is not due."""
    tasks = [{"function": "fibonacci", "arguments": {"number": number % 20}} for number in range(30)]
    late = [{**task, "run_after": "2040-01-01T09:00:00Z"} for task in tasks[:8]]
    then = {"function": "text_report", "arguments": {"text": TEXT}}
    made = machine.call("/api/tasks/bulk/", {"tasks": [*late, *tasks], "then": then})[1]
    machine.call(f"/api/tasks/{made['tasks'][0]['task_id']}/cancel/", {})
    wait_until(
        lambda: machine.call(made["batch_url"])[1]["counts"]["succeeded"] == len(tasks),
        seconds=60,
        what="the tasks of the batch that are due have ended",
    )
    return str(made["batch"])


def too_large(machine: Up) -> str:
    """The original interface lets a task fail where the typed one refuses its number."""
    return str(machine.call("/task", {"number": 41})[1]["task_id"])


def pages_of(shown: dict[str, str]) -> dict[str, str]:
    return {
        "overview": "/console/overview",
        "new-task": "/console/new",
        "tasks": "/console/tasks",
        "functions": "/console/functions",
        "workers": "/console/workers",
        "queues": "/console/queues",
        "login": "/console/login",
        "batches": "/console/batches",
        **{name: f"/console/tasks/{task_id}" for name, task_id in shown.items()},
        "batch": f"/console/batches/{shown['batch']}",
    }


def shoot(browser: Browser, machine: Up, pages: dict[str, str]) -> None:
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                base_url=f"http://127.0.0.1:{machine.port}",
                viewport=viewport,  # type: ignore[arg-type]
                color_scheme=scheme,  # type: ignore[arg-type]
                reduced_motion="reduce",
            )
            context.route("**/api/tasks/*/", without_our_paths)
            page = context.new_page()
            for name, path in pages.items():
                picture(page, path, IMAGES / f"{name}-{size}-{scheme}.webp")
            context.close()


def without_our_paths(route: Route) -> None:
    """A traceback tells where this checkout lies; a picture for everybody should not."""
    response = route.fetch()
    route.fulfill(response=response, body=response.text().replace(str(ROOT), "/srv/app"))


def picture(page: Page, path: str, to: Path) -> None:
    page.goto(path)
    page.get_by_role("heading", level=1).wait_for()
    page.get_by_role("status").filter(has_text="Live").wait_for()
    expect(page.locator("[role=img][aria-label^=Loading]")).to_have_count(0)
    shot = page.context.new_cdp_session(page).send("Page.captureScreenshot", WEBP)
    to.write_bytes(base64.b64decode(shot["data"]))


def main(names: Sequence[str]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data_dir, sync_playwright() as playwright:
        machine = Up(Path(data_dir), TASKDECK_MODULES=MODULES)
        try:
            machine.wait_until_ready()
            fill_past_hour(Path(data_dir) / DATABASE)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            pages = pages_of(fill(machine))
            shoot(browser, machine, {name: pages[name] for name in names or pages})
            browser.close()
        finally:
            machine.process.send_signal(signal.SIGINT)
            machine.process.wait(60)


if __name__ == "__main__":
    main(sys.argv[1:])
