"""A session on a PostgreSQL connection of its own; the one module that knows psycopg."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from tasks_app.database import Row
from tasks_app.errors import DatabaseUnavailable, StatementConflict, StatementRefused


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
            # its description would make an object of each column
            return cursor.fetchall() if _has_rows(cursor) else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _psycopg_errors_translated(), self._connection.transaction():
            yield

    def close(self) -> None:
        self._connection.close()


def _has_rows(cursor: psycopg.Cursor[Row]) -> bool:
    return cursor.pgresult is not None and cursor.pgresult.status == psycopg.pq.ExecStatus.TUPLES_OK


class _PreparingCursor(psycopg.Cursor[Row]):
    def execute(self, query: Any, params: Any = None, **_how: Any) -> _PreparingCursor:
        return super().execute(query, params, prepare=True)


def preparing_cursor(connection: Any) -> Any:
    """A cursor of Django's connection whose statements are planned once a session, parameters sent beside.

    Django itself writes them into the statement, which PostgreSQL then reads and plans anew each time. Where
    ``prepare_threshold`` is None, as behind a pooler by transaction, psycopg plans nothing ahead.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return connection._prepare_cursor(_PreparingCursor(connection.connection))


def _with_planner_guard(params: Mapping[str, Any], timeout_seconds: float) -> dict[str, Any]:
    """Connection parameters for statements that all go by an index.

    A table that was created empty has no statistics worth the name: a sequential, a bitmap scan or a
    sort looks cheap to the planner and is not. What has no other way is priced so high that each
    execution would be compiled first, hence no JIT. Each statement is planned once: with all ways by an index
    there is nothing to choose by its values. READ COMMITTED is what the statements are written for.
    """
    timeout_ms = round(timeout_seconds * 1000)
    settings = {
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_sort": "off",
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
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
