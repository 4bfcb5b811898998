"""The docs name tests as proof of what they promise: those tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    for path, test in NAMED.findall(page.read_text()):
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"


def test_the_page_of_faults_names_every_test_of_a_broken_broker() -> None:
    page = (ROOT / "docs/explanation/when-a-part-dies.md").read_text()
    for path in sorted((ROOT / "tests/chaos").glob("test_broker*.py")):
        for test in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE):
            assert f"::{test}`" in page, f"{path.name}::{test}"
