"""Django's HTTP handler under ASGI, for a site whose views and middleware are all synchronous."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase


class ThreadHandler(ASGIHandler):
    """A request runs in one thread from its first middleware to its view.

    Django's own handler goes back to the event loop between the middleware and the view. That costs hops
    between threads, and a server that stops its loop meanwhile, as daphne does at SIGTERM, leaves the thread
    waiting for ever: the process never ends.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
