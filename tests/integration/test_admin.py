"""Django's admin over tasks and workers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from tasks_app.models import Worker
from tests.support.api import UNKNOWN_ID, finished


def test_the_admin_lists_tasks_without_a_query_per_row(
    api: Client, admin_client: Client, ada: User, django_assert_max_num_queries: Any
) -> None:
    now = datetime.now(UTC)
    for number in range(20):
        finished(owner=User.objects.create_user(f"user{number}"), last_worker="node")
    Worker.objects.create(id=UNKNOWN_ID, node="node", started_at=now, heartbeat_at=now)
    with django_assert_max_num_queries(10):
        page = admin_client.get("/admin/tasks_app/task/?q=fibonacci&state__exact=succeeded")
    assert b"20 tasks" in page.content
    task = finished(owner=ada)
    assert admin_client.get(f"/admin/tasks_app/task/{task.pk}/change/").status_code == 200
    assert (
        admin_client.post(f"/admin/tasks_app/task/{task.pk}/change/", {"state": "queued"}).status_code == 403
    )
    assert b"node" in admin_client.get("/admin/tasks_app/worker/").content
