"""How fast a bulk of 1,000 tasks is stored on PostgreSQL, beside Django's ``bulk_create`` of the same rows.

    python -m benchmarks.bulk_insert

A private server with the stock settings; the best and the median of ROUNDS, arguments already checked.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.support.servers import Home, PostgreSQL

TASKS = 1000
ROUNDS = 30


def main() -> None:
    home = Home()
    server = PostgreSQL(home)
    try:
        server.start()
        os.environ["DATABASE_URL"] = server.fresh_database()
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskqueue_site.settings")
        measure()
    finally:
        home.end()


def measure() -> None:
    import django

    django.setup()

    from django.db import connection, transaction
    from uuid_utils.compat import uuid7

    from tasks_app.functions import registry
    from tasks_app.insertion import NewTask
    from tasks_app.models import Task
    from tasks_app.submit import prepare, submit_all

    function = registry.by_slug("fibonacci")

    def prepared() -> list[NewTask]:
        arguments = [{"number": 3} for _ in range(TASKS)]
        return prepare(function=function, arguments=arguments, owner_id=None)

    def statement(tasks: list[NewTask]) -> None:
        with transaction.atomic():
            submit_all(tasks)
            transaction.get_connection().run_on_commit.clear()  # nobody hears of them

    def orm(tasks: list[NewTask]) -> None:
        now = datetime.now(UTC)
        rows = [
            Task(
                id=uuid7(),
                function=task.function.path,
                state="queued",
                arguments=task.arguments,
                created_at=now,
            )
            for task in tasks
        ]
        with transaction.atomic():
            Task.objects.bulk_create(rows)

    for name, store in (("submit_all", statement), ("bulk_create", orm)):
        best, median = rates(prepared, store)
        print(f"{name:12} {best:8,.0f} tasks/s at best, {median:8,.0f} in the median")
    connection.close()


def rates(prepared: Callable[[], Any], store: Callable[[Any], None]) -> tuple[float, float]:
    """Tasks per second."""
    seconds = []
    for _ in range(ROUNDS):
        tasks = prepared()
        start = time.perf_counter()
        store(tasks)
        seconds.append(time.perf_counter() - start)
    return TASKS / min(seconds), TASKS / statistics.median(seconds)


if __name__ == "__main__":
    main()
