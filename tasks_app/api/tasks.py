"""Submit, list, watch, cancel and retry tasks."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header, parse_etags
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app import actions, selectors, waiting
from tasks_app.api.bodies import new_task, submitted_once, typed
from tasks_app.api.filters import filter_of_query, id_of
from tasks_app.api.permissions import TaskdeckView, check_query, query_integer
from tasks_app.api.schema import (
    ACTED,
    BYTES,
    EDITED,
    IDEMPOTENCY_KEY,
    NEW_TASK,
    RETRIED,
    SUBMITTED,
    TASK,
    TASK_FILTERS,
    TASK_LIST,
    TASK_PAGE,
    listing,
    problems,
    shape,
)
from tasks_app.api.shapes import CountsDocument
from tasks_app.media import PICTURES
from tasks_app.wire import RecentDocument, WaitingReason

MOST_ROWS = 200


def unless_known(request: Request, document: Any, etag: str) -> Response:
    """The document with its ETag, or 304 when the caller has it already (RFC 9110, section 13.1.2)."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie, Authorization"}
    known = {tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))}
    if etag in known or "*" in known:
        return Response(status=304, headers=headers)
    return Response(document, headers=headers)


class TaskListView(TaskdeckView):
    parameters = (*TASK_FILTERS, *TASK_PAGE)

    @extend_schema(operation_id="tasks", parameters=[*parameters], responses=TASK_LIST, tags=["tasks"])
    def get(self, request: Request) -> Response:
        """Newest first, by cursor."""
        check_query(request, self.parameters)
        cursor = request.query_params.get("cursor")
        page = selectors.task_page(
            self.access,
            filter_of_query(request),
            cursor=id_of(cursor, "cursor") if cursor else None,
            limit=query_integer(request, "limit", default=50, least=1, most=MOST_ROWS),
        )
        document = {"results": page.rows, "next": page.next, "searched_all": page.searched_all}
        return unless_known(request, document, page.etag)

    @extend_schema(
        operation_id="submit",
        parameters=[IDEMPOTENCY_KEY],
        request=NEW_TASK,
        responses=SUBMITTED,
        tags=["tasks"],
    )
    def post(self, request: Request) -> Response:
        """Submit any function by name."""
        access = self.access
        access.require("submit")
        return submitted_once(request, access, new_task(self.body(request), access))


class TaskCountsView(TaskdeckView):
    @extend_schema(
        operation_id="task_counts",
        parameters=TASK_FILTERS,
        responses={200: shape(CountsDocument), **problems(400, 401, 403)},
        tags=["tasks"],
    )
    def get(self, request: Request) -> Response:
        """Matching tasks in each state, counted up to the cap."""
        check_query(request, TASK_FILTERS)
        found = selectors.counts(self.access, filter_of_query(request))
        document = {
            "counts": found.by_state,
            "cap": selectors.COUNT_CAP,
            "is_complete": found.is_complete,
        }
        return Response(document)


class TaskRecentView(TaskdeckView):
    @extend_schema(
        operation_id="task_recent",
        responses={200: listing(RecentDocument), **problems(401, 403)},
        tags=["tasks"],
    )
    def get(self, request: Request) -> Response:
        """The newest five tasks of each function, among the newest 2,000 tasks."""
        return Response({"results": selectors.recent(self.access), "next": None})


class TaskView(TaskdeckView):
    @extend_schema(operation_id="task", responses=TASK, tags=["tasks"])
    def get(self, request: Request, task_id: str) -> Response:
        """One task in full."""
        document, etag = selectors.task_detail(self.access, task_id)
        return unless_known(request, document, etag)


class TaskResultView(TaskdeckView):
    @extend_schema(operation_id="task_result", responses=BYTES, tags=["tasks"])
    def get(self, request: Request, task_id: str) -> HttpResponse:
        """The picture or file a task returned. Only pictures are shown in place: a task could return HTML."""
        media = selectors.media_result(self.access, task_id)
        inline = media.media_type in PICTURES
        return HttpResponse(
            media.data,
            content_type=media.media_type if inline else "application/octet-stream",
            headers={
                "X-Content-Type-Options": "nosniff",
                "Content-Disposition": content_disposition_header(not inline, media.name) or "inline",
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "Cache-Control": "private, no-cache",
                "Vary": "Cookie, Authorization",
            },
        )


class TaskWaitingView(TaskdeckView):
    @extend_schema(
        operation_id="task_waiting",
        responses={200: listing(WaitingReason), **problems(401, 403, 404)},
        tags=["tasks"],
    )
    def get(self, request: Request, task_id: str) -> Response:
        """Why it is not running yet, the decisive reason first; empty unless it waits."""
        return Response({"results": waiting.reasons(self.access, task_id), "next": None})


class TaskCancelView(TaskdeckView):
    @extend_schema(operation_id="cancel", request=None, responses=ACTED, tags=["tasks"])
    def post(self, request: Request, task_id: str) -> Response:
        """Cancel a waiting task, ask a running one to stop."""
        access = self.access
        access.require("cancel")
        acted = actions.cancel(access=access, task_id=str(selectors.parse_id(task_id)))
        return Response({"state": acted.state, "cancel_requested": acted.cancel_requested})


class TaskRetryView(TaskdeckView):
    @extend_schema(operation_id="retry", request=EDITED, responses=RETRIED, tags=["tasks"])
    def post(self, request: Request, task_id: str) -> Response:
        """Send an ended task back to its queue, with other arguments if they are given.

        A secret that comes back as it was shown, masked, stays.
        """
        access = self.access
        access.require("retry")
        body = {} if request.data is None else self.body(request, known=frozenset({"arguments"}))
        arguments = typed(body, "arguments", dict, "an object")
        acted = actions.retry(access=access, task_id=str(selectors.parse_id(task_id)), arguments=arguments)
        return Response({"state": acted.state, "cancel_requested": acted.cancel_requested}, 202)
