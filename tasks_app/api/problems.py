"""Every error of the web process as one JSON document: RFC 9457, with a stable code and the fields."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from tasks_app.errors import DatabaseUnavailable, NotAllowed, TaskdeckError

log = logging.getLogger("taskdeck.api")
PROBLEM_TYPE = "application/problem+json"
MACHINE_PATHS = ("/api/", "/task", "/healthz", "/readyz")


def problem(
    *, status: int, code: str, detail: str, title: str = "", errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": errors or [],
    }


def problem_of(error: TaskdeckError) -> dict[str, Any]:
    return problem(
        status=error.status,
        code=error.code,
        title=error.title,
        detail=str(error) or error.title,
        errors=[{"field": fault.field, "message": fault.message} for fault in error.field_errors],
    )


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. None for what nobody foresaw: Django logs it and ``server_error`` answers."""
    document, headers = _document_and_headers(exc, context)
    if document is None:
        return None
    set_rollback()
    return Response(document, document["status"], headers=headers, content_type=PROBLEM_TYPE)


def _document_and_headers(
    exc: Exception, context: dict[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    if isinstance(exc, NotAllowed) and not _is_known(context):
        exc = exceptions.NotAuthenticated(f"{exc}; log in or send a token")
    if isinstance(exc, (DatabaseError, DatabaseUnavailable)):
        log.warning("the database cannot be used now: %s", exc)  # its words are for the operator
        exc = DatabaseUnavailable("the database cannot be used now")
    if isinstance(exc, TaskdeckError):
        return problem_of(exc), {"Retry-After": "5"} if exc.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if not isinstance(exc, exceptions.APIException):
        return None, {}
    # the browser must not ask for a password of its own, hence Token and never Basic
    headers = {"WWW-Authenticate": "Token"} if exc.status_code == HTTPStatus.UNAUTHORIZED else {}
    if isinstance(exc, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return problem(status=exc.status_code, code=str(exc.default_code), detail=str(exc.detail)), headers


def _is_known(context: dict[str, Any]) -> bool:
    user = getattr(context.get("request"), "user", None)
    return bool(user and user.is_authenticated)


def answer(request: HttpRequest, document: dict[str, Any]) -> JsonResponse:
    """A problem from outside DRF's views; the original interface has its own, shorter shape."""
    if is_original(request.path):
        return JsonResponse({"error": document["detail"]}, status=document["status"])
    return JsonResponse(document, status=document["status"], content_type=PROBLEM_TYPE)


def is_original(path: str) -> bool:
    return path == "/task" or path.startswith("/task/")


def _is_machine(request: HttpRequest) -> bool:
    return request.path.startswith(MACHINE_PATHS)


@csrf_exempt
def unknown_path(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """The last route under /api/: JSON even where Django would show its debug page."""
    detail = f"there is nothing at {request.path}"
    return answer(request, problem(status=404, code="not_found", detail=detail))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _is_machine(request):
        return defaults.bad_request(request, exception)
    return answer(request, problem(status=400, code="bad_request", detail="the request cannot be understood"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _is_machine(request):
        return defaults.permission_denied(request, exception)
    return answer(request, problem(status=403, code="not_allowed", detail="you may not do this"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return unknown_path(request) if _is_machine(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    if not _is_machine(request):
        return defaults.server_error(request)
    detail = "an error nobody foresaw; the server's log has it"
    return answer(request, problem(status=500, code="internal_error", detail=detail))
