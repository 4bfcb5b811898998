"""The site: console, admin and API."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from tasks_app.console import console

admin.autodiscover()

urlpatterns = [
    path("", include("tasks_app.api.urls")),
    path("", RedirectView.as_view(url="/console/")),
    path("console", RedirectView.as_view(url="/console/")),
    path("console/", console, name="console"),
    path("console/<path:page>", console),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
]

handler400 = "tasks_app.api.problems.bad_request"
handler403 = "tasks_app.api.problems.permission_denied"
handler404 = "tasks_app.api.problems.not_found"
handler500 = "tasks_app.api.problems.server_error"
