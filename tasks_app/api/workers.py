"""The worker nodes."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app import selectors
from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import WorkerDocument, listing, problems


class WorkerListView(TaskdeckView):
    @extend_schema(
        operation_id="workers",
        responses={200: listing(WorkerDocument), **problems(401, 403)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """Live nodes first, then those that ended."""
        return Response({"results": selectors.workers(self.access), "next": None})
