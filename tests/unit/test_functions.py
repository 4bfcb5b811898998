from __future__ import annotations

import pytest

from tasks_app.errors import InvalidArguments, UnknownFunction
from tasks_app.functions import registry


def test_the_schema_of_a_function_tells_bounds_and_required_fields() -> None:
    schema = registry.by_slug("fibonacci").schema
    assert schema["properties"]["number"]["maximum"] == 40
    assert schema["required"] == ["number"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({}, "number"), ({"number": "35"}, "number"), ({"number": 41}, "number"), ({"number": 1, "x": 2}, "x")],
)
def test_bad_arguments_name_their_field(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        registry.by_slug("fibonacci").adapter.validate(arguments, prefix="arguments")
    assert [error.field for error in caught.value.field_errors] == [f"arguments.{field}"]


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(UnknownFunction, match="nothing_here"):
        registry.by_slug("nothing_here")
