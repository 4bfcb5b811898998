"""Log in, log out, and what the caller may do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.middleware.csrf import get_token
from django.urls import NoReverseMatch, reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.access import access_of
from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import CREDENTIALS, problems, shape
from tasks_app.api.shapes import SessionDocument
from tasks_app.conf import get_conf
from tasks_app.errors import FieldError, InvalidArguments, TaskdeckError


class WrongCredentials(TaskdeckError):
    code = "wrong_credentials"
    status = 401
    title = "Wrong user name or password"


def _admin_url(user: Any) -> str | None:
    if not user.is_staff:
        return None
    try:
        return reverse("admin:index")
    except NoReverseMatch:
        return None


def session_document(user: Any) -> SessionDocument:
    rights = asdict(access_of(user))
    del rights["user_id"]
    return {
        "user": {"username": user.get_username(), "admin_url": _admin_url(user)}
        if user.is_authenticated
        else None,
        "anonymous": get_conf().anonymous,
        "permissions": rights,  # type: ignore[typeddict-item]
    }


class SessionView(TaskdeckView):
    answers_everybody = True

    @extend_schema(operation_id="session", responses={200: shape(SessionDocument)}, tags=["session"])
    def get(self, request: Request) -> Response:
        """Who the caller is; sets the CSRF cookie. Answers everybody."""
        get_token(request._request)
        return Response(session_document(request.user), headers={"Cache-Control": "no-store"})

    @extend_schema(
        operation_id="login",
        request=CREDENTIALS,
        responses={200: shape(SessionDocument), **problems(400, 401)},
        tags=["session"],
    )
    def post(self, request: Request) -> Response:
        """Log in with a password."""
        body = self.body(request)
        names = ("username", "password")
        faults = [FieldError(n, "must be a string") for n in names if not isinstance(body.get(n), str)]
        if faults:
            raise InvalidArguments(faults)
        user = authenticate(request._request, username=body["username"], password=body["password"])
        if user is None:
            raise WrongCredentials(WrongCredentials.title)
        login(request._request, user)
        return Response(session_document(user), headers={"Cache-Control": "no-store"})

    @extend_schema(operation_id="logout", responses={204: None}, tags=["session"])
    def delete(self, request: Request) -> Response:
        """Log out; the sockets of this session are closed."""
        logout(request._request)
        return Response(status=204)
