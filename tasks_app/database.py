"""Sessions: how a statement reaches the database, from Django's connection or from a thread's own.

Statements are written with ``%(name)s`` parameters. Errors of the driver are translated here: what
may pass by itself is DatabaseUnavailable, what the database will never take is StatementRefused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections, transaction

from tasks_app.conf import get_conf
from tasks_app.errors import DatabaseUnavailable, StatementRefused

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


class DjangoSession:
    """Django's connection of this thread, inside the caller's transaction if there is one.

    ``is_preparing``, for frequent statements that suit one plan and return rows: PostgreSQL plans each once
    in a session.
    """

    def __init__(self, using: str = DEFAULT_DB_ALIAS, *, is_preparing: bool = False) -> None:
        self._connection = connections[using]
        self._is_preparing = is_preparing and self._connection.vendor == "postgresql"

    @property
    def vendor(self) -> str:
        return str(self._connection.vendor)

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        try:
            with self._cursor() as cursor:
                cursor.execute(sql, dict(params))
                # psycopg makes an object for each column before it tells whether there are any
                return list(cursor.fetchall()) if self._is_preparing or cursor.description else []
        except IntegrityError as error:
            raise StatementRefused(str(error)) from error
        except DatabaseError as error:
            raise DatabaseUnavailable(str(error)) from error

    def _cursor(self) -> Any:
        if not self._is_preparing:
            return self._connection.cursor()
        from tasks_app.postgres_session import preparing_cursor  # psycopg, which SQLite has no use for

        return preparing_cursor(self._connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        try:
            with transaction.atomic(using=self._connection.alias):
                yield
        except IntegrityError as error:  # of a constraint that is checked at the commit
            raise StatementRefused(str(error)) from error


def open_session(using: str = DEFAULT_DB_ALIAS) -> OwnSession:
    """A new connection to the configured database, for one thread of a worker. Raises DatabaseUnavailable."""
    params = dict(connections[using].get_connection_params())
    if connections[using].vendor == "sqlite":
        from tasks_app.sqlite_session import SqliteSession  # sqlite3, which PostgreSQL has no use for

        return SqliteSession(str(params["database"]))
    from tasks_app.postgres_session import PostgresSession  # psycopg, which SQLite has no use for

    for django_only in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(django_only, None)
    return PostgresSession(params, timeout_seconds=get_conf().self_stop_seconds)
