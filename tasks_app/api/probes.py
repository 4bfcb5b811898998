"""Probes: open to everybody, so they name what is wrong and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from tasks_app import redis_client
from tasks_app.api.problems import answer, problem
from tasks_app.delivery import delivery
from tasks_app.errors import RedisUnavailable

NO_STORE = {"Cache-Control": "no-store"}


def probe(view: Callable[[HttpRequest], JsonResponse]) -> Callable[[HttpRequest], JsonResponse]:
    """Answers other methods than GET and HEAD in JSON, where Django's CSRF check would answer in HTML."""

    @csrf_exempt
    @wraps(view)
    def read_only(request: HttpRequest) -> JsonResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        detail = f"{request.path} is only read"
        refusal = answer(request, problem(status=405, code="method_not_allowed", detail=detail))
        refusal["Allow"] = "GET, HEAD"
        return refusal

    return read_only


@probe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is up."""
    return JsonResponse({"status": "ok"}, headers=NO_STORE)


@probe
def readyz(request: HttpRequest) -> JsonResponse:
    """503 only without the database: without Redis and RabbitMQ everything works, slower."""
    checks = {"database": _database(), "redis": _redis()}
    if (answers := delivery.broker_answers()) is not None:
        checks["rabbitmq"] = "ok" if answers else "unavailable"
    answer: dict[str, object] = {"status": "ready", "checks": checks}
    if (messages := delivery.message_counts()) is not None:
        answer["messages"] = messages  # of the process that answers
    if checks["database"] != "ok":
        return JsonResponse({**answer, "status": "unavailable"}, status=503, headers=NO_STORE)
    if any(found != "ok" for found in checks.values()):
        answer["status"] = "degraded"
    return JsonResponse(answer, headers=NO_STORE)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unavailable"
    return "ok"


def _redis() -> str:
    try:
        redis_client.ping()
    except RedisUnavailable:
        return "unavailable"
    return "ok"
