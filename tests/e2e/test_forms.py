"""The form of every kind of argument: filled as a person would, to the value that the function was given."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.axe import nothing_is_wrong
from tests.e2e.conftest import new_page, running
from tests.e2e.person import Person
from tests.e2e.sample_forms import FORMS, REFUSED, Fill, fill_login
from tests.support.machine import ROOT, Machine, Up, opener
from tests.support.sample_values import GOOD
from tests.support.samples import MODULE

PEOPLE = """
import datetime
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
User.objects.create(pk=7, username="ada")
User.objects.create(pk=8, username="bob")
Group.objects.create(pk=3, name="staff")
Session.objects.create(session_key="abc", session_data="", expire_date=datetime.datetime.now(datetime.UTC))
"""
ENQUEUE = f"""
import json, sys
from {MODULE} import *
from tasks_app.errors import InvalidArguments
told = []
for name, arguments in json.load(sys.stdin):
    try:
        globals()[name].enqueue(**arguments)
        told.append(None)
    except InvalidArguments as error:
        told.append([[fault.field, fault.message] for fault in error.field_errors])
print(json.dumps(told))
"""


def shell(machine: Machine, code: str, stdin: str = "") -> str:
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=machine.environment, input=stdin, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("samples"), TASKDECK_MODULES=MODULE) as machine:
        shell(machine, PEOPLE)
        yield machine


@pytest.fixture(scope="module")
def person(machine: Up, chromium: Browser) -> Iterator[Person]:
    """One visitor for all forms, so that the browser need not load the console for each."""
    page = new_page(chromium, machine.url, timezone_id="Europe/Berlin")
    yield Person(page)
    page.context.close()


@pytest.fixture(scope="module")
def told_by_enqueue(machine: Up) -> list[list[list[str]] | None]:
    """What ``enqueue()`` raised for each of the refused values, in another process of the same site."""
    calls = json.dumps([(name, arguments) for name, _, arguments, _ in REFUSED])
    told: list[list[list[str]] | None] = json.loads(shell(machine, ENQUEUE, calls))
    return told


def told_by_rest(machine: Machine, name: str, arguments: dict[str, Any]) -> list[list[str]]:
    request = Request(f"{machine.url}/api/functions/{name}/", data=json.dumps(arguments).encode())
    request.add_header("Content-Type", "application/json")
    with pytest.raises(HTTPError) as caught:
        opener.open(request, timeout=10)
    assert caught.value.headers["Content-Type"] == "application/problem+json"
    return [[error["field"], error["message"]] for error in json.load(caught.value)["errors"]]


@pytest.mark.parametrize(
    ("name", "fill", "value"), FORMS, ids=[f"{form[0]}-{i}" for i, form in enumerate(FORMS)]
)
def test_a_filled_form_reaches_the_function_as_the_declared_type(
    person: Person, name: str, fill: Fill, value: Any
) -> None:
    [seen] = [seen for function, as_json, _, seen in GOOD if function == name and same(as_json, value)]
    person.open(name)
    fill(person)
    person.submit()
    person.sees_result(seen)


def same(one: Any, other: Any) -> bool:
    """Unlike ``==`` it knows True from 1."""
    return json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize("index", range(len(REFUSED)), ids=[f"{r[0]}-{i}" for i, r in enumerate(REFUSED)])
def test_a_wrong_value_is_refused_in_the_same_words_by_form_rest_and_enqueue(
    machine: Up, person: Person, told_by_enqueue: list[list[list[str]] | None], index: int
) -> None:
    name, fill, arguments, field = REFUSED[index]
    person.open(name)
    fill(person)
    person.submit()
    shown = person.told_at(field)
    by_rest = told_by_rest(machine, name, arguments)
    assert by_rest == told_by_enqueue[index]
    assert shown == [message for place, message in by_rest if place.startswith(field)]
    assert "/tasks/" not in person.page.url


def test_what_was_refused_is_forgotten_when_it_is_edited(person: Person) -> None:
    person.open("takes_login")
    person.submit()
    expect(person.page.get_by_text("Field required")).to_have_count(2)
    expect(person.page.get_by_label("User")).to_be_focused()
    fill_login(person)
    expect(person.page.get_by_text("Field required")).to_have_count(0)
    person.submit()
    person.sees_result("Login [7]")


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_a_number_stays_as_it_was_typed_whatever_stands_for_the_point(
    machine: Up, chromium: Browser, locale: str
) -> None:
    page = new_page(chromium, machine.url, locale=locale)
    person = Person(page)
    person.open("takes_float")
    field = page.get_by_label("Value")
    for typed in ("3,5", "-.", "1e999", "3.5"):
        field.fill("")
        field.press_sequentially(typed)
        expect(field).to_have_value(typed)
        person.submit()
        if typed != "3.5":
            assert person.told_at("value") == ["Input should be a valid number"]
    person.sees_result("float 3.5")
    person.open("takes_float")
    field.fill("2.5")
    field.press("ArrowUp")
    expect(field).to_have_value("3.5")
    page.context.close()


@pytest.mark.parametrize(
    "name", ["takes_dict", "takes_nested", "takes_union", "takes_anything", "takes_choices"]
)
def test_axe_finds_nothing_in_a_filled_form(person: Person, name: str) -> None:
    [fill] = [fill for function, fill, _ in FORMS if function == name]
    person.open(name)
    fill(person)
    nothing_is_wrong(person.page)


def test_every_sample_function_has_its_form_tried() -> None:
    assert {name for name, *_ in FORMS} >= {name for name, *_ in GOOD} - {"takes_old_optional"}
    assert len({name for name, *_ in FORMS}) >= 25
