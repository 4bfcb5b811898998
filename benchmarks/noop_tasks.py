"""The no-op both sides of a drain run."""

from __future__ import annotations

import django

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task


@task()
def noop(number: int) -> int:
    return number
