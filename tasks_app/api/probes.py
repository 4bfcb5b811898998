"""Probes: open to everybody, so they name what is wrong and nothing else."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from tasks_app import redis_client
from tasks_app.delivery import delivery
from tasks_app.errors import RedisUnavailable

NO_STORE = {"Cache-Control": "no-store"}


def healthz(request: HttpRequest) -> JsonResponse:
    """The process is up."""
    return JsonResponse({"status": "ok"}, headers=NO_STORE)


def readyz(request: HttpRequest) -> JsonResponse:
    """503 only without the database: without Redis and RabbitMQ everything works, slower."""
    checks = {"database": _database(), "redis": _redis()}
    if (answers := delivery.broker_answers()) is not None:
        checks["rabbitmq"] = "ok" if answers else "unavailable"
    if checks["database"] != "ok":
        return JsonResponse({"status": "unavailable", "checks": checks}, status=503, headers=NO_STORE)
    is_whole = all(found == "ok" for found in checks.values())
    return JsonResponse({"status": "ready" if is_whole else "degraded", "checks": checks}, headers=NO_STORE)


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
