"""From a request to the caller's rights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from tasks_app.access import Access, access_of
from tasks_app.conf import get_conf
from tasks_app.documents import check_text
from tasks_app.errors import FieldError, InvalidArguments, InvalidDocument, NotAllowed


class MaySeeFunctions(BasePermission):
    """The catalogue, and the schema that contains it, are for those who can watch or submit."""

    def has_permission(self, request: Request, view: Any) -> bool:
        access = access_of(request.user)
        if not (access.view or access.submit):
            raise NotAllowed("see the task functions")
        return True


class TaskdeckView(APIView):
    """What the views share: the caller's rights, and the body as an object."""

    answers_everybody = False
    _allow = ""

    def __init_subclass__(cls, **how: Any) -> None:
        """Once for a class what DRF puts together for each answer."""
        super().__init_subclass__(**how)
        cls._allow = ", ".join(cls().allowed_methods)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Where anonymous visitors may do nothing, they are not even told what is wrong with a request."""
        super().initial(request, *args, **kwargs)
        if (
            not self.answers_everybody
            and not request.user.is_authenticated
            and get_conf().anonymous == "none"
        ):
            raise NotAllowed("use this site")

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {"Allow": self._allow}

    @property
    def access(self) -> Access:
        if self.request is None:
            raise ImproperlyConfigured("a view has no caller before its request")
        return access_of(self.request.user)

    def body(self, request: Request, *, known: frozenset[str] | None = None) -> dict[str, Any]:
        """The JSON object sent; an absent body is the empty one. Raises InvalidDocument, InvalidArguments."""
        data = request.data
        if not isinstance(data, dict):
            raise InvalidDocument("body", "must be a JSON object")
        if known is not None and (unknown := sorted(data.keys() - known)):
            raise InvalidArguments([FieldError(name, "is not a known field") for name in unknown])
        return dict(data)


def check_query(request: Request, parameters: Iterable[OpenApiParameter]) -> None:
    """A misspelt filter would otherwise widen what is listed. Raises InvalidArguments."""
    if unknown := sorted(request.query_params.keys() - {parameter.name for parameter in parameters}):
        raise InvalidArguments([FieldError(name, "is not a known parameter") for name in unknown])


def query_texts(request: Request, name: str) -> list[str]:
    """All values of a query parameter, without the empty ones. Raises InvalidDocument."""
    values = [value for value in request.query_params.getlist(name) if value]
    for value in values:
        check_text(value, name)
    return values


def query_integer(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    """Raises InvalidArguments."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise InvalidArguments([FieldError(name, f"must be an integer between {least} and {most}")])
    return int(text)
