"""Celery's functions. ``N`` publishes so many no-ops, ``spin NUMBER N`` so many calls of spin.

``latency N`` submits one no-op at a time and waits for its result; ``confirmed N`` and ``forgotten N`` time
N calls that await their confirm, the latter keep no result.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.celery_settings")

from celery import Celery

from benchmarks import timed

WARM_UP = 50
app = Celery("peer")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery closes the database connections around each task unless this is set; so many tasks keep one.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000


@app.task(name="noop")
def noop(number: int) -> int:
    return number


@app.task(name="forgotten", ignore_result=True)
def forgotten(number: int) -> int:
    return number


spin = app.task(name="spin")(timed.spin)
pause = app.task(name="pause")(timed.pause)


def publish(count: int) -> None:
    if os.environ["CELERY_RESULTS"] == "django-db":
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
    for number in range(count):
        noop.apply_async((number,), ignore_result=False)


def latency(count: int) -> None:
    if os.environ["CELERY_RESULTS"] == "django-db":
        import django

        django.setup()
    noop.delay(0).get(timeout=30)  # opens the client's connections
    times = []
    for number in range(count):
        started = time.perf_counter()
        noop.delay(number).get(timeout=30, interval=0.0002)
        times.append(round((time.perf_counter() - started) * 1000, 3))
        time.sleep(0.02)
    print(json.dumps(times))


def confirmed(count: int, *, ignore_result: bool) -> None:
    """``delay()`` of a task that keeps its result, or not; django settings ask for confirms."""
    send = forgotten.delay if ignore_result else noop.delay
    for number in range(WARM_UP):
        send(number)
    started = time.perf_counter()
    for number in range(count):
        send(number)
    print(json.dumps(time.perf_counter() - started))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["confirmed" | "forgotten" as how, count]:
            confirmed(int(count), ignore_result=how == "forgotten")
        case ["latency", count]:
            latency(int(count))
        case ["spin", number, count]:
            for _ in range(int(count)):
                spin.apply_async((int(number),), ignore_result=False)
        case [count]:
            publish(int(count))
