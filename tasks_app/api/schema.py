"""Requests, answers and parameters of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.plumbing import resolve_type_hint
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from tasks_app.api.shapes import (
    ActedDocument,
    BulkActedDocument,
    BulkSubmittedDocument,
    LogsDocument,
    PausedDocument,
    Problem,
    QuietDocument,
    SubmittedDocument,
)
from tasks_app.states import State
from tasks_app.wire import BatchDocument, TaskDetail, TaskRow

JSON = "application/json"
Schema = dict[str, Any]


def shape(hint: Any) -> Schema:
    resolved: Schema = _without_nullable(resolve_type_hint(hint))  # type: ignore[no-untyped-call]
    return resolved


def _without_nullable(node: Any) -> Any:
    """OpenAPI 3.1 has no ``nullable``; spectacular still writes it for raw types."""
    if isinstance(node, list):
        return [_without_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _without_nullable(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is not True:
        return plain
    if isinstance(plain.get("type"), str) and "enum" not in plain:
        return {**plain, "type": [plain["type"], "null"]}
    return {"oneOf": [plain, {"type": "null"}]}


def integer(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def listing(hint: Any, **more: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            "results": {"type": "array", "items": shape(hint)},
            "next": {"type": ["string", "null"]},
            **more,
        },
        "required": ["results", "next", *more],
    }


def inlined(schema: Schema) -> Schema:
    """A JSON Schema of pydantic's without ``$defs``, which have no place inside an OpenAPI document."""
    definitions = schema.get("$defs", {})

    def walk(node: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [walk(item, inside) for item in node]
        if not isinstance(node, dict):
            return node
        name = str(node.get("$ref", "")).removeprefix("#/$defs/")
        if name in definitions:
            # a type that contains itself ends here: any value, checked when it is submitted
            return {} if name in inside else walk(definitions[name], (*inside, name))
        return {key: walk(value, inside) for key, value in node.items() if key != "$defs"}

    plain: Schema = walk(schema, ())
    return plain


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    return {(status, "application/problem+json"): OpenApiResponse(shape(Problem)) for status in statuses}


SUBMITTED: dict[Any, Any] = {
    202: OpenApiResponse(shape(SubmittedDocument)),
    **problems(400, 401, 403, 404, 409, 413),
}
TASK: dict[Any, Any] = {200: OpenApiResponse(shape(TaskDetail)), **problems(401, 403, 404)}
TASK_LIST: dict[Any, Any] = {
    200: OpenApiResponse(listing(TaskRow, searched_all={"type": "boolean"})),
    **problems(400, 401, 403),
}
BATCH: dict[Any, Any] = {200: OpenApiResponse(shape(BatchDocument)), **problems(401, 403, 404)}
BATCH_LIST: dict[Any, Any] = {200: OpenApiResponse(listing(BatchDocument)), **problems(400, 401, 403)}
ACTED: dict[Any, Any] = {200: OpenApiResponse(shape(ActedDocument)), **problems(401, 403, 404, 409)}
RETRIED: dict[Any, Any] = {202: OpenApiResponse(shape(ActedDocument)), **problems(400, 401, 403, 404, 409)}
BULK_ACTED: dict[Any, Any] = {200: OpenApiResponse(shape(BulkActedDocument)), **problems(400, 401, 403)}
ACTION: dict[str, Schema] = {
    JSON: {
        "type": "object",
        "properties": {
            "action": {"enum": ["cancel", "retry"]},
            "ids": {"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": 1000},
            "filter": {"type": "object", "description": "the fields of the list's query"},
            "cursor": {"type": ["string", "null"], "description": "`next` of the call before"},
        },
        "required": ["action"],
        "additionalProperties": False,
    }
}
PAUSE: dict[str, Schema] = {
    JSON: {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": 500},
            "until": {"type": ["string", "null"], "format": "date-time", "description": "in the future"},
        },
        "additionalProperties": False,
    }
}
PAUSED: dict[Any, Any] = {200: OpenApiResponse(shape(PausedDocument)), **problems(400, 401, 403)}
QUIET: dict[Any, Any] = {200: OpenApiResponse(shape(QuietDocument)), **problems(401, 403, 404)}
NEW_TASK: dict[str, Schema] = {
    JSON: {
        "type": "object",
        "properties": {
            "function": {"type": "string", "minLength": 1},
            "arguments": {"type": "object", "additionalProperties": {}},
            "queue": {"type": "string", "minLength": 1, "maxLength": 100},
            "priority": {"type": "integer", "minimum": -100, "maximum": 100},
            "run_after": {"type": "string", "format": "date-time"},
        },
        "required": ["function"],
        "additionalProperties": False,
    }
}
BULK_SUBMITTED: dict[Any, Any] = {
    202: OpenApiResponse(shape(BulkSubmittedDocument)),
    **problems(400, 401, 403, 409, 413),
}
THEN: Schema = {
    **NEW_TASK[JSON],
    "properties": {name: kind for name, kind in NEW_TASK[JSON]["properties"].items() if name != "run_after"},
    "description": "runs once all tasks of the batch have ended; gets its id if it takes a `batch_id`",
}
BULK: dict[str, Schema] = {
    JSON: {
        "type": "object",
        "properties": {
            "tasks": {"type": "array", "items": NEW_TASK[JSON], "minItems": 1, "maxItems": 1000},
            "then": {"oneOf": [THEN, {"type": "null"}]},
        },
        "required": ["tasks"],
        "additionalProperties": False,
    }
}
EDITED: dict[str, Schema] = {
    JSON: {
        "type": ["object", "null"],
        "properties": {"arguments": {"type": ["object", "null"], "additionalProperties": {}}},
        "additionalProperties": False,
    }
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    location=OpenApiParameter.HEADER,
    description="makes it safe to send the request again: for 24 hours it is answered as the first time",
)
CREDENTIALS: dict[str, Schema] = {
    JSON: {
        "type": "object",
        "properties": {"username": {"type": "string"}, "password": {"type": "string"}},
        "required": ["username", "password"],
    }
}
TASK_FILTERS = [
    OpenApiParameter("state", str, many=True, enum=[state.value for state in State]),
    OpenApiParameter("function", str, many=True),
    OpenApiParameter("queue", str),
    OpenApiParameter("worker", str, description="name of the node that ran it last"),
    OpenApiParameter("owner", str, description="user name of who submitted it"),
    OpenApiParameter("search", str, description="an id, or text in the arguments"),
    OpenApiParameter("created_after", datetime),
    OpenApiParameter("created_before", datetime),
    OpenApiParameter("batch", UUID, description="submitted together by one request"),
    OpenApiParameter("newer_than", UUID, description="submitted after the task with this id"),
]
TASK_PAGE = [
    OpenApiParameter("cursor", str, description="`next` of the page before"),
    OpenApiParameter("limit", integer(1, 200), description="50 if absent"),
]
BATCH_PAGE = [
    TASK_PAGE[0],
    OpenApiParameter("limit", integer(1, 50), description="20 if absent"),
]
BYTES: dict[Any, Any] = {
    (200, "application/octet-stream"): OpenApiTypes.BINARY,
    **problems(401, 403, 404, 410),
}
LOGS: dict[Any, Any] = {200: OpenApiResponse(shape(LogsDocument)), **problems(400, 401, 403, 404)}
TEXT: dict[Any, Any] = {(200, "text/plain"): OpenApiTypes.STR, **problems(400, 401, 403, 404)}
