"""Each kind of result, as the page of its task shows it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.test_tasks_page import submit_and_wait
from tests.support.machine import Up


def show(page: Page, machine: Up, function: str) -> Page:
    page.goto(f"/console/tasks/{submit_and_wait(machine, function, {})}")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    return page


def test_json_is_a_tree(console: Page, machine: Up) -> None:
    page = show(console, machine, "gives_json")
    expect(page.get_by_text("Elm")).to_be_visible()


def test_flat_objects_are_a_table_with_headings(console: Page, machine: Up) -> None:
    table = show(console, machine, "gives_table").get_by_role("table", name="Result")
    expect(table.get_by_role("columnheader")).to_have_text(["word", "count"])
    expect(table.get_by_role("cell")).to_have_text(["elm", "3", "oak", ""])


def test_a_picture_is_drawn_and_can_be_downloaded(console: Page, machine: Up) -> None:
    page = show(console, machine, "gives_picture")
    picture = page.get_by_role("img", name="Result of gives_picture")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()


def test_a_file_of_text_is_shown_and_downloaded_under_its_name(console: Page, machine: Up) -> None:
    page = show(console, machine, "gives_file")
    expect(page.get_by_text("elm,3")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename == "words.csv"
    assert download.value.path().read_bytes() == b"word,count\nelm,3\n"


def test_another_file_is_offered_with_its_type(console: Page, machine: Up) -> None:
    page = show(console, machine, "gives_archive")
    expect(page.get_by_text("application/zip")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename == "nothing.zip"


def test_markdown_is_set_and_its_html_is_not_obeyed(console: Page, machine: Up) -> None:
    page = show(console, machine, "gives_markdown")
    expect(page.get_by_role("heading", name="Trees")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Elm").locator("strong")).to_have_text("Elm")
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()


def test_text_stays_as_it_is(console: Page, machine: Up) -> None:
    page = show(console, machine, "gives_text")
    expect(page.get_by_test_id("result")).to_have_text("# no heading")


def test_nothing_is_said_to_be_nothing(console: Page, machine: Up) -> None:
    page = show(console, machine, "gives_nothing")
    expect(page.get_by_text("The task returned nothing.")).to_be_visible()
