"""The docs name tests as proof of what they promise, and lead to one another: all of it exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    for path, test in NAMED.findall(page.read_text()):
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name
)
def test_every_link_within_the_docs_leads_somewhere(page: Path) -> None:
    code = re.compile(r"```.*?```", re.DOTALL)
    links = [link.partition("#")[0] for link in LINK.findall(code.sub("", page.read_text()))]
    inside = [link for link in links if link and "://" not in link]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_the_page_of_faults_names_every_test_of_the_chaos_suite() -> None:
    page = (ROOT / "docs/explanation/when-a-part-dies.md").read_text()
    for path in sorted((ROOT / "tests/chaos").glob("test_*.py")):
        for test in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE):
            assert f"::{test}`" in page, f"{path.name}::{test}"
