"""The figures behind the console's charts."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.api.permissions import TaskdeckView, check_query, query_texts
from tasks_app.api.schema import listing, problems, shape
from tasks_app.errors import FieldError, InvalidArguments
from tasks_app.fleet_wire import TotalDocument, TrendDocument
from tasks_app.functions import registry
from tasks_app.trends import RANGES, totals, trend

USUAL_RANGE = "1h"
RANGE = OpenApiParameter("range", str, enum=list(RANGES), default=USUAL_RANGE)


def _one(request: Request, name: str) -> str | None:
    return next(iter(query_texts(request, name)), None)


def _range(request: Request) -> str:
    """Raises InvalidArguments."""
    name = _one(request, "range") or USUAL_RANGE
    if name not in RANGES:
        raise InvalidArguments([FieldError("range", f"must be one of {', '.join(RANGES)}")])
    return name


class TotalsView(TaskdeckView):
    parameters = (RANGE, OpenApiParameter("by", str, enum=["function", "queue"], default="function"))

    @extend_schema(
        operation_id="totals",
        parameters=[*parameters],
        responses={200: listing(TotalDocument), **problems(400, 401, 403)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """What ended of each function or queue, and how long it took. For who may see everybody's tasks."""
        check_query(request, self.parameters)
        by = _one(request, "by") or "function"
        if by not in ("function", "queue"):
            raise InvalidArguments([FieldError("by", "must be function or queue")])
        found = totals(self.access, _range(request), "queue" if by == "queue" else "function")
        return Response({"results": found, "next": None})


class TrendView(TaskdeckView):
    parameters = (
        RANGE,
        OpenApiParameter("function", str, description="of this function only"),
        OpenApiParameter("queue", str, description="of this queue only"),
    )

    @extend_schema(
        operation_id="trend",
        parameters=[*parameters],
        responses={200: shape(TrendDocument), **problems(400, 401, 403, 404)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """Throughput, waits, run times and queue depth. For who may see everybody's tasks."""
        check_query(request, self.parameters)
        name = _range(request)
        function, queue = _one(request, "function"), _one(request, "queue")
        if function and queue:
            raise InvalidArguments([FieldError("queue", "cannot be combined with a function")])
        path = registry.by_slug(function).path if function else None
        return Response(trend(self.access, name, function=path, queue=queue))
