"""Sessions: how a statement reaches the database, from Django's connection or from a thread's own.

Statements are written with ``%(name)s`` parameters. Errors of the driver are translated here: what
may pass by itself is DatabaseUnavailable, what the database will never take is StatementRefused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, Protocol

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections, transaction

from tasks_app.conf import get_conf
from tasks_app.errors import DatabaseUnavailable, StatementConflict, StatementRefused

Row = tuple[Any, ...]


class Session(Protocol):
    @property
    def vendor(self) -> str:
        """sqlite or postgresql."""

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        """Run one statement and return what it returns.

        Raises DatabaseUnavailable, StatementRefused, and StatementConflict after a deadlock or a
        serialization failure: everything was rolled back, so the caller may begin again.
        """

    def transaction(self) -> AbstractContextManager[Any]:
        """All statements within, or none."""


class OwnSession(Session, Protocol):
    """A session with a connection of its own, for one thread."""

    def close(self) -> None: ...


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


class PostgresSession:
    """A connection of its own, for one thread. Each statement commits by itself outside a transaction.

    ``timeout_seconds`` bounds connecting, each statement, and the silence of a dead network.
    """

    vendor = "postgresql"

    def __init__(self, params: Mapping[str, Any], *, timeout_seconds: float) -> None:
        try:
            self._connection: psycopg.Connection[Row] = psycopg.connect(
                **_with_planner_guard(params, timeout_seconds), autocommit=True, prepare_threshold=0
            )
        except psycopg.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        with _psycopg_errors_translated():
            cursor = self._connection.execute(sql, params)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _psycopg_errors_translated(), self._connection.transaction():
            yield

    def close(self) -> None:
        self._connection.close()


def _with_planner_guard(params: Mapping[str, Any], timeout_seconds: float) -> dict[str, Any]:
    """Connection parameters for statements that all go by an index.

    A table that was created empty has no statistics worth the name: a sequential, a bitmap scan or a
    sort looks cheap to the planner and is not. What has no other way is priced so high that each
    execution would be compiled first, hence no JIT. READ COMMITTED is what the statements are written for.
    """
    timeout_ms = round(timeout_seconds * 1000)
    settings = {
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_sort": "off",
        "jit": "off",
        "default_transaction_isolation": r"read\ committed",
        "statement_timeout": timeout_ms,
        "idle_in_transaction_session_timeout": timeout_ms,
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {
        **params,
        "options": f"{params.get('options', '')} {options}".strip(),
        "connect_timeout": max(2, round(timeout_seconds)),
        "tcp_user_timeout": timeout_ms,
        "keepalives_idle": max(1, round(timeout_seconds / 2)),
        "keepalives_interval": 1,
    }


@contextmanager
def _psycopg_errors_translated() -> Iterator[None]:
    try:
        yield
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
        raise StatementConflict(str(error)) from error
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise StatementRefused(str(error)) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as error:
        raise DatabaseUnavailable(str(error)) from error


class DjangoSession:
    """Django's connection of this thread, inside the caller's transaction if there is one."""

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        self._connection = connections[using]

    @property
    def vendor(self) -> str:
        return str(self._connection.vendor)

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, dict(params))
                return list(cursor.fetchall()) if cursor.description else []
        except IntegrityError as error:
            raise StatementRefused(str(error)) from error
        except DatabaseError as error:
            raise DatabaseUnavailable(str(error)) from error

    def transaction(self) -> AbstractContextManager[Any]:
        return transaction.atomic(using=self._connection.alias)


def open_session(using: str = DEFAULT_DB_ALIAS) -> OwnSession:
    """A new connection to the configured database, for one thread of a worker. Raises DatabaseUnavailable."""
    params = dict(connections[using].get_connection_params())
    if connections[using].vendor == "sqlite":
        return SqliteSession(str(params["database"]))
    for django_only in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(django_only, None)
    return PostgresSession(params, timeout_seconds=get_conf().self_stop_seconds)
