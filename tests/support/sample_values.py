"""Values for the sample functions: right ones, in JSON and in Python, and wrong ones."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from pydantic import SecretStr

from tests.support.sample_tasks import Address, Colour, Level, Login, Order, Parcel, Point, Ticket

SOME_ID = uuid.UUID("0190a0a0-0000-7000-8000-000000000000")
ADDRESS = {"street": "Elm", "number": 3, "since": "2020-02-03"}
GOOD: list[tuple[str, Any, Any, str]] = [  # function, as JSON, as Python, what the function saw
    ("takes_int", 5, 5, "int 5"),
    ("takes_bounded", 8, 8, "int 8"),
    ("takes_float", 2, 2.0, "float 2.0"),
    ("takes_str", "abc", "abc", "str 'abc'"),
    ("takes_bool", True, True, "bool True"),
    ("takes_time", "12:30:00", dt.time(12, 30), "time datetime.time(12, 30)"),
    ("takes_optional_bool", False, False, "bool False"),
    ("takes_optional", None, None, "NoneType None"),
    ("takes_optional", 4, 4, "int 4"),
    ("takes_old_optional", None, None, "NoneType None"),
    ("takes_literal", 3, 3, "int 3"),
    ("takes_enum", "red", Colour.RED, "Colour <Colour.RED: 'red'>"),
    ("takes_int_enum", 1, Level.LOW, "Level <Level.LOW: 1>"),
    ("takes_date", "2030-01-31", dt.date(2030, 1, 31), "date datetime.date(2030, 1, 31)"),
    (
        "takes_datetime",
        "2030-01-31T12:00:00+02:00",
        dt.datetime(2030, 1, 31, 10, tzinfo=dt.UTC),
        "datetime 2030-01-31T10:00:00+00:00",
    ),
    ("takes_timedelta", "PT90S", dt.timedelta(seconds=90), "timedelta datetime.timedelta(seconds=90)"),
    ("takes_decimal", "1.50", decimal.Decimal("1.50"), "Decimal Decimal('1.50')"),
    ("takes_uuid", str(SOME_ID), SOME_ID, f"UUID {SOME_ID!r}"),
    ("takes_list", [1, 2], [1, 2], "list [1, 2]"),
    ("takes_matrix", [[1.5, 2], []], [[1.5, 2.0], []], "list [[1.5, 2.0], []]"),
    ("takes_choices", ["red"], {Colour.RED}, "set [\"Colour <Colour.RED: 'red'>\"]"),
    ("takes_dict", {"1": "2.5"}, {1: decimal.Decimal("2.5")}, "dict {1: Decimal('2.5')}"),
    ("takes_tuple", [1, "2030-01-31"], (1, dt.date(2030, 1, 31)), "tuple (1, datetime.date(2030, 1, 31))"),
    ("takes_set", ["b", "a", "b"], {"a", "b"}, "set ['a', 'b']"),
    ("takes_dataclass", {"x": 1}, Point(1), "Point Point(x=1, y=0)"),
    ("takes_typed_dict", {"width": 1}, {"width": 1}, "dict {'width': 1}"),
    (
        "takes_model",
        {"id": str(SOME_ID), "addresses": [ADDRESS]},
        Order(id=SOME_ID, addresses=[Address(**ADDRESS)]),
        f"Order {Order(id=SOME_ID, addresses=[Address(**ADDRESS)])!r}",
    ),
    (
        "takes_nested",
        {"to": ADDRESS, "weight": "2.50"},
        Parcel(to=Address(**ADDRESS), weight=decimal.Decimal("2.50")),
        f"Parcel {Parcel(to=Address(**ADDRESS), weight=decimal.Decimal('2.50'))!r}",
    ),
    ("takes_optional_model", ADDRESS, Address(**ADDRESS), f"Address {Address(**ADDRESS)!r}"),
    ("takes_user", 7, User(pk=7), "User <User: ada>"),
    (
        "takes_users",
        [8, 7, 8],
        [User(pk=8), User(pk=7), User(pk=8)],
        "['User <User: bob>', 'User <User: ada>', 'User <User: bob>'] NoneType None",
    ),
    ("takes_ticket", {"owner": 8}, Ticket(User(pk=8)), "Ticket of User <User: bob>"),
    ("takes_session", "abc", Session(pk="abc"), "Session abc"),
    (
        "takes_permissions",
        {"a": 1},
        {"a": Permission(pk=1)},
        "a: Permission",
    ),
    ("takes_secret", "hunter2", SecretStr("hunter2"), "SecretStr of 7 letters"),
    (
        "takes_login",
        {"user": "ada", "password": "hunter2"},
        Login(user="ada", password=SecretStr("hunter2")),
        "Login [7]",
    ),
    ("takes_union", ["a"], ["a"], "list ['a']"),
    ("takes_anything", {"a": [1]}, {"a": [1]}, "list [{'a': [1]}, 3]"),
    ("takes_context_and_int", 5, 5, "1 int 5"),
]

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
    ("takes_time", "noon", "value"),
    ("takes_optional_bool", "yes", "value"),
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
    ("takes_matrix", [[1, "x"]], "value.0.1"),
    ("takes_choices", ["green"], "value.0"),
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
    ("takes_nested", {"weight": "heavy"}, "value.weight"),
    ("takes_optional_model", {"street": "", "number": 3}, "value.street"),
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
