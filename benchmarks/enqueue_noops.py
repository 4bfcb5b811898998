"""Store N waiting no-ops for whichever side DJANGO_SETTINGS_MODULE names; with a broker, publish them too."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction


def store_rows(count: int) -> None:
    from tasks_app.models import Task

    now = datetime.now(UTC)
    path = "benchmarks.noop_tasks.noop"
    rows = [
        Task(function=path, state="queued", arguments={"number": n}, created_at=now) for n in range(count)
    ]
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


def main(count: int) -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    if "tasks_app" in settings.INSTALLED_APPS:
        store_rows(count)
        return
    from benchmarks.noop_tasks import noop

    with transaction.atomic():
        for number in range(count):
            noop.enqueue(number)


if __name__ == "__main__":
    main(int(sys.argv[1]))
