"""Submits tasks as long as it runs, MOST_WAITING at a time: rows, messages and events, as a site does.

Ends with SIGTERM, after what was announced has left.
"""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime

BATCH = 500
MOST_WAITING = 4_000
REFUSED, LATER = 3, 1
"""Of each batch: so few that the page can count them exactly. The rest are no-ops."""
YEARS_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)
FLUSH_SECONDS = 20.0
PAUSE_SECONDS = 0.02
WAITING = "SELECT count(*) FROM taskdeck_task WHERE state = 'queued'"


def main() -> None:
    import django

    django.setup()

    from django.db import connection

    from tasks_app.delivery import delivery
    from tasks_app.functions import registry
    from tasks_app.insertion import NewTask
    from tasks_app.submit import prepare, submit_all

    ends = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ends.set())
    noop, refuses = registry.by_slug("noop"), registry.by_slug("refuses")

    def new(number: int) -> NewTask:
        place = number % BATCH
        [task] = prepare(
            function=refuses if place < REFUSED else noop,
            arguments=[{"number": number}],
            owner_id=None,
            run_after=YEARS_AHEAD if place >= BATCH - LATER else None,
        )
        return task

    def waiting() -> int:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            return int(cursor.fetchone()[0])

    submitted = 0
    while not ends.is_set():
        if waiting() > MOST_WAITING:
            ends.wait(PAUSE_SECONDS)
            continue
        submit_all([new(number) for number in range(submitted, submitted + BATCH)])
        submitted += BATCH
    delivery.flush(FLUSH_SECONDS)


if __name__ == "__main__":
    main()
