"""All paths of the REST API, from the root of the site."""

from __future__ import annotations

from django.urls import path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from tasks_app.api import (
    actions,
    batches,
    bulk,
    logs,
    original,
    probes,
    problems,
    schemes,  # noqa: F401 - registers itself
    session,
    tasks,
    tokens,
    trends,
    workers,
)
from tasks_app.api.functions import function_urls
from tasks_app.api.parsers import BULK_PATH
from tasks_app.api.permissions import MaySeeFunctions


@extend_schema(exclude=True)
class SchemaView(SpectacularJSONAPIView):
    permission_classes = [MaySeeFunctions]


@extend_schema(exclude=True)
class DocsView(SpectacularSwaggerSplitView):
    permission_classes = [MaySeeFunctions]

    def handle_exception(self, exc: Exception) -> Response:
        """As a document: its renderer of pages would write other words below a document's content type."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


urlpatterns = [
    path("api/tasks/", tasks.TaskListView.as_view()),  # what is asked for most stands first
    *function_urls(),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
    path("task", original.OriginalSubmitView.as_view()),
    path("task/<str:task_id>", original.OriginalStatusView.as_view()),
    path("api/tasks/actions/", actions.TaskActionsView.as_view()),
    path(BULK_PATH.lstrip("/"), bulk.TaskBulkView.as_view()),
    path("api/batches/", batches.BatchListView.as_view()),
    path("api/batches/<str:batch_id>/", batches.BatchView.as_view()),
    path("api/tasks/counts/", tasks.TaskCountsView.as_view()),
    path("api/tasks/recent/", tasks.TaskRecentView.as_view()),
    path("api/tasks/<str:task_id>/", tasks.TaskView.as_view()),
    path("api/tasks/<str:task_id>/logs/", logs.TaskLogsView.as_view()),
    path("api/tasks/<str:task_id>/logs/download/", logs.TaskLogsDownloadView.as_view()),
    path("api/tasks/<str:task_id>/result/", tasks.TaskResultView.as_view()),
    path("api/tasks/<str:task_id>/waiting/", tasks.TaskWaitingView.as_view()),
    path("api/tasks/<str:task_id>/cancel/", tasks.TaskCancelView.as_view()),
    path("api/tasks/<str:task_id>/retry/", tasks.TaskRetryView.as_view()),
    path("api/session/", session.SessionView.as_view()),
    path("api/tokens/", tokens.TokenListView.as_view()),
    path("api/tokens/<str:token_key>/", tokens.TokenView.as_view()),
    path("api/overview/", workers.OverviewView.as_view()),
    path("api/trends/", trends.TrendView.as_view()),
    path("api/trends/totals/", trends.TotalsView.as_view()),
    path("api/workers/", workers.WorkerListView.as_view()),
    path("api/workers/<str:worker_id>/quiet/", workers.WorkerQuietView.as_view()),
    path("api/workers/<str:worker_id>/wake/", workers.WorkerWakeView.as_view()),
    path("api/queues/", workers.QueueListView.as_view()),
    path("api/queues/<path:queue>/pause/", workers.QueuePauseView.as_view()),
    path("api/queues/<path:queue>/resume/", workers.QueueResumeView.as_view()),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
    re_path(r"^(?:api|task)(?:/.*)?$", problems.unknown_path),
]
