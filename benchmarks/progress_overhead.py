"""What progress, tracking and logging cost a task: nanoseconds per call over the bare loop.

    python -m benchmarks.progress_overhead

Each figure is the best of ROUNDS, less the best of the bare loop beside it, while the sending thread runs.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator

STEPS = 1_000_000
LOG_LINES = 100_000
ROUNDS = 5


def empty(count: int) -> Iterator[int]:
    yield from range(count)


def best(run: Callable[[], None]) -> float:
    """Seconds of this thread's processor time, so that neighbours weigh less."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskqueue_site.settings")
    os.environ["TASKDECK_MAX_LOG_LINES"] = str(10 * LOG_LINES * ROUNDS)
    os.environ["TASKDECK_MAX_LOG_BYTES"] = str(2**31)
    import django

    django.setup()

    from tasks_app.context import TaskContext, running
    from tasks_app.log_capture import CaptureHandler
    from tasks_app.reporting import DeadLine

    log = logging.getLogger("benchmark")
    log.setLevel(logging.INFO)
    log.propagate = False

    def loop() -> None:
        for _ in empty(STEPS):
            pass

    def track(context: TaskContext) -> Callable[[], None]:
        def run() -> None:
            for _ in context.track(empty(STEPS), "Tracking", total=STEPS):
                pass

        return run

    def progress(context: TaskContext) -> Callable[[], None]:
        def run() -> None:
            for number in empty(STEPS):
                context.progress(number, STEPS, "Counting")

        return run

    def log_lines() -> None:
        for number in range(LOG_LINES):
            log.info("line %d", number)

    bare = best(loop)
    unheard = best(log_lines)
    log.addHandler(CaptureHandler())
    with running(task_id="0", attempt=1, line=DeadLine(), result=lambda: None) as context:
        tracked, progressed = best(track(context)), best(progress(context))
        logged = best(log_lines)
    for name, seconds, base, calls in (
        ("track, per step", tracked, bare, STEPS),
        ("progress, per call", progressed, bare, STEPS),
        ("log line, captured", logged, unheard, LOG_LINES),
    ):
        print(f"{name:20} {(seconds - base) / calls * 1e9:7.0f} ns   {seconds / base:6.2f} x the bare loop")


if __name__ == "__main__":
    main()
