"""Celery inside Django: results in Redis, or in PostgreSQL by django-celery-results."""

from __future__ import annotations

import os

import environ

SECRET_KEY = "benchmark"
INSTALLED_APPS = ["django_celery_results"]
DATABASES = {"default": environ.Env.db_url_config(os.environ["DATABASE_URL"]) | {"CONN_MAX_AGE": None}}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CELERY_BROKER_URL = os.environ["RABBITMQ_URL"]
CELERY_RESULT_BACKEND = os.environ["CELERY_RESULTS"]
CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
if os.environ.get("CELERY_TUNED"):  # for tasks of unequal length: nothing waits at a worker that is busy
    CELERY_WORKER_PREFETCH_MULTIPLIER = 1
    CELERY_TASK_ACKS_LATE = True
