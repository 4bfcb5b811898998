"""Acts on worker nodes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect


def test_a_worker_is_made_quiet_and_woken_again(console: Page) -> None:
    console.goto("/console/workers")
    card = console.get_by_role("region", name=re.compile("^Worker "))
    card.get_by_role("button", name=re.compile("^Quiet ")).click()
    expect(card.get_by_text("Quiet", exact=True)).to_be_visible()
    card.get_by_role("button", name=re.compile("claim again$")).click()
    expect(card.get_by_text("Alive")).to_be_visible()
    expect(card.get_by_role("button", name=re.compile("^Quiet "))).to_be_visible()


def test_a_worker_shows_what_it_uses_in_words_and_as_a_curve(console: Page) -> None:
    console.goto("/console/workers")
    card = console.get_by_role("region", name=re.compile("^Worker "))
    memory = card.get_by_role("img", name=re.compile(r"^Memory, the last .*: \d+ MiB to \d+ MiB$"))
    expect(memory).to_be_visible()
    expect(card.get_by_role("img", name=re.compile(r"^CPU, the last .* cores?$"))).to_be_visible()
    expect(card.get_by_text(re.compile(r"^Memory \d+ MiB$"))).to_be_visible()
    expect(card.get_by_text("Heard of")).to_be_visible()


@pytest.mark.parametrize("page", ["queues", "workers"])
def test_a_phone_reaches_everything_without_scrolling_sideways(console: Page, page: str) -> None:
    console.set_viewport_size({"width": 390, "height": 800})
    console.goto(f"/console/{page}")
    button = console.get_by_role("button", name=re.compile("^(Pause|Quiet) ")).first
    expect(button).to_be_in_viewport(ratio=1)
    wide = "[document.scrollingElement, ...document.querySelectorAll('main section')]"
    assert console.evaluate(f"{wide}.every(e => e.scrollWidth <= e.clientWidth)")
