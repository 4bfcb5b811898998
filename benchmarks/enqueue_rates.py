"""Enqueue no-ops from Python, one thread, until the broker has confirmed each message.

``one N`` calls ``enqueue()`` N times, ``many N`` stores them by ``enqueue_many()``, 1,000 each.
Prints the seconds from the first call to the last confirm.
"""

from __future__ import annotations

import json
import sys
import time

import django

BATCH = 1_000
WARM_UP = 50
LIMIT_SECONDS = 120


def until_confirmed() -> None:
    from tasks_app.delivery import delivery

    delivery.flush(LIMIT_SECONDS)
    counts = delivery.message_counts()
    if counts is None or counts["waiting"] or counts["dropped"]:
        raise SystemExit(f"the messages do not travel: {counts}")


def main(how: str, count: int) -> None:
    django.setup()
    from benchmarks.noop_tasks import noop
    from tasks_app.batches import enqueue_many

    for number in range(WARM_UP):
        noop.enqueue(number)
    until_confirmed()
    started = time.perf_counter()
    if how == "one":
        for number in range(count):
            noop.enqueue(number)
    else:
        for _ in range(count // BATCH):
            enqueue_many(noop, [{"number": number} for number in range(BATCH)])
    until_confirmed()
    print(json.dumps(time.perf_counter() - started))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
