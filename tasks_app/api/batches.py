"""Batches: tasks that were submitted together, and how they stand."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.api.filters import id_of
from tasks_app.api.permissions import TaskdeckView, check_query, query_integer
from tasks_app.api.schema import BATCH, BATCH_LIST, BATCH_PAGE
from tasks_app.api.tasks import unless_known
from tasks_app.batch_selectors import batch_detail, batch_page

MOST_ROWS = 50


class BatchListView(TaskdeckView):
    @extend_schema(operation_id="batches", parameters=BATCH_PAGE, responses=BATCH_LIST, tags=["batches"])
    def get(self, request: Request) -> Response:
        """Newest first, by cursor."""
        check_query(request, BATCH_PAGE)
        cursor = request.query_params.get("cursor")
        page = batch_page(
            self.access,
            cursor=id_of(cursor, "cursor") if cursor else None,
            limit=query_integer(request, "limit", default=20, least=1, most=MOST_ROWS),
        )
        return unless_known(request, {"results": page.rows, "next": page.next}, page.etag)


class BatchView(TaskdeckView):
    @extend_schema(operation_id="batch", responses=BATCH, tags=["batches"])
    def get(self, request: Request, batch_id: str) -> Response:
        """One batch: its tasks counted by state, and what runs when all have ended.

        Those of more than 10,000 are counted again after ten times as long as it took.
        Its tasks are listed, cancelled and retried by the filter `batch` of the task list and of the actions.
        """
        document, etag = batch_detail(self.access, batch_id)
        return unless_known(request, document, etag)
