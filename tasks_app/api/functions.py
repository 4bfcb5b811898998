"""The catalogue of task functions, and one typed endpoint for each."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.access import Access
from tasks_app.api.bodies import submitted_once
from tasks_app.api.permissions import MaySeeFunctions, TaskdeckView
from tasks_app.api.schema import IDEMPOTENCY_KEY, JSON, SUBMITTED, inlined, listing, problems, shape
from tasks_app.api.shapes import FunctionDocument
from tasks_app.functions import TaskFunction, registry
from tasks_app.submit import prepare


def function_document(function: TaskFunction) -> FunctionDocument:
    return {
        "name": function.slug,
        "path": function.path,
        "title": function.title,
        "description": function.description,
        "schema": function.schema,
        "queue": function.queue,
        "defaults": function.defaults,
        "is_async": function.is_async,
        "is_typed": function.adapter.is_typed,
    }


def _submitted(
    request: Request, access: Access, function: TaskFunction, arguments: dict[str, Any]
) -> Response:
    checked = function.adapter.validate(arguments)
    [task] = prepare(function=function, arguments=[checked], owner_id=access.user_id)
    return submitted_once(request, access, task)


class FunctionListView(TaskdeckView):
    permission_classes = [MaySeeFunctions]

    @extend_schema(
        operation_id="functions",
        responses={200: listing(FunctionDocument), **problems(401, 403)},
        tags=["functions"],
    )
    def get(self, request: Request) -> Response:
        """Every task function this deployment can run."""
        return Response({"results": [function_document(f) for f in registry.all()], "next": None})


@extend_schema(exclude=True)
class FunctionView(TaskdeckView):
    """One function by name; the schema lists the subclasses below instead."""

    permission_classes = [MaySeeFunctions]

    def get(self, request: Request, name: str) -> Response:
        return Response(function_document(registry.by_slug(name)))

    def post(self, request: Request, name: str) -> Response:
        access = self.access
        access.require("submit")
        function = registry.by_slug(name)
        return _submitted(request, access, function, self.body(request))


def view_of(function: TaskFunction) -> type[TaskdeckView]:
    """A view class of the function's own, so that the OpenAPI document has its arguments."""
    identifier = function.slug.replace("-", "_")

    class TypedFunctionView(TaskdeckView):
        permission_classes = [MaySeeFunctions]

        @extend_schema(
            operation_id=f"function_{identifier}",
            summary=f"{function.title}: description and schema",
            responses={200: OpenApiResponse(shape(FunctionDocument)), **problems(401, 403)},
            tags=["functions"],
        )
        def get(self, request: Request) -> Response:
            return Response(function_document(function))

        @extend_schema(
            operation_id=f"submit_{identifier}",
            parameters=[IDEMPOTENCY_KEY],
            summary=f"Submit {function.slug}",
            description=function.description,
            request={JSON: inlined(function.schema)},
            responses=SUBMITTED,
            tags=["functions"],
        )
        def post(self, request: Request) -> Response:
            access = self.access
            access.require("submit")
            return _submitted(request, access, function, self.body(request))

    TypedFunctionView.__name__ = f"{identifier.title().replace('_', '')}View"
    return TypedFunctionView


def function_urls() -> list[URLPattern]:
    """One path for each registered function; the generic one answers for unknown names."""
    own = [path(f"api/functions/{f.slug}/", view_of(f).as_view()) for f in registry.all()]
    return [
        path("api/functions/", FunctionListView.as_view()),
        *own,
        path("api/functions/<str:name>/", FunctionView.as_view()),
    ]
