"""Store N waiting no-ops for whichever side DJANGO_SETTINGS_MODULE names; with a broker, publish them too.

``N``, or ``PATH NUMBER N``: another function of Taskdeck's, each time with this number.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

NOOP = "benchmarks.noop_tasks.noop"


def store_rows(path: str, numbers: Iterable[int]) -> None:
    from tasks_app.models import Task

    now = datetime.now(UTC)
    rows = [Task(function=path, state="queued", arguments={"number": n}, created_at=now) for n in numbers]
    Task.objects.bulk_create(rows, batch_size=500)
    if url := settings.TASKDECK["RABBITMQ_URL"]:
        publish(url, [str(row.id) for row in rows], path)


def publish(url: str, ids: list[str], path: str) -> None:
    """As Taskdeck's own publisher does; this one is not what is measured."""
    import pika

    from tasks_app.messages import broker_queue, encode

    queue = broker_queue("default")
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        for task_id in ids:
            properties = pika.BasicProperties(delivery_mode=2, message_id=task_id, type=path)
            channel.basic_publish("", queue, encode(task_id), properties)


def main(count: int, path: str = NOOP, number: int | None = None) -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    if "tasks_app" in settings.INSTALLED_APPS:
        store_rows(path, range(count) if number is None else [number] * count)
        return
    from benchmarks.noop_tasks import noop

    with transaction.atomic():
        for number in range(count):
            noop.enqueue(number)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [path, number, count]:
            main(int(count), path, int(number))
        case [count]:
            main(int(count))
