"""Secrets among the arguments: for the function alone."""

from __future__ import annotations

import pytest
from django.test import Client

from tasks_app.errors import InvalidArguments
from tests.support import sample_tasks
from tests.support.api import fields_of, post
from tests.support.samples import result_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]
LOGIN = "/api/functions/takes_login/"


def test_a_secret_is_shown_nowhere_and_reaches_the_function(api: Client, admin_client: Client) -> None:
    arguments = {
        "value": {"user": "ada", "password": "hunter2"},
        "others": [{"user": "bob", "password": "tr0ub4dor"}],
    }
    task_id = post(api, LOGIN, arguments).json()["task_id"]
    pages = [
        api.get(f"/api/tasks/{task_id}/").content.decode(),
        api.get("/api/tasks/").content.decode(),
        admin_client.get(f"/admin/tasks_app/task/{task_id}/change/").content.decode(),
        str(sample_tasks.takes_login.get_result(task_id).kwargs),
    ]
    assert all("ada" in page and "bob" in page and "*****" in page for page in pages)
    for secret in ("hunter2", "tr0ub4dor"):
        assert not [page for page in pages if secret in page]
    assert api.get("/api/tasks/?search=hunter").json()["results"] == []
    assert result_of(task_id) == "Login [7, 9]"
    refused = post(api, LOGIN, {**arguments, "others": [{"user": "x", "password": "tr0ub4dor", "n": 1}, 5]})
    assert (refused.status_code, b"tr0ub4dor" in refused.content) == (400, False)


def test_a_mask_is_not_taken_for_the_secret(api: Client) -> None:
    shown = {"value": {"user": "ada", "password": "**********"}}
    refused = post(api, LOGIN, shown)
    told = [{"field": "value.password", "message": "This is the mask of a secret; enter the secret itself"}]
    assert (refused.status_code, refused.json()["errors"]) == (400, told)
    other = post(api, LOGIN, {"value": {"user": 5, "password": "**********"}})
    assert fields_of(other) == ["value.password", "value.user"]
    with pytest.raises(InvalidArguments, match=r"value\.password: This is the mask"):
        sample_tasks.takes_login.enqueue(**shown)
