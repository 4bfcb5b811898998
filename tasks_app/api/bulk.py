"""Submit many tasks by one request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from uuid_utils.compat import uuid7

from tasks_app.access import Access
from tasks_app.api.bodies import new_task, submitted_document, then_task, typed
from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import BULK, BULK_SUBMITTED, IDEMPOTENCY_KEY
from tasks_app.errors import FieldError, InvalidArguments, InvalidDocument, UnknownFunction
from tasks_app.idempotency import HEADER, once
from tasks_app.insertion import NewTask
from tasks_app.submit import submit_all

MOST_TASKS = 1000
MOST_FAULTS = 100


class TaskBulkView(TaskdeckView):
    @extend_schema(
        operation_id="submit_bulk",
        parameters=[IDEMPOTENCY_KEY],
        request=BULK,
        responses=BULK_SUBMITTED,
        tags=["tasks"],
    )
    def post(self, request: Request) -> Response:
        """Submit up to 1,000 tasks as one batch, all or none, and one more that runs when all have ended."""
        access = self.access
        access.require("submit")
        body = self.body(request, known=frozenset({"tasks", "then"}))
        batch = uuid7()
        tasks = _tasks(body.get("tasks"), access, batch)
        wanted = typed(body, "then", dict, "an object")
        then = None if wanted is None else then_task(wanted, access, batch)
        document = once(
            lambda: _submit(tasks, batch, access.user_id, then),
            owner_id=access.user_id,
            key=request.headers.get(HEADER),
            request=[request.path, body],
        )
        return Response(document, 202, headers={"Location": document["url"]})


def _submit(tasks: list[NewTask], batch: UUID, owner_id: int | None, then: NewTask | None) -> dict[str, Any]:
    submitted = submit_all(tasks, batch=batch, owner_id=owner_id, then=then)
    return {
        "batch": str(batch),
        "url": f"/api/tasks/?batch={batch}",
        "batch_url": f"/api/batches/{batch}/",
        "tasks": [submitted_document(one) for one in submitted.tasks],
        "then": submitted_document(submitted.then) if submitted.then else None,
    }


def _tasks(bodies: Any, access: Access, batch: UUID) -> list[NewTask]:
    """Raises InvalidArguments with the faults of all tasks, the first MOST_FAULTS of them."""
    if not isinstance(bodies, list) or not 0 < len(bodies) <= MOST_TASKS:
        raise InvalidArguments([FieldError("tasks", f"must be a list of 1 to {MOST_TASKS} tasks")])
    tasks: list[NewTask] = []
    faults: list[FieldError] = []
    for index, body in enumerate(bodies):
        field = f"tasks.{index}"
        if not isinstance(body, dict):
            faults.append(FieldError(field, "must be an object"))
            continue
        try:
            tasks.append(new_task(body, access, field=field, batch=batch))
        except (InvalidArguments, InvalidDocument) as error:
            faults += error.field_errors
        except UnknownFunction as error:
            faults.append(FieldError(f"{field}.function", str(error)))
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidArguments(faults[:MOST_FAULTS])
    return tasks
