"""What a signature says to forms and clients, and the signatures that are refused."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.test import Client

from tasks_app.compat import InvalidTask, task
from tasks_app.functions import registry
from tests.support import sample_tasks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


class Opaque: ...


def strange(value: Opaque) -> None: ...


def unknown(value: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def wild(*numbers: int, **more: int) -> None: ...


def bare(number: int, /) -> None: ...


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
