"""Settings of the Taskdeck site: the only place that reads the environment."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

from taskqueue_site.environment import Environment
from tasks_app import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

DATA_DIR = Path(env.text("TASKDECK_DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY", default="") or embedded.generated_secret(DATA_DIR / "secret_key")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

# `worker` stands before anything that could bring a `runworker` of its own; `channels` is not installed
# as an app at all (it ships one), and daphne (Twisted in every process) only where it serves the web.
INSTALLED_APPS = [
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "worker",
    "tasks_app",
    "django.contrib.admin.apps.SimpleAdminConfig",  # urls.py looks for the admin modules: workers have none
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *(["django_tasks"] if django.VERSION < (6, 0) else []),
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tasks_app.api.limits.BodyLimitMiddleware",
    "taskqueue_site.health_checks.HealthCheckMiddleware",
    "taskqueue_site.policy.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tasks_app.api.guard.AnonymousWriteMiddleware",
    "taskqueue_site.admin_messages.AdminMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "taskqueue_site.urls"
ASGI_APPLICATION = "taskqueue_site.asgi.application"
WSGI_APPLICATION = "taskqueue_site.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASE_CONNECTION_SECONDS = 600
DATABASE_POOL_SECONDS = 5.0
"""How long a request waits for a connection while all are in use or the database is away."""
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'taskdeck.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Several processes write. Without these three, "database is locked" comes within seconds.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
    # A file, because the in-memory default cannot be shared with threads and child processes.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / f"test-{os.getpid()}.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # READ COMMITTED is what the statements are written for, whatever this server's default is.
    options: dict[str, Any] = DATABASES["default"].setdefault("OPTIONS", {})
    # For the session: Django's isolation_level would leave out statements that commit by themselves.
    options["options"] = (
        f"{options.get('options', '')} -c default_transaction_isolation=read\\ committed".strip()
    )
    # psycopg's own default: Django's None would keep the statement of a submit from being prepared.
    options.setdefault("prepare_threshold", 5)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # An ASGI server has a thread per request: persistent connections would be left behind in them.
    if pool_size := env.whole("TASKDECK_DATABASE_POOL", default=0, within=range(1001)):
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": DATABASE_POOL_SECONDS}
    else:
        DATABASES["default"]["CONN_MAX_AGE"] = DATABASE_CONNECTION_SECONDS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", default="") or embedded.discover(DATA_DIR) or ""
CHANNEL_LAYERS: dict[str, dict[str, Any]] = (
    {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": REDIS_URL}]},
        }
    }
    if REDIS_URL
    else {}
)

TASKDECK_MODULES = env.names("TASKDECK_MODULES", default=["tasks_app.examples.tasks"])
TASKS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "tasks_app.backend.TaskdeckBackend",
        "QUEUES": env.names("TASKDECK_QUEUES", default=[]),  # empty: any name will do
    }
}
TASKDECK: dict[str, Any] = {
    "ANONYMOUS": env.text("TASKDECK_ANONYMOUS", default="none"),
    "REDIS_URL": REDIS_URL,
    "RABBITMQ_URL": env.text("RABBITMQ_URL", default=""),
    "DIRECT_CLAIM_SECONDS": env.number("TASKDECK_DIRECT_CLAIM_SECONDS", default=1),
    "MAX_BODY_BYTES": env.whole("TASKDECK_MAX_BODY_BYTES", default=256 * 1024),
    "MAX_BULK_BYTES": env.whole("TASKDECK_MAX_BULK_BYTES", default=8 * 1024 * 1024),
    "MAX_FILE_BYTES": env.whole("TASKDECK_MAX_FILE_BYTES", default=32 * 1024 * 1024),
    "MAX_LOG_LINES": env.whole("TASKDECK_MAX_LOG_LINES", default=10_000),
    "MAX_LOG_BYTES": env.whole("TASKDECK_MAX_LOG_BYTES", default=1024 * 1024),
    "KEEP_SUCCEEDED_DAYS": env.number("TASKDECK_KEEP_SUCCEEDED_DAYS", default=7),
    "KEEP_FAILED_DAYS": env.number("TASKDECK_KEEP_FAILED_DAYS", default=30),
    "DATA_DIR": str(DATA_DIR),
    "LEASE_SECONDS": env.number("TASKDECK_LEASE_SECONDS", default=15),
    "SELF_STOP_SECONDS": env.number("TASKDECK_SELF_STOP_SECONDS", default=8),
    "HEARTBEAT_SECONDS": env.number("TASKDECK_HEARTBEAT_SECONDS", default=2),
}
# What `manage.py up` starts with.
TASKDECK_UP: dict[str, Any] = {
    "HOST": env.text("HOST", default="127.0.0.1"),
    "PORT": env.whole("PORT", default=8000),
    "ANONYMOUS": env.text("TASKDECK_ANONYMOUS", default=""),
    "ALLOWED_HOSTS": env.names("ALLOWED_HOSTS", default=[]),
    "REDIS_URL": env.text("REDIS_URL", default=""),
    "WORKER_CONCURRENCY": env.whole("WORKER_CONCURRENCY", default=0, within=range(251)),
    "WORKER_ASYNC_CONCURRENCY": env.whole("WORKER_ASYNC_CONCURRENCY", default=0, within=range(1001)),
    "DIE_WITH_PARENT": env.flag("TASKDECK_DIE_WITH_PARENT", default=False),
}

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tasks_app.api.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tasks_app.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # Access is decided by tasks_app.access in the services and selectors, not per view.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tasks_app.api.negotiation.UsualNegotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tasks_app.api.problems.exception_handler",
}
TOKEN_DAYS = env.whole("TASKDECK_TOKEN_DAYS", default=365, within=range(36_501))
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Token",
    "TOKEN_LIMIT_PER_USER": 50,
    "TOKEN_TTL": timedelta(days=TOKEN_DAYS) if TOKEN_DAYS else None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Taskdeck",
    "DESCRIPTION": "Submit tasks, watch them run, read their results.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tasks_app.api.schema_hooks.require_bodies",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# Large results, served by the API alone. Workers write here what web processes read.
MEDIA_ROOT = Path(env.text("TASKDECK_FILES_DIR", default=str(DATA_DIR / "media"))).absolute()
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns about a missing one
WHITENOISE_USE_FINDERS = True


def WHITENOISE_IMMUTABLE_FILE_TEST(path: str, url: str) -> bool:
    """Vite writes a content hash into the name of everything under assets/."""
    return "/console/assets/" in url


CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "style-src": ["'self'", "'unsafe-inline'"],  # Mantine writes style attributes
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
# Only for a proxy that sets X-Forwarded-Proto on every request: otherwise any client may claim https.
if env.flag("TASKDECK_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", default=[])
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("TASKDECK_HTTPS", default=False)
# Pages of these origins may read answers and send tokens. No cookies: they act as nobody or by their token,
# and tasks_app.api.guard refuses their anonymous writes all the same.
CORS_ALLOWED_ORIGINS = env.names("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"^/(?:api/|task(?:/|$))"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "if-none-match"]
CORS_EXPOSE_HEADERS = ["ETag", "Location", "Retry-After"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
LOGIN_URL = "/console/login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_LEVEL = env.text("LOG_LEVEL", default="INFO", among=(*LOG_LEVELS, *map(str.lower, LOG_LEVELS))).upper()
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # What matters of its life is told by taskdeck.broker; by itself it tells of every step, many times.
        "pika": {"level": "CRITICAL"},
        # Django's line for each start and success of a task; the row tells the same. Failures are logged.
        "django.tasks": {"level": "WARNING"},
        "django_tasks": {"level": "WARNING"},
    },
}

env.refuse_faults()
