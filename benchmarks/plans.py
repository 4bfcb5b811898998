"""The plans of the console's queries at one and at ten million rows, and the pages of the docs with them."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.services import ROOT

_DOCS = ROOT / "docs" / "explanation"
PAGES = {1_000_000: _DOCS / "queries.md", 10_000_000: _DOCS / "queries-at-ten-million.md"}
"""By the number of rows."""
MARKS = "<!-- {}: begin -->", "<!-- {}: end -->"
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


MOST_ROWS = 60_000
"""That any step of an answer may look at, however large the tables are."""


def plans_of(client: Any, path: str) -> list[tuple[str, list[str]]]:
    """Each statement about Taskdeck's tables that one answer takes, and how PostgreSQL runs it for the web:
    on Django's connection, as a worker's session has other settings. SystemExit where one takes more than
    MOST_ROWS."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    statements = [query["sql"] for query in queries if "taskdeck" in query["sql"]]
    with connection.cursor() as cursor:
        plans = [(sql, plan(cursor, sql)) for sql in statements]
    if found := {sql: lines for sql, lines in plans if most_rows(lines) > MOST_ROWS}:
        raise SystemExit(f"{path} looks at more than {MOST_ROWS} rows: {found}")
    return plans


def most_rows(plan: list[str]) -> int:
    """Of all its steps, those that a filter removed included."""
    most = passed = loops = 0
    for line in plan:
        if found := re.search(r"actual rows=(\d+) loops=(\d+)", line):
            loops = int(found[2])
            passed = int(found[1]) * loops
        elif found := re.search(r"Rows Removed by Filter: (\d+)", line):
            passed += int(found[1]) * loops
        most = max(most, passed)
    return most


def plan(cursor: Any, sql: str) -> list[str]:
    cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + sql)
    return [line for (line,) in cursor.fetchall()]


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


def write(rows: int, what: str, text: str, *, told: str) -> None:
    """``what``: answers or plans, each by itself. ``told``: machine, versions and load."""
    page = PAGES[rows]
    begin, end = (mark.format(what) for mark in MARKS)
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{told}\n\n{text}{end}{after}")
