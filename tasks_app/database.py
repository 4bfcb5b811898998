"""Sessions: how a statement reaches the database, from Django's connection or from a thread's own.

Statements are written with ``%(name)s`` parameters. Errors of the driver are translated here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol

from django.db import DatabaseError, connection, transaction

from tasks_app.errors import DatabaseUnavailable, StatementRefused

Row = tuple[Any, ...]


class Session(Protocol):
    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        """Run one statement and return what it returns. Raises DatabaseUnavailable."""

    def transaction(self) -> Any:
        """A context manager: all statements within, or none."""


class _Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f":{name}"


@cache
def _sqlite_style(sql: str) -> str:
    return sql % _Names()


class SqliteSession:
    """A connection of its own, for one thread. Each statement commits by itself outside a transaction."""

    def __init__(self, path: str, *, timeout_seconds: float = 20.0) -> None:
        self._connection = sqlite3.connect(path, timeout=timeout_seconds, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=NORMAL")

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
        except BaseException:
            self._connection.rollback()
            raise
        self.rows("COMMIT", {})

    def close(self) -> None:
        self._connection.close()


class DjangoSession:
    """Django's connection of this thread, inside the caller's transaction if there is one."""

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, dict(params))
                return list(cursor.fetchall()) if cursor.description else []
        except DatabaseError as error:
            raise DatabaseUnavailable(str(error)) from error

    def transaction(self) -> Any:
        return transaction.atomic()


def open_session() -> SqliteSession:
    """A new connection to the configured database, for one thread of a worker."""
    if connection.vendor != "sqlite":
        raise DatabaseUnavailable(f"this release runs on SQLite; DATABASE_URL names {connection.vendor}")
    return SqliteSession(str(connection.get_connection_params()["database"]))
