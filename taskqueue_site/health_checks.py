"""How often a kept database connection is asked whether it still works.

Django asks before a request's first query, each time: one round trip more for a submit,
which has one statement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponseBase

TRUSTED_SECONDS = 1.0
"""A restart of the database that is shorter than this may cost each kept connection one request."""


class HealthCheckMiddleware:
    """A connection that was found to work is trusted for TRUSTED_SECONDS; what fails in them is a 503."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._checked_at: WeakKeyDictionary[BaseDatabaseWrapper, float] = WeakKeyDictionary()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        now = time.monotonic()
        asked = []
        for connection in connections.all(initialized_only=True):
            if now - self._checked_at.get(connection, -TRUSTED_SECONDS) < TRUSTED_SECONDS:
                connection.health_check_done = True  # type: ignore[attr-defined]  # not in the stubs
            else:
                asked.append(connection)
        response = self.get_response(request)
        for connection in asked:
            is_checked = connection.health_check_done  # type: ignore[attr-defined]
            if is_checked and not connection.errors_occurred:
                self._checked_at[connection] = now
            else:
                self._checked_at.pop(connection, None)
        return response
