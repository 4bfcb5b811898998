"""Submitting, reading and acting on tasks."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from tasks_app.access import access_of
from tasks_app.actions import cancel
from tasks_app.errors import TaskNotFound
from tasks_app.models import TaskAttempt
from tests.support.api import finished, post


def test_a_submit_says_where_the_task_is(api: Client) -> None:
    for response in (
        post(api, "/api/functions/fibonacci/", {"number": 5}),
        post(api, "/api/tasks/", {"function": "fibonacci", "arguments": {"number": 5}}),
    ):
        document = response.json()
        assert (response.status_code, document["state"]) == (202, "queued")
        assert response["Location"] == document["url"] == f"/api/tasks/{document['task_id']}/"
        assert api.get(document["url"]).json()["arguments"] == {"number": 5}


def test_a_task_may_wait_for_its_time(api: Client) -> None:
    call = {"function": "fibonacci", "arguments": {"number": 5}, "run_after": "2100-01-01T00:00:00Z"}
    response = post(api, "/api/tasks/", call)
    assert response.json()["state"] == "scheduled"
    assert api.get(response.json()["url"]).json()["run_at"] == "2100-01-01T00:00:00Z"


def test_pages_follow_one_another_and_unchanged_ones_are_304(api: Client) -> None:
    ids = [str(finished().pk) for _ in range(5)][::-1]
    first = api.get("/api/tasks/?limit=3")
    second = api.get(f"/api/tasks/?limit=3&cursor={first.json()['next']}")
    assert [row["id"] for page in (first, second) for row in page.json()["results"]] == ids
    assert second.json()["next"] is None
    unchanged = api.get("/api/tasks/?limit=3", headers={"If-None-Match": first["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    finished()
    assert api.get("/api/tasks/?limit=3", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_waiting_tasks_are_cancelled_and_ended_ones_retried(api: Client) -> None:
    path = post(api, "/api/functions/fibonacci/", {"number": 5}).json()["url"]
    assert post(api, f"{path}retry/").json()["code"] == "not_retryable"
    assert post(api, f"{path}cancel/").json() == {"state": "cancelled", "cancel_requested": True}
    again = post(api, f"{path}cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "not_cancellable")
    assert post(api, f"{path}retry/").status_code == 202
    assert api.get("/api/tasks/counts/").json()["counts"]["queued"] == 1


def test_a_task_that_failed_very_often_is_shown_with_its_newest_attempts(api: Client) -> None:
    task = finished("failed", error="E: 150", attempt=150)
    TaskAttempt.objects.bulk_create(
        TaskAttempt(
            task=task, attempt=number, kind="failure", traceback=f"of {number}", finished_at=task.created_at
        )
        for number in range(1, 151)
    )
    document = api.get(f"/api/tasks/{task.pk}/").json()
    assert [one["attempt"] for one in document["attempts"]] == list(range(51, 151))
    assert document["traceback"] == "of 150"


@pytest.mark.parametrize(("media_type", "shown"), [("image/png", "inline"), ("text/html", "attachment")])
def test_only_pictures_are_shown_in_place(api: Client, media_type: str, shown: str) -> None:
    data = base64.b64encode(b"<script>").decode()
    task = finished(result={"$media": media_type, "data": data})
    document = api.get(f"/api/tasks/{task.pk}/").json()
    assert document["result"] == {"$media": media_type}
    response = api.get(document["result_url"])
    assert (response.content, response["Content-Disposition"]) == (b"<script>", shown)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] != "text/html"


@pytest.mark.parametrize(
    "spelling", [str.upper, lambda text: "{" + text + "}", lambda text: text.replace("-", "")]
)
def test_an_id_may_be_spelt_otherwise(api: Client, spelling: Callable[[str], str]) -> None:
    task_id = post(api, "/api/functions/fibonacci/", {"number": 5}).json()["task_id"]
    path = f"/api/tasks/{spelling(task_id)}/"
    assert api.get(path).json()["id"] == task_id
    assert post(api, f"{path}cancel/").json()["state"] == "cancelled"
    assert post(api, f"{path}retry/").status_code == 202


def test_what_is_no_id_names_no_task(api: Client) -> None:
    with pytest.raises(TaskNotFound):
        cancel(access=access_of(AnonymousUser()), task_id="nonsense")
