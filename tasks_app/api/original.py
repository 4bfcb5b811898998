"""The original system's two calls, kept exactly: ``POST /task`` and ``GET /task/<id>``."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import JSON
from tasks_app.documents import MAX_INTEGER
from tasks_app.errors import FieldError, InvalidArguments, TaskNotFound
from tasks_app.functions import registry
from tasks_app.selectors import task_detail
from tasks_app.states import State, original_status
from tasks_app.submit import submit

NUMBER: dict[str, Any] = {
    JSON: {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
}
TASK_ID: dict[str, Any] = {
    "type": "object",
    "properties": {"task_id": {"type": "string"}},
    "required": ["task_id"],
}
STATUS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["pending", "complete", "failed"]},
        "result": {},
        "error": {"type": "string"},
    },
    "required": ["status"],
}
ERROR: dict[str, Any] = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
NOT_FOUND: dict[str, Any] = {"type": "object", "properties": {"status": {"const": "not_found"}}}


class OriginalView(TaskdeckView):
    """Errors are ``{"error": sentence}`` here."""

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, TaskNotFound):
            return Response({"status": "not_found"}, 404)
        response = super().handle_exception(exc)
        response.data = {"error": response.data["detail"]}
        response.content_type = None
        return response


class OriginalSubmitView(OriginalView):
    @extend_schema(
        operation_id="original_submit",
        request=NUMBER,
        responses={202: TASK_ID, 400: ERROR},
        tags=["original"],
    )
    def post(self, request: Request) -> Response:
        """Submit a Fibonacci number."""
        access = self.access
        access.require("submit")
        body = self.body(request)
        if "number" not in body:
            raise InvalidArguments([FieldError("number", "is missing")])
        number = body["number"]
        if not isinstance(number, int) or isinstance(number, bool) or abs(number) > MAX_INTEGER:
            raise InvalidArguments([FieldError("number", "must be an integer")])
        submitted = submit(
            function=registry.by_slug("fibonacci"),
            arguments={"number": number},
            owner_id=access.user_id,
            validate=False,
        )
        return Response({"task_id": submitted.id}, 202)


class OriginalStatusView(OriginalView):
    @extend_schema(operation_id="original_status", responses={200: STATUS, 404: NOT_FOUND}, tags=["original"])
    def get(self, request: Request, task_id: str) -> Response:
        """Where a task stands, and what it returned."""
        task, _ = task_detail(self.access, task_id)
        status = original_status(State(task["state"]))
        document: dict[str, Any] = {"status": status}
        if status == "complete":
            document["result"] = task["result"]
        elif status == "failed":
            document["error"] = task["error"] or task["state"]
        return Response(document, headers={"Cache-Control": "no-store"})
