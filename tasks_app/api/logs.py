"""The log of a task: in pages, and as a text file."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.api.permissions import TaskdeckView, check_query, query_integer
from tasks_app.api.schema import LOGS, TEXT, integer
from tasks_app.log_store import log_page
from tasks_app.selectors import parse_id

MOST_LINES = 1000
MOST_NUMBER = 10**9 - 1
ATTEMPT = OpenApiParameter("attempt", integer(0, MOST_NUMBER), description="the newest if absent")


class TaskLogsView(TaskdeckView):
    parameters = (
        ATTEMPT,
        OpenApiParameter("after", integer(0, MOST_NUMBER), description="the last line known"),
        OpenApiParameter("limit", integer(1, MOST_LINES), description="500 if absent"),
    )

    @extend_schema(operation_id="task_logs", parameters=[*parameters], responses=LOGS, tags=["tasks"])
    def get(self, request: Request, task_id: str) -> Response:
        """What an attempt logged and printed, oldest first."""
        check_query(request, self.parameters)
        page = log_page(
            self.access,
            parse_id(task_id),
            attempt=_attempt(request),
            after=query_integer(request, "after", default=0, least=0, most=MOST_NUMBER),
            limit=query_integer(request, "limit", default=500, least=1, most=MOST_LINES),
        )
        following = None if page.next is None else str(page.next)
        return Response({"attempt": page.attempt, "results": page.lines, "next": following})


class TaskLogsDownloadView(TaskdeckView):
    @extend_schema(operation_id="task_logs_download", parameters=[ATTEMPT], responses=TEXT, tags=["tasks"])
    def get(self, request: Request, task_id: str) -> HttpResponse:
        """The whole log of an attempt as a text file."""
        check_query(request, [ATTEMPT])
        identifier = parse_id(task_id)
        page = log_page(self.access, identifier, attempt=_attempt(request))
        text = "".join(f"{line['at']} {line['level']} {line['text']}\n" for line in page.lines)
        return HttpResponse(
            text,
            content_type="text/plain; charset=utf-8",
            headers={
                "X-Content-Type-Options": "nosniff",
                "Content-Disposition": f'attachment; filename="{identifier}-{page.attempt}.log"',
                "Cache-Control": "private, no-cache",
                "Vary": "Cookie, Authorization",
            },
        )


def _attempt(request: Request) -> int | None:
    if "attempt" not in request.query_params:
        return None
    return query_integer(request, "attempt", default=0, least=0, most=MOST_NUMBER)
