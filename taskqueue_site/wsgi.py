"""The half without ``/ws/``, for a WSGI server beside an ASGI one."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskqueue_site.settings")
application = get_wsgi_application()
