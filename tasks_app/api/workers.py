"""The worker nodes, and the queues they serve."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app import fleet
from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import listing, problems
from tasks_app.wire import QueueDocument, WorkerDocument


class WorkerListView(TaskdeckView):
    @extend_schema(
        operation_id="workers",
        responses={200: listing(WorkerDocument), **problems(401, 403)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """Live nodes first, then those that ended."""
        return Response({"results": fleet.workers(self.access), "next": None})


class QueueListView(TaskdeckView):
    @extend_schema(
        operation_id="queues",
        responses={200: listing(QueueDocument), **problems(401, 403)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """By name: how many wait and since when, how many run, and who serves it."""
        return Response({"results": fleet.queues(self.access), "next": None})
