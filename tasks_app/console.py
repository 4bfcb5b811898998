"""The console's one page; its scripts come as static files."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

PAGE = Path(__file__).parent / "static" / "console" / "index.html"


@require_safe
@ensure_csrf_cookie
def console(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """The same page for every path below /console/: the console routes by itself."""
    try:
        page = PAGE.read_bytes()
    except FileNotFoundError:
        message = "The console is not built yet. Run `make console`, or use /api/docs/ and /admin/.\n"
        return HttpResponse(message, status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse(page, headers={"Cache-Control": "no-cache"})
