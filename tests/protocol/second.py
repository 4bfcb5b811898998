"""A second connection that acts while the first one is in a transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tasks_app.database import Session
from tests.support.databases import Database
from tests.support.processes import wait_until

SECOND = "the second connection"


class Second:
    """Runs a statement on a connection of its own, in a thread."""

    def __init__(self, database: Database, act: Callable[[Session], Any]) -> None:
        self._database, self._act = database, act
        self._answer: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        session = self._database.open(name=SECOND)
        try:
            self._answer = self._act(session)
        except BaseException as error:
            self._error = error
        finally:
            session.close()

    def wait_until_it_waits(self) -> None:
        """For a lock that the first connection holds."""
        sql = "SELECT 1 FROM pg_stat_activity WHERE application_name = %(name)s AND wait_event_type = 'Lock'"
        with self._database.session() as session:
            wait_until(
                lambda: session.rows(sql, {"name": SECOND}), seconds=60, what="the second statement waits"
            )

    def answer(self) -> Any:
        self._thread.join(20)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error
        return self._answer
