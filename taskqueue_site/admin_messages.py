"""Django's one-time messages, for the admin alone: the API and the console have none."""

from __future__ import annotations

from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest


class AdminMessageMiddleware(MessageMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith("/admin"):
            super().process_request(request)
