"""What the answers of the API carry beyond the wire types."""

from __future__ import annotations

from typing import Any, TypedDict

from tasks_app.fleet_wire import PauseDocument
from tasks_app.wire import LogLineDocument


class FieldProblem(TypedDict):
    field: str
    message: str


class Problem(TypedDict):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]


class SubmittedDocument(TypedDict):
    """``is_new`` is false for the live task of a unique function that was there before."""

    task_id: str
    state: str
    url: str
    is_new: bool


class BulkSubmittedDocument(TypedDict):
    """``url`` lists the tasks, ``batch_url`` tells how the batch stands."""

    batch: str
    url: str
    batch_url: str
    tasks: list[SubmittedDocument]
    then: SubmittedDocument | None


class ActedDocument(TypedDict):
    state: str
    cancel_requested: bool


class BulkActedDocument(TypedDict):
    changed: int
    next: str | None


class QuietDocument(TypedDict):
    is_quiet: bool


class PausedDocument(TypedDict):
    paused: PauseDocument | None


class CountsDocument(TypedDict):
    counts: dict[str, int]
    cap: int
    is_complete: bool


class Permissions(TypedDict):
    view: bool
    submit: bool
    cancel: bool
    retry: bool
    operate: bool
    view_all: bool


class SessionUser(TypedDict):
    """``admin_url``: Django's admin, for staff where the site has one."""

    username: str
    admin_url: str | None


class SessionDocument(TypedDict):
    user: SessionUser | None
    anonymous: str
    permissions: Permissions


class TokenDocument(TypedDict):
    token_key: str
    created: str
    expiry: str | None


class NewTokenDocument(TypedDict):
    token: str
    token_key: str
    expiry: str | None


class FunctionDocument(TypedDict):
    name: str
    path: str
    title: str
    description: str
    schema: dict[str, Any]
    queue: str
    defaults: dict[str, Any]
    is_async: bool
    is_typed: bool


class LogsDocument(TypedDict):
    attempt: int
    results: list[LogLineDocument]
    next: str | None
