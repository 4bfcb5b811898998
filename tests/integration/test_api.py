"""The REST API as a client meets it: submit, read, act, and every bad input answered in JSON."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client

from tasks_app.models import Task, Worker
from tests.support.api import Level, fields_of, finished, post

UNKNOWN_ID = "0190a0a0-0000-7000-8000-000000000000"


# --- the original interface


def test_the_original_calls_answer_as_before(api: Client) -> None:
    accepted = post(api, "/task", {"number": 35})
    assert accepted.status_code == 202
    assert accepted.json().keys() == {"task_id"}
    path = f"/task/{accepted.json()['task_id']}"
    assert api.get(path).json() == {"status": "pending"}
    assert api.get(f"/task/{finished(result=2).pk}").json() == {"status": "complete", "result": 2}
    failed = finished("failed", error="ValueError: no")
    assert api.get(f"/task/{failed.pk}").json() == {"status": "failed", "error": "ValueError: no"}
    assert api.get(f"/task/{finished('cancelled').pk}").json()["status"] == "failed"


@pytest.mark.parametrize("task_id", [UNKNOWN_ID, "nonsense", "%00", "a" * 3000])
def test_an_unknown_id_is_not_found_in_both_interfaces(api: Client, task_id: str) -> None:
    original = api.get(f"/task/{task_id}")
    assert (original.status_code, original.json()) == (404, {"status": "not_found"})
    for call in (api.get(f"/api/tasks/{task_id}/"), post(api, f"/api/tasks/{task_id}/cancel/")):
        assert (call.status_code, call.json()["code"]) == (404, "not_found")


NUMBERS: list[tuple[bytes, int]] = [
    (b"{}", 400),
    (b"", 400),
    (b"[]", 400),
    (b"null", 400),
    (b'{"number": "35"}', 400),
    (b'{"number": 35.5}', 400),
    (b'{"number": true}', 400),
    (b'{"number": null}', 400),
    (b'{"number": 1e400}', 400),
    (b'{"number": NaN}', 400),
    (b'{"number": 9007199254740993}', 400),
    (b'{"number": ' + b"9" * 5000 + b"}", 400),
    (b'{"number": 35', 400),
    (b'{"number": "\\u0000"}', 400),
    (b'{"number": "\\ud800"}', 400),
    (b'{"\\ud800": 1}', 400),
    (b"\xff\xfe", 400),
    (b"[" * 100_000, 400),
    (b'{"number": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    (b'{"number": "' + b"a" * 10_000_000 + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), NUMBERS, ids=[body[:24].decode("latin1") for body, _ in NUMBERS])
@pytest.mark.parametrize("path", ["/task", "/api/functions/fibonacci/", "/api/tasks/"])
def test_bad_input_is_answered_in_json(api: Client, path: str, body: bytes, status: int) -> None:
    if path == "/api/tasks/" and body.startswith(b'{"number": '):
        body = b'{"function": "fibonacci", "arguments": ' + body + b"}"
    response = post(api, path, body)
    assert response.status_code == status
    assert "json" in response["Content-Type"]
    if path == "/task":
        assert response.json().keys() == {"error"}
        assert response.json()["error"]
    else:
        assert all(fields_of(response))
        assert fields_of(response)
    assert not Task.objects.exists()


def test_the_field_is_named_where_it_stands(api: Client) -> None:
    assert "number" in post(api, "/task", {"number": "x"}).json()["error"]
    assert fields_of(post(api, "/api/functions/fibonacci/", {"number": "x"})) == ["number"]
    assert fields_of(post(api, "/api/functions/fibonacci/", b'{"number": 1e400}')) == ["number"]
    call = {"function": "fibonacci", "arguments": {"number": 99}}
    assert fields_of(post(api, "/api/tasks/", call)) == ["arguments.number"]
    assert fields_of(post(api, "/api/tasks/", {**call, "arguments": {"number": 1, "x": 2}})) == [
        "arguments.x"
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"function": None}, "function"),
        ({"function": 7}, "function"),
        ({"arguments": []}, "arguments"),
        ({"queue": ""}, "queue"),
        ({"queue": 1}, "queue"),
        ({"priority": 101}, "priority"),
        ({"priority": 10**15}, "priority"),
        ({"priority": True}, "priority"),
        ({"run_after": "tomorrow"}, "run_after"),
        ({"run_after": "2030-01-01T00:00:00"}, "run_after"),
        ({"run_after": "9999-12-31T23:59:59-23:59"}, "run_after"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_option_is_named(api: Client, change: dict[str, object], field: str) -> None:
    call = {"function": "fibonacci", "arguments": {"number": 1}}
    response = post(api, "/api/tasks/", {**call, **change})
    assert (response.status_code, fields_of(response)) == (400, [field])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("state=done", "state"),
        ("queue=%00", "queue"),
        ("function=nothing", "function"),
    ],
)
def test_a_bad_filter_is_named(api: Client, query: str, field: str) -> None:
    response = api.get(f"/api/tasks/?{query}")
    assert response.status_code in (400, 404)
    assert fields_of(response) == [field]


def test_an_unknown_function_is_named(api: Client) -> None:
    for response in (
        post(api, "/api/functions/nothing/", {}),
        post(api, "/api/tasks/", {"function": "os.system", "arguments": {}}),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "unknown_function")
        assert fields_of(response) == ["function"]


@pytest.mark.parametrize("settings_debug", [False, True])
def test_no_error_below_the_api_is_html(api: Client, settings: Any, settings_debug: bool) -> None:
    settings.DEBUG = settings_debug
    calls = [
        api.get("/api/nothing/"),
        post(api, "/api/nothing/", {}),
        api.get("/task"),
        api.put("/api/tasks/", b"{}", content_type="application/json"),
        api.post("/task", {"number": 35}),
        api.get("/api/tasks/", headers={"Accept": "text/html"}),
        post(api, "/api/functions/fibonacci", {"number": 1}),
    ]
    assert [call.status_code for call in calls] == [404, 404, 405, 405, 415, 406, 404]
    assert all("json" in call["Content-Type"] for call in calls)


@pytest.mark.parametrize("path", ["/task", "/api/tasks/"])
@pytest.mark.django_db(transaction=True)
async def test_a_chunked_body_is_limited_and_read(anonymous: Level, path: str) -> None:
    from taskqueue_site.asgi import django_application

    async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    transport = httpx.ASGITransport(django_application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        headers = {"Content-Type": "application/json"}
        large = await client.post(path, content=chunks(*[b"a" * 100_000] * 100), headers=headers)
        assert large.status_code == 413
        assert "json" in large.headers["Content-Type"]
        body = (
            b'{"number": 3}' if path == "/task" else b'{"function": "fibonacci", "arguments": {"number": 3}}'
        )
        small = await client.post(path, content=chunks(body[:9], body[9:]), headers=headers)
        assert small.status_code == 202


# --- reading and acting


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


def test_the_schema_has_a_path_for_each_function(api: Client) -> None:
    names = [entry["name"] for entry in api.get("/api/functions/").json()["results"]]
    assert "fibonacci" in names
    schema = api.get("/api/schema/").json()
    assert schema["openapi"].startswith("3.1")
    for name in names:
        body = schema["paths"][f"/api/functions/{name}/"]["post"]["requestBody"]
        assert body["content"]["application/json"]["schema"]["type"] == "object"
    assert api.get("/api/docs/").status_code == 200


def test_the_schema_is_valid_and_complete(tmp_path: Any) -> None:
    written = tmp_path / "schema.yml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(written))
    assert "nullable" not in written.read_text()


def test_the_probes_answer(api: Client) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").json()["checks"]["database"] == "ok"


# --- access

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
    assert Task.objects.count() == 1
    assert api.get("/healthz").status_code == 200
    session = api.get("/api/session/").json()
    assert session["user"] is None
    assert not any(session["permissions"].values())


@pytest.fixture
def ada(db: None) -> User:
    user = User.objects.create_user("ada", password="lovelace")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_task", "submit_task"]))
    return user


def test_a_user_sees_only_their_own_tasks(api: Client, anonymous: Level, ada: User) -> None:
    anonymous("none")
    foreign, own = finished(), finished(owner=ada)
    login = post(api, "/api/session/", {"username": "ada", "password": "lovelace"}, **OWN)
    assert login.json()["user"] == {"username": "ada"}
    assert [row["id"] for row in api.get("/api/tasks/").json()["results"]] == [str(own.pk)]
    assert api.get(f"/api/tasks/{foreign.pk}/").status_code == 404
    assert post(api, f"/api/tasks/{own.pk}/cancel/").status_code == 403
    assert api.delete("/api/session/").status_code == 204
    assert api.get("/api/tasks/").status_code == 401


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
    assert post(api, "/task", {"number": 3}, **bearer, Cookie="a=b").status_code == 202
    assert post(api, "/api/tokens/", **bearer).status_code == 403
    rows = api.get("/api/tokens/", headers=bearer).json()["results"]
    assert [row["token_key"] for row in rows] == [made.json()["token_key"]]
    assert api.delete(f"/api/tokens/{made.json()['token_key']}/", headers=bearer).status_code == 204
    assert api.get("/api/tasks/", headers=bearer).status_code == 401
    assert api.get("/api/tasks/", headers={"Authorization": "Token ü"}).status_code == 401


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
