"""The task filter as it arrives: in a query string, or as an object in a body."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from tasks_app.api.permissions import query_texts
from tasks_app.documents import check_text
from tasks_app.errors import FieldError, InvalidArguments
from tasks_app.filters import TaskFilter

MOST_LETTERS = 200
LISTS = {"state": "states", "function": "functions"}
TEXTS = ("queue", "worker", "owner", "search")
INSTANTS = ("created_after", "created_before")
IDS = ("newer_than", "batch")
FIELDS = frozenset({*LISTS, *TEXTS, *INSTANTS, *IDS})


def instant_of(text: str, field: str) -> datetime:
    """Raises InvalidArguments unless it is an instant with a time zone."""
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # the same answer as to one without a time zone
    raise InvalidArguments([FieldError(field, "must be an instant such as 2030-01-31T12:00:00Z")])


def id_of(text: str, field: str) -> UUID:
    """Raises InvalidArguments."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidArguments([FieldError(field, "is not an id of this list")]) from None


def filter_of_query(request: Request) -> TaskFilter:
    """Raises InvalidArguments."""
    return _filter(lambda field: query_texts(request, field), prefix="")


def filter_of_body(document: Any) -> TaskFilter:
    """The same fields in an object; lists as arrays. Raises InvalidArguments."""
    if not isinstance(document, dict):
        raise InvalidArguments([FieldError("filter", "must be an object")])
    if unknown := sorted(document.keys() - FIELDS):
        raise InvalidArguments([FieldError(f"filter.{name}", "is not a known field") for name in unknown])

    def values(field: str) -> list[str]:
        value = document.get(field)
        found = value if isinstance(value, list) and field in LISTS else [] if value is None else [value]
        if not all(isinstance(item, str) for item in found):
            raise InvalidArguments([FieldError(f"filter.{field}", "must be text")])
        return [item for item in found if item]

    return _filter(values, prefix="filter.")


def _filter(values: Callable[[str], list[str]], *, prefix: str) -> TaskFilter:
    texts = {field: next(iter(values(field)), "") for field in (*TEXTS, *INSTANTS, *IDS)}
    for field, text in texts.items():
        check_text(text, f"{prefix}{field}")
        if len(text) > MOST_LETTERS:
            message = f"may have at most {MOST_LETTERS} characters"
            raise InvalidArguments([FieldError(f"{prefix}{field}", message)])
    return TaskFilter(
        **{name: tuple(values(field)) for field, name in LISTS.items()},  # type: ignore[arg-type]
        **{field: texts[field] for field in TEXTS},  # type: ignore[arg-type]
        **{f: instant_of(texts[f], f"{prefix}{f}") if texts[f] else None for f in INSTANTS},  # type: ignore[arg-type]
        **{f: id_of(texts[f], f"{prefix}{f}") if texts[f] else None for f in IDS},  # type: ignore[arg-type]
    )
