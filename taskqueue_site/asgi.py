"""The whole web process: REST, admin, console and ``/ws/``."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskqueue_site.settings")
os.environ.setdefault("TASKDECK_DATABASE_POOL", "8")  # connections; read when the settings are loaded
django.setup(set_prefix=False)  # before anything that needs the models

from taskqueue_site.asgi_handler import ThreadHandler  # noqa: E402
from tasks_app.routing import websocket_application  # noqa: E402

django_application = ThreadHandler()
application = ProtocolTypeRouter({"http": django_application, "websocket": websocket_application})
