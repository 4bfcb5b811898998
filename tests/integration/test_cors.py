"""Pages of other sites: listed ones may read and send tokens, and nobody's pages write without one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from knox.models import AuthToken
from pytest_django import Settings

from tasks_app.models import Task
from tests.support.api import post

FRIEND, STRANGER = "https://shop.example", "https://elsewhere.example"
ALLOW_ORIGIN, ALLOW_CREDENTIALS = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"


@pytest.fixture
def listed(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]


def preflight(api: Client, path: str, origin: str) -> Any:
    return api.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )


def test_by_default_no_origin_is_allowed(api: Client) -> None:
    assert not preflight(api, "/api/tasks/", FRIEND).has_header(ALLOW_ORIGIN)
    assert not api.get("/api/functions/", headers={"Origin": FRIEND}).has_header(ALLOW_ORIGIN)


@pytest.mark.usefixtures("listed")
def test_a_listed_origin_may_read_and_a_stranger_may_not(api: Client) -> None:
    for path in ("/api/functions/", "/api/tasks/", "/task/unknown"):
        answer = api.get(path, headers={"Origin": FRIEND})
        assert answer[ALLOW_ORIGIN] == FRIEND
        assert "ETag" in answer["Access-Control-Expose-Headers"]
        assert not answer.has_header(ALLOW_CREDENTIALS), "no cookies"
        assert not api.get(path, headers={"Origin": STRANGER}).has_header(ALLOW_ORIGIN)
    assert not api.get("/admin/", headers={"Origin": FRIEND}).has_header(ALLOW_ORIGIN), "the API only"


@pytest.mark.usefixtures("listed")
def test_a_listed_origin_may_send_a_token(api: Client, ada: User) -> None:
    allowed = preflight(api, "/api/functions/fibonacci/", FRIEND)
    assert allowed[ALLOW_ORIGIN] == FRIEND
    assert "authorization" in allowed["Access-Control-Allow-Headers"]
    assert not preflight(api, "/api/functions/fibonacci/", STRANGER).has_header(ALLOW_ORIGIN)

    _, token = AuthToken.objects.create(ada)
    headers = {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site", "Authorization": f"Token {token}"}
    answer = post(api, "/api/functions/fibonacci/", {"number": 3}, **headers)
    assert (answer.status_code, answer[ALLOW_ORIGIN]) == (202, FRIEND)
    assert Task.objects.get().owner == ada


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Cookie": "a=b"}])
@pytest.mark.parametrize("path", ["/task", "/api/functions/fibonacci/"])
def test_an_anonymous_write_from_a_listed_origin_is_refused(
    api: Client, path: str, headers: dict[str, str]
) -> None:
    answer = post(api, path, {"number": 3}, Origin=FRIEND, **headers)
    assert (answer.status_code, answer.json().get("code", "foreign_origin")) == (403, "foreign_origin")
    assert answer[ALLOW_ORIGIN] == FRIEND, "so that the page can read why"
    assert not Task.objects.exists()


@pytest.mark.usefixtures("listed")
def test_a_session_cookie_does_not_serve_a_listed_origin(api: Client, ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    answer = post(strict, "/api/functions/fibonacci/", {"number": 3}, Origin=FRIEND)
    assert answer.status_code == 403
    assert not Task.objects.exists()
