"""Django's admin over tasks and workers."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from tasks_app.models import QueuePause, TaskBatch, Worker
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


def test_the_admin_lists_batches_without_a_query_per_row(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        TaskBatch.objects.create(
            id=uuid.uuid4(),
            owner=User.objects.create_user(f"user{number}"),
            created_at=datetime.now(UTC),
            size=1,
            then_task=finished(),
        )
    with django_assert_max_num_queries(10):
        page = admin_client.get("/admin/tasks_app/taskbatch/")
    assert b"user19" in page.content
    assert b"20 batches" in page.content


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


def test_the_admin_pauses_and_resumes_a_queue_and_names_what_is_wrong(admin_client: Client) -> None:
    add = "/admin/tasks_app/queuepause/add/"
    given = {"queue": "default", "reason": "moving house", "ends_at_0": "2020-01-31", "ends_at_1": "12:00:00"}
    refused = admin_client.post(add, given).content
    assert b"must lie in the future" in refused
    assert not QueuePause.objects.exists()
    admin_client.post(add, given | {"ends_at_0": "2040-01-31"})
    paused = QueuePause.objects.get()
    assert (paused.queue, paused.paused_by, paused.ends_at) == (
        "default",
        "admin",
        datetime(2040, 1, 31, 12, tzinfo=UTC),
    )
    assert b"moving house" in admin_client.get("/admin/tasks_app/queuepause/").content
    change = "/admin/tasks_app/queuepause/default/change/"
    assert b"at most 500" in admin_client.post(change, {"reason": "a" * 501}).content
    admin_client.post(change, {"reason": "for good"})
    paused.refresh_from_db()
    assert (paused.reason, paused.ends_at) == ("for good", None)
    admin_client.post("/admin/tasks_app/queuepause/default/delete/", {"post": "yes"})
    assert not QueuePause.objects.exists()


def test_an_admin_user_who_may_not_operate_does_not_see_the_pauses(db: None, client: Client) -> None:
    user = User.objects.create_user("viewer", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_task", "change_queuepause"]))
    client.force_login(user)
    assert client.get("/admin/tasks_app/queuepause/").status_code == 403
