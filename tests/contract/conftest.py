"""The four ways to the database: a connection of one's own and Django's, on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS

from tasks_app.database import DjangoSession, open_session
from tests.contract.store import Store
from tests.support.servers.postgresql import DJANGO_ALIAS


def each_way() -> list[Any]:
    """Only one database is open to Django, so that no row is written to the other by mistake."""
    return [
        pytest.param(
            (alias, way),
            id=f"{name}-{way}",
            marks=pytest.mark.django_db(transaction=True, databases=[alias]),
        )
        for name, alias in (("sqlite", DEFAULT_DB_ALIAS), ("postgresql", DJANGO_ALIAS))
        for way in ("own", "django")
    ]


@pytest.fixture(params=each_way())
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    alias, way = request.param
    if way == "django":
        yield Store(DjangoSession(alias), alias)
        return
    with contextlib.closing(open_session(alias)) as session:
        yield Store(session, alias)
