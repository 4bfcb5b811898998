"""The console as a person meets it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.support.machine import Up
from tests.support.processes import wait_until


def submit(page: Page, number: int) -> None:
    page.goto("/")
    page.get_by_label("Number").fill(str(number))
    page.get_by_role("button", name="Calculate").click()


def test_a_stranger_enters_35_and_sees_the_result_without_a_reload(console: Page) -> None:
    loads = []
    console.on("load", lambda _page: loads.append(console.url))
    submit(console, 35)
    expect(console.get_by_text("9227465").first).to_be_visible(timeout=60_000)
    expect(console.get_by_text("Succeeded").first).to_be_visible()
    assert len(loads) == 1


def test_a_number_above_40_is_refused_at_its_field(quiet_console: Page) -> None:
    submit(quiet_console, 41)
    refusal = quiet_console.locator("#root_number-error")
    expect(refusal).to_have_text("Input should be less than or equal to 40")
    assert "/tasks/" not in quiet_console.url


def test_a_double_click_counts_once(console: Page, machine: Up) -> None:
    posts = []
    console.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    console.goto("/console/new?name=slow_echo")
    console.get_by_label("Text").fill("clicked twice")
    console.get_by_role("button", name="Run task").dblclick()
    again = console.get_by_role("button", name="Run again", exact=True)
    expect(again).to_be_visible()
    task_id = console.url.rpartition("/")[2]
    again.dblclick()
    wait_until(
        lambda: machine.call(f"/api/tasks/{task_id}/")[1]["attempt"] == 2, seconds=30, what="it runs again"
    )
    assert len(posts) == 2


def test_a_task_of_somebody_else_appears_in_the_open_list(console: Page, machine: Up) -> None:
    console.goto("/console/tasks")
    expect(console.get_by_role("status").filter(has_text="Live")).to_be_visible()
    _, answer = machine.call("/api/functions/slow_echo/", {"text": "from the second tab"})
    expect(console.get_by_text("from the second tab").first).to_be_visible()
    assert answer["task_id"]


def test_a_cut_socket_shows_polling_and_heals(console: Page, machine: Up) -> None:
    cut: list[WebSocketRoute] = []
    blocked = True

    def route(socket: WebSocketRoute) -> None:
        if blocked:
            socket.close(code=4000)
            return
        cut.append(socket)
        socket.connect_to_server()

    console.route_web_socket(re.compile(r"/ws/$"), route)
    console.goto("/console/tasks")
    expect(console.get_by_role("status").filter(has_text="Polling")).to_be_visible()
    machine.call("/api/functions/slow_echo/", {"text": "while the socket was down"})
    expect(console.get_by_text("while the socket was down").first).to_be_visible()
    blocked = False
    expect(console.get_by_role("status").filter(has_text="Live")).to_be_visible()
    assert cut


def test_a_picture_is_shown_as_a_picture(console: Page, machine: Up) -> None:
    _, answer = machine.call("/api/functions/mandelbrot/", {"width": 64, "iterations": 20})
    console.goto(f"/console/tasks/{answer['task_id']}")
    picture = console.locator("img[src*='/result/']")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64


def test_the_theme_is_switched_by_button_and_key_and_kept(console: Page) -> None:
    def paper() -> str:
        return str(console.evaluate("getComputedStyle(document.body).backgroundColor"))

    console.emulate_media(color_scheme="light")
    console.goto("/console/tasks")
    expect(console.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
    light = paper()
    console.get_by_role("button", name="Use dark theme").click()
    expect(console.get_by_role("button", name="Use light theme")).to_be_visible()
    dark = paper()
    assert dark != light
    console.reload()
    expect(console.get_by_role("button", name="Use light theme")).to_be_visible()
    assert paper() == dark
    console.keyboard.press("Shift+D")
    expect(console.get_by_role("button", name="Use dark theme")).to_be_visible()
    assert paper() == light
