"""Submit one no-op at a time and wait until its result can be read; prints the milliseconds as JSON.

One more goes before and is not counted: it opens the client's connections.
"""

from __future__ import annotations

import json
import sys
import time

import django

LIMIT_SECONDS = 30
PAUSE_SECONDS = 0.02  # between two tasks, so that each finds the system idle
LOOK_EVERY_SECONDS = 0.0002


def main(count: int) -> None:
    django.setup()
    from benchmarks.noop_tasks import noop
    from tasks_app.redis_client import read_result

    times = []
    for number in range(count + 1):
        started = time.perf_counter()
        task_id = noop.enqueue(number).id
        while read_result(task_id, 1) is None:
            if time.perf_counter() - started > LIMIT_SECONDS:
                raise SystemExit(f"no result of {task_id}")
            time.sleep(LOOK_EVERY_SECONDS)
        times.append(round((time.perf_counter() - started) * 1000, 3))
        time.sleep(PAUSE_SECONDS)
    print(json.dumps(times[1:]))


if __name__ == "__main__":
    main(int(sys.argv[2]))
