"""Every bad input is answered in JSON, with the field named, and nothing is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from django.test import Client

from tasks_app.models import Task
from tests.support.api import Level, fields_of, post

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
    assert response.status_code == 400
    assert fields_of(response) == [field]


@pytest.mark.parametrize(
    "path",
    [
        "/api/tasks/",
        "/api/tasks/counts/",
        "/api/tasks/01890a5d-ac96-774b-bcce-b302099a8057/logs/",
        "/api/tasks/01890a5d-ac96-774b-bcce-b302099a8057/logs/download/",
        "/api/batches/",
        "/api/trends/totals/",
        "/api/trends/",
    ],
)
def test_a_misspelt_parameter_is_named_instead_of_widening_the_answer(api: Client, path: str) -> None:
    response = api.get(f"{path}?stat=FAILED")
    assert response.status_code == 400
    assert fields_of(response) == ["stat"]


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


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_that_is_written_to_answers_in_json(path: str) -> None:
    answer = post(Client(enforce_csrf_checks=True), path, {})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer["Allow"] == "GET, HEAD"


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
