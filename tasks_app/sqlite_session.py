"""The worker's session on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from tasks_app.database import Row
from tasks_app.errors import DatabaseUnavailable, StatementRefused


class _Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f":{name}"


@cache
def _sqlite_style(sql: str) -> str:
    return sql % _Names()


class SqliteSession:
    """A connection of its own, for one thread. Each statement commits by itself outside a transaction."""

    vendor = "sqlite"

    def __init__(self, path: str, *, timeout_seconds: float = 20.0) -> None:
        self._connection = sqlite3.connect(path, timeout=timeout_seconds, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA foreign_keys=ON")

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        try:
            return self._connection.execute(_sqlite_style(sql), params).fetchall()
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailable(str(error)) from error
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise StatementRefused(str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.rows("BEGIN IMMEDIATE", {})
        try:
            yield
            self.rows("COMMIT", {})  # refused where a constraint is broken that is checked at the end
        except BaseException:
            self._connection.rollback()
            raise

    def close(self) -> None:
        self._connection.close()
