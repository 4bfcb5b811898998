"""What tests of the REST API share."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from tasks_app.models import Task

UNKNOWN_ID = "0190a0a0-0000-7000-8000-000000000000"
Level = Callable[[str], None]


def post(client: Client, path: str, body: object = None, **headers: str) -> Any:
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(path, data, content_type="application/json", headers=headers)


def fields_of(response: Any) -> list[str]:
    assert response["Content-Type"] == "application/problem+json"
    return [error["field"] for error in response.json()["errors"]]


def finished(state: str = "succeeded", **values: Any) -> Task:
    now = datetime.now(UTC)
    defaults: dict[str, Any] = {"function": "tasks_app.examples.tasks.fibonacci", "arguments": {"number": 3}}
    return Task.objects.create(
        **{**defaults, "state": state, "attempt": 1, "created_at": now, "finished_at": now, **values}
    )
