"""Celery's no-op. Run with arguments, it publishes so many."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.celery_settings")

from celery import Celery

app = Celery("peer")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery closes the database connections around each task unless this is set; so many tasks keep one.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000


@app.task(name="noop")
def noop(number: int) -> int:
    return number


def main() -> None:
    if os.environ["CELERY_RESULTS"] == "django-db":
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
    for number in range(int(sys.argv[1])):
        noop.apply_async((number,), ignore_result=False)


if __name__ == "__main__":
    main()
