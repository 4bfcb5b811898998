"""Store N waiting no-ops for whichever side DJANGO_SETTINGS_MODULE names."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

django.setup()
count = int(sys.argv[1])
call_command("migrate", verbosity=0)
if "tasks_app" in settings.INSTALLED_APPS:
    from tasks_app.models import Task

    now = datetime.now(UTC)
    path = "benchmarks.noop_tasks.noop"
    rows = [
        Task(function=path, state="queued", arguments={"number": n}, created_at=now) for n in range(count)
    ]
    Task.objects.bulk_create(rows, batch_size=500)
else:
    from benchmarks.noop_tasks import noop

    with transaction.atomic():
        for number in range(count):
            noop.enqueue(number)
