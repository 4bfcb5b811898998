"""django-tasks-db with persistent connections; on SQLite with the same options as Taskdeck."""

from __future__ import annotations

import os
from typing import Any

import environ

SECRET_KEY = "benchmark"
INSTALLED_APPS = ["django_tasks", "django_tasks_db"]
DATABASES: dict[str, dict[str, Any]] = {"default": environ.Env.db_url_config(os.environ["DATABASE_URL"])}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = None
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
