"""The plans of the console's queries at a million rows, and the page of the docs that keeps them."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.services import ROOT

PAGE = ROOT / "docs" / "explanation" / "queries.md"
BEGIN, END = "<!-- plans: begin -->", "<!-- plans: end -->"
SHOWN = {
    "list": "selectors.task_page",
    "deep page, half way": "selectors.task_page",
    "failed": "selectors.task_page",
    "one function": "selectors.task_page",
    "text in arguments, not there": "selectors.task_page",
    "counts": "selectors.counts",
    "counts of one function": "selectors.counts",
    "recent tasks of each function": "selectors.recent",
    "one task": "selectors.task_detail",
    "overview": "overview.overview",
    "charts, 7 days": "trends.trend",
    "totals by function": "trends.totals",
    "queues": "fleet.queues",
    "workers": "fleet.workers",
}
"""By the page's name in ``million_rows.pages``: the selector that asks."""


def plans_of(client: Any, session: Any, path: str) -> list[tuple[str, list[str]]]:
    """Each statement about Taskdeck's tables that one answer takes, and how PostgreSQL ran it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    statements = [query["sql"] for query in queries if "taskdeck" in query["sql"]]
    explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
    return [
        (sql, [line for (line,) in session.rows(explain + sql.replace("%", "%%"), {})]) for sql in statements
    ]


def section(page: str, path: str, plans: list[tuple[str, list[str]]]) -> str:
    """A query that differs from an earlier one of this page by its values only is left out."""
    blocks, seen = [], set()
    for sql, plan in plans:
        shape = re.sub(r"'[^']*'|\d+", "?", sql)
        if shape not in seen:
            seen.add(shape)
            blocks.append("\n".join([short(sql), *(f"  {line}" for line in plan)]))
    left = len(plans) - len(blocks)
    more = f"\n{left} more differ by their values only.\n" if left else ""
    text = "\n\n".join(blocks)
    return f"### `{SHOWN[page]}`: {page}\n`{path}`\n\n```\n{text}\n```\n{more}"


def short(sql: str) -> str:
    """Without the names of the columns and the table before each of them."""
    sql = re.sub(r'^SELECT ("[\w"., ]+?) FROM', "SELECT … FROM", sql)
    sql = sql.replace('"taskdeck_task".', "").replace('"', "")
    return sql if len(sql) <= 600 else f"{sql[:600]} …"


def write(text: str, *, told: str) -> None:
    """``told``: machine, versions and load."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{told}\n\n{text}{END}{after}")
