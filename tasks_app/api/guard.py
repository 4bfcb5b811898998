"""Anonymous writes: only from this site's own pages, or from a client that is no browser.

DRF checks CSRF tokens for logged-in users only, so without this rule a foreign page could submit and
cancel tasks on a server that lets anonymous visitors do so. The login is covered as well.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from tasks_app.api.problems import answer, problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OWN_SITES = frozenset({"same-origin", "none"})


class AnonymousWriteMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE_METHODS or _proves_itself(request) or comes_from_here(request):
            return self.get_response(request)
        detail = (
            "a write without login must come from this site's own pages (Sec-Fetch-Site or Origin), "
            "or carry no cookie"
        )
        return answer(request, problem(status=403, code="foreign_origin", detail=detail))


def _proves_itself(request: HttpRequest) -> bool:
    """A token, which no foreign page can send without a preflight, or a session, which CSRF protects.

    Other schemes do not count: a browser sends Basic credentials to foreign pages' targets by itself.
    """
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    return scheme.lower() == "token" or request.user.is_authenticated


def comes_from_here(request: HttpRequest) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in OWN_SITES:
        return True
    if origin is not None:
        here = f"{request.scheme}://{request.get_host()}"
        return origin == here or origin in settings.CSRF_TRUSTED_ORIGINS
    return site is None and not request.headers.get("Cookie")
