"""The description of a new task as it arrives, and the answer to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.access import Access
from tasks_app.api.filters import instant_of
from tasks_app.batches import with_batch_id
from tasks_app.documents import join_field
from tasks_app.errors import FieldError, InvalidArguments, UnknownFunction
from tasks_app.functions import TaskFunction, registry
from tasks_app.idempotency import HEADER, once
from tasks_app.insertion import NewTask
from tasks_app.submit import Submitted, prepare, store

NEW_TASK_FIELDS = frozenset({"function", "arguments", "queue", "priority", "run_after"})


def new_task(body: dict[str, Any], access: Access, *, field: str = "", batch: UUID | None = None) -> NewTask:
    """Raises InvalidArguments, with fields below ``field``, and UnknownFunction."""
    if unknown := sorted(body.keys() - NEW_TASK_FIELDS):
        raise InvalidArguments([FieldError(join_field(field, n), "is not a known field") for n in unknown])
    function = _function(body, field)
    arguments = typed(body, "arguments", dict, "an object", field) or {}
    [task] = prepare(
        function=function,
        arguments=[function.adapter.validate(arguments, prefix=join_field(field, "arguments"))],
        owner_id=access.user_id,
        queue=typed(body, "queue", str, "a string", field),
        priority=typed(body, "priority", int, "an integer", field),
        run_after=typed_instant(body, "run_after", field),
        batch=batch,
        field=field,
    )
    return task


def then_task(body: dict[str, Any], access: Access, batch: UUID) -> NewTask:
    """What is to run after ``batch``. Raises InvalidArguments with fields below ``then``."""
    if "run_after" in body:
        raise InvalidArguments([FieldError("then.run_after", "is not a known field")])
    try:
        function = _function(body, "then")
    except UnknownFunction as error:
        raise InvalidArguments([FieldError("then.function", str(error))]) from None
    arguments = typed(body, "arguments", dict, "an object", "then") or {}
    told = with_batch_id(function, arguments, batch)
    return new_task({**body, "arguments": told}, access, field="then")


def typed(body: dict[str, Any], name: str, kind: type, words: str, field: str = "") -> Any:
    """The value of a key that may be absent or null. Raises InvalidArguments for another type."""
    value = body.get(name)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise InvalidArguments([FieldError(join_field(field, name), f"must be {words}")])
    return value


def _function(body: dict[str, Any], field: str) -> TaskFunction:
    name = typed(body, "function", str, "a string", field)
    if not name:
        raise InvalidArguments([FieldError(join_field(field, "function"), "is missing")])
    try:
        return registry.by_slug(name)
    except UnknownFunction:
        return registry.by_path(name)


def typed_instant(body: dict[str, Any], name: str, field: str = "") -> datetime | None:
    """None where it is absent or null. Raises InvalidArguments, also for one without a time zone."""
    text = typed(body, name, str, "a string", field)
    return None if text is None else instant_of(text, join_field(field, name))


def submitted_once(request: Request, access: Access, task: NewTask) -> Response:
    """Store the task, or find what the same request under the same key stored."""
    document = once(
        lambda: submitted_document(store([task])[0]),
        owner_id=access.user_id,
        key=request.headers.get(HEADER),
        request=[request.path, request.data],
    )
    return Response(document, 202, headers={"Location": document["url"]})


def submitted_document(submitted: Submitted) -> dict[str, Any]:
    return {
        "task_id": submitted.id,
        "state": submitted.state,
        "url": f"/api/tasks/{submitted.id}/",
        "is_new": submitted.is_new,
    }
