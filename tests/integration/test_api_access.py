"""Who may do what: strangers, sessions, tokens."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks_app.api.session import SessionView
from tasks_app.api.urls import urlpatterns
from tasks_app.models import Task
from tests.support.api import Level, fields_of, finished, post

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        (OWN, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Origin": "http://testserver"}, 202),
        ({"Cookie": "a=b"}, 403),
        ({"Cookie": "a=b", **OWN}, 202),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://elsewhere.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://elsewhere.test", "Authorization": "Basic YTpi"}, 403),
    ],
)
def test_an_anonymous_write_comes_from_here_or_from_no_browser(
    api: Client, headers: dict[str, str], status: int
) -> None:
    assert post(api, "/task", {"number": 3}, **headers).status_code == status
    assert post(api, "/api/functions/fibonacci/", {"number": 3}, **headers).status_code == status


def test_nothing_but_health_and_login_answers_strangers(api: Client, anonymous: Level) -> None:
    task = finished()
    anonymous("none")
    reads = [
        f"/task/{task.pk}",
        "/api/functions/",
        "/api/functions/fibonacci/",
        "/api/tasks/",
        "/api/workers/",
    ]
    reads += [f"/api/tasks/{task.pk}/", f"/api/tasks/{task.pk}/result/", "/api/tasks/counts/", "/api/tokens/"]
    reads += ["/api/schema/", "/api/docs/"]
    writes = ["/task", "/api/functions/fibonacci/", "/api/tasks/", "/api/tokens/"]
    writes += [f"/api/tasks/{task.pk}/cancel/", f"/api/tasks/{task.pk}/retry/"]
    answers = [api.get(path) for path in reads] + [post(api, path, {"number": 3}) for path in writes]
    assert {answer.status_code for answer in answers} == {401}
    assert not any("Basic" in answer["WWW-Authenticate"] for answer in answers)
    asked_for_a_page = api.get("/api/docs/", headers={"Accept": "text/html"})
    assert (asked_for_a_page.status_code, fields_of(asked_for_a_page)) == (401, [])
    assert Task.objects.count() == 1
    assert api.get("/healthz").status_code == 200
    session = api.get("/api/session/").json()
    assert session["user"] is None
    assert not any(session["permissions"].values())


def views() -> Iterator[tuple[str, set[str]]]:
    """Every path of the API with its methods, except those that answer everybody."""
    for pattern in urlpatterns:
        view = getattr(pattern.callback, "view_class", None)
        if view is not None and view is not SessionView:
            path = re.sub("<[^>]+>", "00000000-0000-7000-8000-000000000000", str(pattern.pattern))
            yield f"/{path}", {method.upper() for method in view.http_method_names if hasattr(view, method)}


def test_no_path_tells_a_stranger_what_is_wrong_with_a_request(api: Client, anonymous: Level) -> None:
    anonymous("none")
    answers = {
        f"{method} {path}": api.generic(
            method, f"{path}?limit=x&function=x", b'{"number": "x"}', "application/json"
        )
        for path, methods in views()
        for method in methods - {"OPTIONS"}
    }
    assert len(answers) > 25
    assert {what: answer.status_code for what, answer in answers.items() if answer.status_code != 401} == {}


def test_a_user_sees_only_their_own_tasks(api: Client, anonymous: Level, ada: User) -> None:
    anonymous("none")
    foreign, own = finished(), finished(owner=ada)
    login = post(api, "/api/session/", {"username": "ada", "password": "lovelace"}, **OWN)
    assert login.json()["user"] == {"username": "ada", "admin_url": None}
    assert [row["id"] for row in api.get("/api/tasks/").json()["results"]] == [str(own.pk)]
    assert api.get(f"/api/tasks/{foreign.pk}/").status_code == 404
    assert post(api, f"/api/tasks/{own.pk}/cancel/").status_code == 403
    assert api.delete("/api/session/").status_code == 204
    assert api.get("/api/tasks/").status_code == 401


def test_staff_are_told_where_the_admin_is(api: Client, ada: User) -> None:
    ada.is_staff = True
    ada.save()
    api.force_login(ada)
    assert api.get("/api/session/").json()["user"]["admin_url"] == "/admin/"


def test_a_wrong_password_is_refused(api: Client, ada: User) -> None:
    wrong = post(api, "/api/session/", {"username": "ada", "password": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_credentials")
    assert fields_of(post(api, "/api/session/", {"username": "ada"})) == ["password"]


def test_a_session_needs_its_csrf_token(api: Client, ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    assert post(strict, "/api/functions/fibonacci/", {"number": 1}, **OWN).status_code == 403
    strict.get("/api/session/")
    token = strict.cookies["csrftoken"].value
    sent = post(strict, "/api/functions/fibonacci/", {"number": 1}, **OWN, **{"X-CSRFToken": token})
    assert sent.status_code == 202
    assert Task.objects.get().owner == ada


def test_a_token_is_made_used_and_revoked(api: Client, anonymous: Level, ada: User) -> None:
    anonymous("none")
    basic = {"Authorization": "Basic " + base64.b64encode(b"ada:lovelace").decode()}
    made = post(api, "/api/tokens/", **basic)
    assert made.status_code == 201
    bearer = {"Authorization": f"Token {made.json()['token']}"}
    days_left = (datetime.fromisoformat(made.json()["expiry"]) - datetime.now(UTC)).days
    assert days_left in (364, 365)  # a program's token outlives its first day
    assert post(api, "/task", {"number": 3}, **bearer, Cookie="a=b").status_code == 202
    assert post(api, "/api/tokens/", **bearer).status_code == 403
    rows = api.get("/api/tokens/", headers=bearer).json()["results"]
    assert [row["token_key"] for row in rows] == [made.json()["token_key"]]
    assert api.delete("/api/tokens/%00/", headers=bearer).status_code == 404
    assert api.delete(f"/api/tokens/{made.json()['token_key']}/", headers=bearer).status_code == 204
    assert api.get("/api/tasks/", headers=bearer).status_code == 401
    assert api.get("/api/tasks/", headers={"Authorization": "Token ü"}).status_code == 401
