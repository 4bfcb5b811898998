"""One task function for each kind of argument; what it returns proves the type it was given."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal, Optional

import typing_extensions
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from pydantic import BaseModel, Field, SecretStr

from tasks_app.compat import task
from tasks_app.instances import ByKey


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 9


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Address(BaseModel):
    street: str = Field(min_length=1)
    number: int
    since: dt.date | None = None


class Order(BaseModel):
    id: uuid.UUID
    addresses: list[Address]


class Login(BaseModel):
    user: str
    password: SecretStr


@dataclasses.dataclass
class Ticket:
    owner: Annotated[User, ByKey(User)]


class Size(typing_extensions.TypedDict):
    width: int
    height: typing_extensions.NotRequired[int]


class Parcel(BaseModel):
    to: Address | None = None
    weight: decimal.Decimal = decimal.Decimal("0.50")


def told(value: object) -> str:
    """The value as the executor received it."""
    return f"{type(value).__name__} {value!r}"


@task()
def takes_int(value: int) -> str:
    return told(value)


@task()
def takes_bounded(
    value: Annotated[int, Field(ge=1, le=10, multiple_of=2, description="an even number")],
) -> str:
    return told(value)


@task()
def takes_float(value: float) -> str:
    return told(value)


@task()
def takes_str(value: Annotated[str, Field(min_length=2, max_length=5, pattern="^[a-z]+$")]) -> str:
    return told(value)


@task()
def takes_bool(value: bool) -> str:
    return told(value)


@task()
def takes_time(value: dt.time) -> str:
    return told(value)


@task()
def takes_optional_bool(value: bool | None = None) -> str:
    return told(value)


@task()
def takes_optional(value: int | None = None) -> str:
    return told(value)


@task()
def takes_old_optional(value: Optional[str] = "x") -> str:  # noqa: UP045 - as older code writes it
    return told(value)


@task()
def takes_literal(value: Literal["red", "blue", 3]) -> str:
    return told(value)


@task()
def takes_enum(value: Colour) -> str:
    return told(value)


@task()
def takes_int_enum(value: Level = Level.HIGH) -> str:
    return told(value)


@task()
def takes_date(value: dt.date) -> str:
    return told(value)


@task()
def takes_datetime(value: dt.datetime) -> str:
    return f"{type(value).__name__} {value.astimezone(dt.UTC).isoformat()}"


@task()
def takes_timedelta(value: dt.timedelta = dt.timedelta(minutes=5)) -> str:
    return told(value)


@task()
def takes_decimal(value: Annotated[decimal.Decimal, Field(max_digits=6, decimal_places=2)]) -> str:
    return told(value)


@task()
def takes_uuid(value: uuid.UUID) -> str:
    return told(value)


@task()
def takes_list(value: Annotated[list[int], Field(max_length=3)]) -> str:
    return told(value)


@task()
def takes_matrix(value: list[list[float]]) -> str:
    return told(value)


@task()
def takes_choices(value: set[Colour]) -> str:
    return f"{type(value).__name__} {sorted(map(told, value))}"


@task()
def takes_dict(value: dict[int, decimal.Decimal]) -> str:
    return told(value)


@task()
def takes_tuple(value: tuple[int, dt.date]) -> str:
    return told(value)


@task()
def takes_set(value: set[str]) -> str:
    return f"{type(value).__name__} {sorted(value)}"


@task()
def takes_dataclass(value: Point) -> str:
    return told(value)


@task()
def takes_typed_dict(value: Size) -> str:
    return told(value)


@task()
def takes_model(value: Order) -> str:
    return told(value)


@task()
def takes_nested(value: Parcel) -> str:
    return told(value)


@task()
def takes_optional_model(value: Address | None = None) -> str:
    return told(value)


@task()
def takes_user(value: User) -> str:
    return told(value)


@task()
def takes_users(value: list[User], group: Group | None = None) -> str:
    return f"{[told(user) for user in value]} {told(group)}"


@task()
def takes_ticket(value: Ticket) -> str:
    return f"{type(value).__name__} of {told(value.owner)}"


@task()
def takes_session(value: Session) -> str:
    return f"{type(value).__name__} {value}"


@task()
def takes_permissions(value: dict[str, Permission]) -> str:
    return ", ".join(f"{key}: {type(item).__name__}" for key, item in value.items())


@task()
def takes_secret(value: SecretStr) -> str:
    return f"{type(value).__name__} of {len(value.get_secret_value())} letters"


@task()
def takes_login(value: Login, others: list[Login] | None = None) -> str:
    secrets = [login.password.get_secret_value() for login in [value, *(others or [])]]
    return f"{type(value).__name__} {[len(secret) for secret in secrets]}"


@task()
def takes_union(value: int | list[str]) -> str:
    return told(value)


@task()
def takes_anything(value, more=3):  # type: ignore[no-untyped-def]
    return told([value, more])


@task()
def is_described(rows: int, copy: bool = False, json: str = "") -> str:
    """Copy rows.

    Names that a pydantic model would refuse are no trouble.

    Args:
        rows: How many rows,
            from the first.
        copy: Whether to copy.
    """
    return told([rows, copy, json])


@task(takes_context=True)
async def takes_context_and_int(context: Any, value: int) -> str:
    return f"{context.attempt} {told(value)}"
