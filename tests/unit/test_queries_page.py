"""docs/explanation/queries.md holds the plan of every selector's query."""

from __future__ import annotations

import inspect
from pathlib import Path

from tasks_app import fleet, overview, selectors, trends

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "explanation" / "queries.md").read_text()
WRITES = {"fleet.quiet"}


def selector_names() -> list[str]:
    return [
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in (selectors, overview, trends, fleet)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if "access" in inspect.signature(function).parameters
    ]


def test_the_page_names_every_selector() -> None:
    names = set(selector_names()) - WRITES - {"selectors.visible_tasks"}
    assert len(names) > 8
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []


def test_the_page_holds_a_plan_for_every_heading() -> None:
    sections = PAGE.partition("## Plans")[2].split("\n### ")[1:]
    assert len(sections) > 8
    for section in sections:
        assert "Execution Time:" in section, section.partition("\n")[0]
