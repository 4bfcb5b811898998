"""API tokens of the caller: stored as digests, shown once."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from knox.settings import knox_settings
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from tasks_app.api.authentication import QuietBasicAuthentication, TokenAuthentication, token_cache
from tasks_app.api.permissions import TaskdeckView
from tasks_app.api.schema import listing, problems, shape
from tasks_app.api.shapes import NewTokenDocument, TokenDocument
from tasks_app.errors import NotAllowed, TaskdeckError
from tasks_app.selectors import instant


class TooManyTokens(TaskdeckError):
    code = "too_many_tokens"
    status = 409
    title = "Too many tokens"


class TokenBase(TaskdeckView):
    authentication_classes = [TokenAuthentication, QuietBasicAuthentication, SessionAuthentication]

    def own_tokens(self, request: Request) -> Any:
        """The caller's valid tokens. Raises NotAuthenticated."""
        if not request.user.is_authenticated:
            raise NotAuthenticated
        valid = Q(expiry__isnull=True) | Q(expiry__gt=timezone.now())
        return AuthToken.objects.filter(valid, user=request.user)


class TokenListView(TokenBase):
    @extend_schema(
        operation_id="tokens", responses={200: listing(TokenDocument), **problems(401)}, tags=["tokens"]
    )
    def get(self, request: Request) -> Response:
        """The caller's tokens, newest first."""
        rows = [
            {"token_key": t.token_key, "created": instant(t.created), "expiry": instant(t.expiry)}
            for t in self.own_tokens(request).order_by("-created")
        ]
        return Response({"results": rows, "next": None})

    @extend_schema(
        operation_id="make_token",
        request=None,
        responses={201: shape(NewTokenDocument), **problems(401, 403, 409)},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Make a token; with password or session only, so that a token cannot outlive itself."""
        own = self.own_tokens(request)
        if isinstance(request.auth, AuthToken):
            raise NotAllowed("make a token with a token")
        most = knox_settings.TOKEN_LIMIT_PER_USER
        if most is not None and own.count() >= most:
            raise TooManyTokens(f"you have {most} valid tokens; delete one first")
        row, token = AuthToken.objects.create(request.user)
        document = {"token": token, "token_key": row.token_key, "expiry": instant(row.expiry)}
        return Response(document, 201, headers={"Cache-Control": "no-store"})


class TokenView(TokenBase):
    @extend_schema(operation_id="delete_token", responses={204: None, **problems(401, 404)}, tags=["tokens"])
    def delete(self, request: Request, token_key: str) -> Response:
        """Revoke a token; every process refuses it within ten seconds."""
        own = self.own_tokens(request)
        found = list(own.filter(token_key=token_key)) if token_key.isalnum() else []
        if not found:
            raise NotFound(f"you have no token {token_key}")
        for row in found:
            token_cache.forget(row.digest)
            row.delete()
        return Response(status=204)
