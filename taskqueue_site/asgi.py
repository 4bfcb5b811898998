"""The whole web process: REST, admin, console and ``/ws/``."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskqueue_site.settings")
os.environ.setdefault("TASKDECK_DATABASE_POOL", "8")  # connections; read when the settings are loaded
django_application = get_asgi_application()  # before anything that needs the models

from tasks_app.routing import websocket_application  # noqa: E402

application = ProtocolTypeRouter({"http": django_application, "websocket": websocket_application})
