"""The statements of docs/how-to/look-after-postgresql.md run on Taskdeck's tables."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "look-after-postgresql.md"
OPTIONS = "SELECT reloptions FROM pg_class WHERE oid = 'taskdeck_task'::regclass"


def statements() -> list[str]:
    blocks = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(), re.S | re.M)
    return [statement for block in blocks for statement in block.strip().split(";") if statement.strip()]


def test_every_statement_of_the_page_runs_and_the_settings_are_taken_back(database_url: str) -> None:
    options, answers = [], 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in statements():
            cursor = connection.execute(statement.encode())
            answers += cursor.description is not None
            if "ALTER TABLE" in statement:
                options.append(connection.execute(OPTIONS).fetchall()[0][0])
    [chosen, taken_back] = options
    assert set(chosen) == {
        "autovacuum_vacuum_scale_factor=0.02",
        "autovacuum_vacuum_threshold=20000",
        "autovacuum_analyze_scale_factor=0.02",
    }
    assert taken_back is None
    assert answers == 5
