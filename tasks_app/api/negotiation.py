"""Which renderer answers: there is one, so only an unusual wish needs weighing."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

JSON = "application/json"
USUAL = frozenset({"*/*", JSON})


class UsualNegotiation(DefaultContentNegotiation):
    """The same answer as DRF's, without parsing the header of nearly every request."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        is_usual = request.META.get("HTTP_ACCEPT", "*/*") in USUAL
        if is_usual and not (format_suffix or request.META.get("QUERY_STRING")):
            first, *others = renderers
            if first.media_type == JSON and not others:
                return first, JSON
        found: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return found
