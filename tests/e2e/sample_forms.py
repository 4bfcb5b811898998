"""What a person does in the forms of the sample functions, and the value that this is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.person import Person
from tests.support.sample_values import ADDRESS, SOME_ID

Fill = Callable[[Person], None]


def type_address(person: Person) -> None:
    person.type("Street", "Elm")
    person.type("Number", "3")
    person.type("Since", "2020-02-03")


def fill_model(person: Person) -> None:
    person.type("Id", str(SOME_ID))
    person.add()
    type_address(person)


def fill_nested(person: Person) -> None:
    person.pick("To", "Address")
    type_address(person)
    person.type("Weight", "2.50")


def fill_optional_model(person: Person) -> None:
    person.pick("Value", "Address")
    type_address(person)


def items(*texts: str, of: str = "Value") -> Fill:
    def fill(person: Person) -> None:
        for number, text in enumerate(texts, 1):
            person.add()
            person.type(f"{of}-{number}", text)

    return fill


def entry(key: str, value: str) -> Fill:
    def fill(person: Person) -> None:
        person.add()
        person.type("Value", value)
        person.type("Key", key)
        person.leave("Key")

    return fill


def fill_matrix(person: Person) -> None:
    person.add()
    person.add()
    person.type("Value-1-1", "1.5")
    person.add()
    person.type("Value-1-2", "2")
    person.add(nth=1)


def fill_tuple(person: Person) -> None:
    person.type("Value-1", "1")
    person.type("Value-2", "2030-01-31")


def fill_union(person: Person) -> None:
    person.pick("Value", "List")
    items("a", of="List")(person)


def fill_login(person: Person) -> None:
    person.type("User", "ada")
    person.type("Password", "hunter2")


def typed(text: str, label: str = "Value") -> Fill:
    return lambda person: person.type(label, text)


def picked(option: str) -> Fill:
    return lambda person: person.pick("Value", option)


def nothing(person: Person) -> None:
    """Leave everything as it is."""


FORMS: list[tuple[str, Fill, Any]] = [  # function, what a person does, the value this is
    ("takes_int", typed("5"), 5),
    ("takes_bounded", typed("8"), 8),
    ("takes_float", typed("2"), 2),
    ("takes_str", typed("abc"), "abc"),
    ("takes_bool", lambda person: person.tick("Value"), True),
    ("takes_time", typed("12:30"), "12:30:00"),
    ("takes_optional_bool", picked("No"), False),
    ("takes_optional", nothing, None),
    ("takes_optional", typed("4"), 4),
    ("takes_literal", picked("3"), 3),
    ("takes_enum", picked("red"), "red"),
    ("takes_int_enum", picked("1"), 1),
    ("takes_date", typed("2030-01-31"), "2030-01-31"),
    ("takes_datetime", typed("2030-01-31T11:00"), "2030-01-31T12:00:00+02:00"),
    ("takes_timedelta", typed("PT90S"), "PT90S"),
    ("takes_decimal", typed("1.50"), "1.50"),
    ("takes_uuid", typed(str(SOME_ID)), str(SOME_ID)),
    ("takes_list", items("1", "2"), [1, 2]),
    ("takes_matrix", fill_matrix, [[1.5, 2], []]),
    ("takes_choices", picked("red"), ["red"]),
    ("takes_dict", entry("1", "2.5"), {"1": "2.5"}),
    ("takes_tuple", fill_tuple, [1, "2030-01-31"]),
    ("takes_set", items("b", "a"), ["b", "a", "b"]),
    ("takes_dataclass", typed("1", "X"), {"x": 1}),
    ("takes_typed_dict", typed("1", "Width"), {"width": 1}),
    ("takes_model", fill_model, {"id": str(SOME_ID), "addresses": [ADDRESS]}),
    ("takes_nested", fill_nested, {"to": ADDRESS, "weight": "2.50"}),
    ("takes_optional_model", fill_optional_model, ADDRESS),
    ("takes_user", typed("7"), 7),
    ("takes_users", items("8", "7", "8"), [8, 7, 8]),
    ("takes_ticket", typed("8", "Owner"), {"owner": 8}),
    ("takes_session", typed("abc"), "abc"),
    ("takes_permissions", entry("a", "1"), {"a": 1}),
    ("takes_secret", typed("hunter2"), "hunter2"),
    ("takes_login", fill_login, {"user": "ada", "password": "hunter2"}),
    ("takes_union", fill_union, ["a"]),
    ("takes_anything", typed('{"a": [1]}'), {"a": [1]}),
    ("takes_context_and_int", typed("5"), 5),
]
REFUSED: list[tuple[str, Fill, dict[str, Any], str]] = [  # what a person does, the same as arguments, where
    ("takes_int", nothing, {}, "value"),
    ("takes_int", typed("3.5"), {"value": 3.5}, "value"),
    ("takes_bounded", typed("11"), {"value": 11}, "value"),
    ("takes_bounded", typed("3"), {"value": 3}, "value"),
    ("takes_float", nothing, {}, "value"),
    ("takes_str", typed("ABC"), {"value": "ABC"}, "value"),
    ("takes_str", typed("a"), {"value": "a"}, "value"),
    ("takes_time", nothing, {}, "value"),
    ("takes_literal", nothing, {}, "value"),
    ("takes_enum", nothing, {}, "value"),
    ("takes_date", nothing, {}, "value"),
    ("takes_datetime", nothing, {}, "value"),
    ("takes_timedelta", typed("soon"), {"value": "soon"}, "value"),
    ("takes_decimal", typed("1.234"), {"value": "1.234"}, "value"),
    ("takes_uuid", typed("x"), {"value": "x"}, "value"),
    ("takes_list", lambda person: (person.add(), person.add()), {"value": [None, None]}, "value.1"),
    ("takes_dict", entry("a", "2.5"), {"value": {"a": "2.5"}}, "value.a"),
    ("takes_dataclass", nothing, {"value": {"y": 0}}, "value.x"),
    ("takes_typed_dict", typed("1", "Height"), {"value": {"height": 1}}, "value.width"),
    (
        "takes_model",
        lambda person: (person.type("Id", str(SOME_ID)), person.add(), person.type("Street", "Elm")),
        {"value": {"id": str(SOME_ID), "addresses": [{"street": "Elm"}]}},
        "value.addresses.0.number",
    ),
    ("takes_nested", typed("heavy", "Weight"), {"value": {"weight": "heavy"}}, "value.weight"),
    ("takes_user", typed("999"), {"value": 999}, "value"),
    ("takes_users", items("7", "999"), {"value": [7, 999]}, "value.1"),
    ("takes_ticket", typed("999", "Owner"), {"value": {"owner": 999}}, "value.owner"),
    ("takes_session", typed("nobody"), {"value": "nobody"}, "value"),
    ("takes_permissions", entry("a", "999999"), {"value": {"a": 999999}}, "value.a"),
    ("takes_secret", nothing, {}, "value"),
    ("takes_login", typed("ada", "User"), {"value": {"user": "ada"}}, "value.password"),
    ("takes_union", nothing, {}, "value"),
    ("takes_anything", nothing, {}, "value"),
]
