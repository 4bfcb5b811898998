"""Django's admin over tasks and workers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Permission, User
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


def test_the_admin_cancels_and_retries_what_the_state_allows(admin_client: Client) -> None:
    failed, ended = finished("failed"), finished()
    chosen = {"_selected_action": [str(failed.pk), str(ended.pk)]}
    page = admin_client.post("/admin/tasks_app/task/", {"action": "cancel_tasks", **chosen}, follow=True)
    assert (
        b"0 of 2 tasks cancelled or asked to stop. The state of the others does not allow it." in page.content
    )
    page = admin_client.post("/admin/tasks_app/task/", {"action": "retry_tasks", **chosen}, follow=True)
    assert b"2 of 2 tasks sent back to their queues." in page.content
    failed.refresh_from_db()
    assert failed.state == "queued"
    assert f'href="/console/tasks/{failed.pk}"'.encode() in page.content


def test_an_admin_user_without_the_right_has_no_such_action(db: None, client: Client) -> None:
    failed = finished("failed")
    user = User.objects.create_user("viewer", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_task", "view_all_tasks"]))
    client.force_login(user)
    page = client.get("/admin/tasks_app/task/")
    assert b"fibonacci" in page.content
    assert b"retry_tasks" not in page.content
    chosen = {"action": "retry_tasks", "_selected_action": [str(failed.pk)]}
    client.post("/admin/tasks_app/task/", chosen, follow=True)
    failed.refresh_from_db()
    assert failed.state == "failed"
