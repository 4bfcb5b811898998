"""A kept database connection is asked whether it works once in a while, and always after a failure."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http import HttpRequest, HttpResponse

from taskqueue_site import health_checks
from taskqueue_site.health_checks import HealthCheckMiddleware

Request = Callable[[str], None]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each check of the connection found."""
    found: list[bool] = []

    def noted() -> bool:
        found.append(is_usable())
        return found[-1]

    connection = connections[DEFAULT_DB_ALIAS]  # itself: the proxy `connection` cannot be restored
    is_usable = connection.is_usable
    connection.ensure_connection()
    monkeypatch.setattr(connection, "is_usable", noted)
    monkeypatch.setattr(connection, "health_check_enabled", True)
    return found


@pytest.fixture
def request_with() -> Request:
    sql = ""

    def answer(_: HttpRequest) -> HttpResponse:
        try:
            with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
                cursor.execute(sql)
        except DatabaseError:  # Django makes it a response before the middleware sees it
            return HttpResponse(status=503)
        return HttpResponse()

    middleware = HealthCheckMiddleware(answer)

    def request(statement: str) -> None:
        nonlocal sql
        sql = statement
        connections[DEFAULT_DB_ALIAS].health_check_done = False  # as Django does at the start of each request
        middleware(HttpRequest())

    return request


def test_a_connection_that_works_is_not_asked_again_at_once(
    asked: list[bool], request_with: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        request_with("SELECT 1")
    assert asked == [True]
    monkeypatch.setattr(health_checks, "TRUSTED_SECONDS", 0.0)
    request_with("SELECT 1")
    assert asked == [True, True]


def test_a_failure_of_the_first_request_is_not_trusted(asked: list[bool], request_with: Request) -> None:
    request_with("SELECT from_nowhere")
    request_with("SELECT 1")
    assert asked == [True, True]
