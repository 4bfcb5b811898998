"""Every kind of argument: from JSON and from Python to the declared type, or refused by its field."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import msgpack
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from pydantic import SecretStr

from tasks_app.compat import InvalidTask, task
from tasks_app.conf import get_conf
from tasks_app.errors import InvalidArguments
from tasks_app.execution import run_task
from tasks_app.functions import registry
from tasks_app.models import Task
from tasks_app.reporting import DeadLine
from tests.support import sample_tasks
from tests.support.sample_tasks import Address, Colour, Level, Login, Order, Point, Ticket

pytestmark = pytest.mark.django_db


class Opaque: ...


def strange(value: Opaque) -> None: ...


def unknown(value: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def wild(*numbers: int, **more: int) -> None: ...


def bare(number: int, /) -> None: ...


SOME_ID = uuid.UUID("0190a0a0-0000-7000-8000-000000000000")


@pytest.fixture(autouse=True)
def samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample functions, for this test only."""
    __import__("tasks_app.api.urls")  # before, so that the paths of the site stay its own
    for name in ("_by_slug", "_by_path", "faults"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    registry.add_module("tests.support.sample_tasks")
    assert not registry.faults


@pytest.fixture
def api(settings: Any) -> Iterator[Client]:
    settings.TASKDECK = {**settings.TASKDECK, "ANONYMOUS": "operate"}
    get_conf.cache_clear()
    yield Client(raise_request_exception=False)
    get_conf.cache_clear()


@pytest.fixture
def people() -> None:
    User.objects.create(pk=7, username="ada")
    User.objects.create(pk=8, username="bob")
    Group.objects.create(pk=3, name="staff")
    Session.objects.create(session_key="abc", session_data="", expire_date=dt.datetime.now(dt.UTC))


def post(client: Client, name: str, arguments: dict[str, Any]) -> Any:
    return client.post(f"/api/functions/{name}/", json.dumps(arguments), content_type="application/json")


def result_of(task_id: str) -> Any:
    """Run a stored task as an executor does."""
    row = Task.objects.get(pk=task_id)
    envelope = {
        "id": str(row.pk),
        "attempt": 1,
        "arguments": json.dumps(row.arguments),
        "queue": row.queue,
        "priority": row.priority,
        "failures": 0,
        "max_attempts": 1,
    }
    kind, body = run_task(row.function, msgpack.packb(envelope), DeadLine(), node="here")
    assert kind == "succeeded", msgpack.unpackb(body)
    return json.loads(msgpack.unpackb(body)[0])


ADDRESS = {"street": "Elm", "number": 3, "since": "2020-02-03"}
GOOD: list[tuple[str, Any, Any, str]] = [  # function, as JSON, as Python, what the function saw
    ("takes_int", 5, 5, "5"),
    ("takes_bounded", 8, 8, "8"),
    ("takes_float", 2, 2.0, "2.0"),
    ("takes_str", "abc", "abc", "'abc'"),
    ("takes_bool", True, True, "True"),
    ("takes_optional", None, None, "None"),
    ("takes_optional", 4, 4, "4"),
    ("takes_old_optional", None, None, "None"),
    ("takes_literal", 3, 3, "3"),
    ("takes_enum", "red", Colour.RED, "<Colour.RED: 'red'>"),
    ("takes_int_enum", 1, Level.LOW, "<Level.LOW: 1>"),
    ("takes_date", "2030-01-31", dt.date(2030, 1, 31), "datetime.date(2030, 1, 31)"),
    (
        "takes_datetime",
        "2030-01-31T12:00:00+02:00",
        dt.datetime(2030, 1, 31, 10, tzinfo=dt.UTC),
        "2030-01-31T10:00:00+00:00 datetime",
    ),
    ("takes_timedelta", "PT90S", dt.timedelta(seconds=90), "datetime.timedelta(seconds=90)"),
    ("takes_decimal", "1.50", decimal.Decimal("1.50"), "Decimal('1.50')"),
    ("takes_uuid", str(SOME_ID), SOME_ID, repr(SOME_ID)),
    ("takes_list", [1, 2], [1, 2], "[1, 2]"),
    ("takes_dict", {"1": "2.5"}, {1: decimal.Decimal("2.5")}, "{1: Decimal('2.5')}"),
    ("takes_tuple", [1, "2030-01-31"], (1, dt.date(2030, 1, 31)), "(1, datetime.date(2030, 1, 31))"),
    ("takes_set", ["b", "a", "b"], {"a", "b"}, "set ['a', 'b']"),
    ("takes_dataclass", {"x": 1}, Point(1), "Point(x=1, y=0)"),
    ("takes_typed_dict", {"width": 1}, {"width": 1}, "{'width': 1}"),
    (
        "takes_model",
        {"id": str(SOME_ID), "addresses": [ADDRESS]},
        Order(id=SOME_ID, addresses=[Address(**ADDRESS)]),
        repr(Order(id=SOME_ID, addresses=[Address(**ADDRESS)])),
    ),
    ("takes_user", 7, User(pk=7), "User ada"),
    ("takes_users", [8, 7, 8], [User(pk=8), User(pk=7), User(pk=8)], "['bob', 'ada', 'bob'] None"),
    ("takes_ticket", {"owner": 8}, Ticket(User(pk=8)), "User bob"),
    ("takes_session", "abc", Session(pk="abc"), "Session abc"),
    ("takes_permissions", {"a": 1}, {"a": Permission(pk=1)}, "a: Permission"),
    ("takes_secret", "hunter2", SecretStr("hunter2"), "SecretStr of 7 letters"),
    (
        "takes_login",
        {"user": "ada", "password": "hunter2"},
        Login(user="ada", password=SecretStr("hunter2")),
        "Login [7]",
    ),
    ("takes_union", ["a"], ["a"], "['a']"),
    ("takes_anything", {"a": [1]}, {"a": [1]}, "[{'a': [1]}, 3]"),
    ("takes_context_and_int", 5, 5, "1 5"),
]
NAMES = [f"{name}-{index}" for index, (name, *_) in enumerate(GOOD)]


@pytest.mark.parametrize(("name", "as_json", "as_python", "seen"), GOOD, ids=NAMES)
def test_a_value_reaches_the_function_as_the_declared_type(
    api: Client, people: None, name: str, as_json: Any, as_python: Any, seen: str
) -> None:
    accepted = post(api, name, {"value": as_json})
    assert accepted.status_code == 202, accepted.content
    assert result_of(accepted.json()["task_id"]) == seen
    assert result_of(getattr(sample_tasks, name).enqueue(value=as_python).id) == seen
    assert result_of(getattr(sample_tasks, name).enqueue(as_python).id) == seen


BAD: list[tuple[str, Any, str]] = [  # function, value in JSON, where the fault is
    ("takes_int", "5", "value"),
    ("takes_int", True, "value"),
    ("takes_int", 5.0, "value"),
    ("takes_int", 2**60, "value"),
    ("takes_bounded", 11, "value"),
    ("takes_bounded", 3, "value"),
    ("takes_float", "x", "value"),
    ("takes_str", "a", "value"),
    ("takes_str", "ABC", "value"),
    ("takes_str", "a\x00b", "value"),
    ("takes_bool", 1, "value"),
    ("takes_optional", "x", "value"),
    ("takes_literal", "green", "value"),
    ("takes_enum", "green", "value"),
    ("takes_int_enum", 2, "value"),
    ("takes_date", "yesterday", "value"),
    ("takes_datetime", 5, "value"),
    ("takes_timedelta", "soon", "value"),
    ("takes_decimal", "1.234", "value"),
    ("takes_uuid", "x", "value"),
    ("takes_list", [1, "2"], "value.1"),
    ("takes_list", [1, 2, 3, 4], "value"),
    ("takes_dict", {"a": 1}, "value.a.[key]"),
    ("takes_tuple", [1], "value.1"),
    ("takes_set", [1], "value.0"),
    ("takes_dataclass", {"x": "1"}, "value.x"),
    ("takes_typed_dict", {"height": 1}, "value.width"),
    (
        "takes_model",
        {"id": str(SOME_ID), "addresses": [{**ADDRESS, "number": "3"}]},
        "value.addresses.0.number",
    ),
    ("takes_user", 999, "value"),
    ("takes_user", "7", "value"),
    ("takes_users", [7, 999], "value.1"),
    ("takes_ticket", {"owner": 999}, "value.owner"),
    ("takes_session", "nobody", "value"),
    ("takes_permissions", {"a": 10**9}, "value.a"),
    ("takes_secret", 5, "value"),
    ("takes_login", {"user": "ada"}, "value.password"),
    ("takes_union", [1], "value.int"),
]


@pytest.mark.parametrize(("name", "value", "field"), BAD, ids=[f"{b[0]}-{i}" for i, b in enumerate(BAD)])
def test_a_wrong_value_is_refused_in_the_same_words_by_rest_and_by_enqueue(
    api: Client, people: None, name: str, value: Any, field: str
) -> None:
    answer = post(api, name, {"value": value})
    assert answer.status_code == 400, answer.content
    told = [(error["field"], error["message"]) for error in answer.json()["errors"]]
    assert told[0][0] == field
    assert told[0][1]
    with pytest.raises(InvalidArguments) as caught:
        getattr(sample_tasks, name).enqueue(value=value)
    assert [(error.field, error.message) for error in caught.value.field_errors] == told
    assert not Task.objects.exists()


def test_every_sample_function_is_in_the_table() -> None:
    covered = {name for name, *_ in GOOD} | {"is_described"}
    own = {f.slug for f in registry.all() if f.path.startswith("tests.support.sample_tasks")}
    assert own == covered
    assert len(own) >= 25


def test_many_instances_cost_one_query(people: None, django_assert_num_queries: Callable[..., Any]) -> None:
    adapter = registry.by_slug("takes_users").adapter
    with django_assert_num_queries(2):
        adapter.validate({"value": [7, 8] * 50, "group": 3})


def test_an_instance_that_was_never_saved_is_refused() -> None:
    with pytest.raises(InvalidArguments, match=r"value: this user is not saved"):
        sample_tasks.takes_user.enqueue(value=User(username="new"))


def test_a_secret_is_shown_nowhere_and_reaches_the_function(api: Client, admin_client: Client) -> None:
    arguments = {
        "value": {"user": "ada", "password": "hunter2"},
        "others": [{"user": "bob", "password": "tr0ub4dor"}],
    }
    task_id = post(api, "takes_login", arguments).json()["task_id"]
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
    refused = post(
        api, "takes_login", {**arguments, "others": [{"user": "x", "password": "tr0ub4dor", "n": 1}, 5]}
    )
    assert (refused.status_code, b"tr0ub4dor" in refused.content) == (400, False)


def test_the_schema_describes_the_arguments() -> None:
    described = registry.by_slug("is_described")
    assert described.description.startswith("Copy rows.")
    assert "Args:" not in described.description
    assert described.schema["properties"]["rows"]["description"] == "How many rows, from the first."
    assert described.defaults == {"copy": False, "json": ""}
    assert registry.by_slug("takes_bounded").schema["properties"]["value"] == {
        "description": "an even number",
        "maximum": 10,
        "minimum": 1,
        "multipleOf": 2,
        "title": "Value",
        "type": "integer",
    }
    assert registry.by_slug("takes_int_enum").defaults == {"value": 9}
    assert registry.by_slug("takes_timedelta").defaults == {"value": "PT5M"}
    assert registry.by_slug("takes_user").schema["properties"]["value"]["x-model"] == "auth.User"


def test_a_function_without_annotations_is_marked_untyped(api: Client) -> None:
    assert api.get("/api/functions/takes_anything/").json()["is_typed"] is False
    assert api.get("/api/functions/takes_int/").json()["is_typed"] is True


def test_a_function_that_can_have_no_form_is_refused_at_import() -> None:
    with pytest.raises(InvalidTask, match=r"wild: \*numbers cannot .*; \*\*more cannot"):
        task()(wild)
    with pytest.raises(InvalidTask, match="bare: number is positional-only"):
        task()(bare)


def test_an_annotation_that_nothing_can_be_made_of_is_a_fault_of_its_function_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("strange_tasks")
    module.__dict__.update(strange=task()(strange), unknown=task()(unknown), bounded=sample_tasks.takes_int)
    monkeypatch.setitem(sys.modules, "strange_tasks", module)
    registry.add_module("strange_tasks")
    told = {path.rpartition(".")[2]: faults for path, faults in registry.faults.items()}
    assert told.keys() == {"strange", "unknown"}
    assert "Opaque" in told["strange"][0]
    assert "Missing" in told["unknown"][0]
