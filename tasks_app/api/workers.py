"""How things stand: the overview, the worker nodes, and the queues they serve."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app import fleet, overview, pauses
from tasks_app.api.bodies import typed, typed_instant
from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import PAUSE, PAUSED, QUIET, listing, problems, shape
from tasks_app.fleet_wire import OverviewDocument, QueueDocument, WorkerDocument


class OverviewView(TaskdeckView):
    @extend_schema(
        operation_id="overview",
        responses={200: shape(OverviewDocument), **problems(401, 403)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """Workers, slots, what waits and since when, and the last hour's failures by kind."""
        return Response(overview.overview(self.access))


class WorkerListView(TaskdeckView):
    @extend_schema(
        operation_id="workers",
        responses={200: listing(WorkerDocument), **problems(401, 403)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """Live nodes first, then those that ended."""
        return Response({"results": fleet.workers(self.access), "next": None})


class WorkerQuietView(TaskdeckView):
    @extend_schema(operation_id="quiet", request=None, responses=QUIET, tags=["workers"])
    def post(self, request: Request, worker_id: str) -> Response:
        """Claim nothing more from the next heartbeat on; what runs goes on. A restart forgets it."""
        fleet.quiet(self.access, worker_id, True)
        return Response({"is_quiet": True})


class WorkerWakeView(TaskdeckView):
    @extend_schema(operation_id="wake", request=None, responses=QUIET, tags=["workers"])
    def post(self, request: Request, worker_id: str) -> Response:
        """Claim again."""
        fleet.quiet(self.access, worker_id, False)
        return Response({"is_quiet": False})


class QueueListView(TaskdeckView):
    @extend_schema(
        operation_id="queues",
        responses={200: listing(QueueDocument), **problems(401, 403)},
        tags=["workers"],
    )
    def get(self, request: Request) -> Response:
        """By name: how many wait and since when, how many run, and who serves it.

        Of queues that no function names and no worker serves, those in which tasks wait, a hundred at most.
        """
        return Response({"results": fleet.queues(self.access), "next": None})


class QueuePauseView(TaskdeckView):
    @extend_schema(operation_id="pause", request=PAUSE, responses=PAUSED, tags=["workers"])
    def post(self, request: Request, queue: str) -> Response:
        """Start nothing of this queue from the next claim on, for good or ``until``; what runs goes on."""
        access = self.access
        access.require("operate")
        body = self.body(request, known=frozenset({"reason", "until"}))
        pauses.pause(
            access=access,
            queue=queue,
            reason=typed(body, "reason", str, "a string") or "",
            by=request.user.get_username(),
            until=typed_instant(body, "until"),
        )
        return Response({"paused": pauses.paused_queues().get(queue)})


class QueueResumeView(TaskdeckView):
    @extend_schema(operation_id="resume", request=None, responses=PAUSED, tags=["workers"])
    def post(self, request: Request, queue: str) -> Response:
        """Let this queue's tasks be claimed again."""
        pauses.resume(access=self.access, queue=queue)
        return Response({"paused": None})
