"""Clients of the REST API and their rights; guarded nodes without a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.test import Client

from tasks_app.conf import get_conf
from tasks_app.functions import registry
from tests.support.api import Level
from tests.support.guarded_node import Node, StartNode
from tests.support.samples import MODULE


@pytest.fixture
def anonymous(settings: Any) -> Iterator[Level]:
    """Set what anonymous callers may do."""

    def choose(level: str) -> None:
        settings.TASKDECK = {**settings.TASKDECK, "ANONYMOUS": level}
        get_conf.cache_clear()

    choose("operate")
    yield choose
    get_conf.cache_clear()


@pytest.fixture
def api(db: None, anonymous: Level) -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def ada(db: None) -> User:
    """May submit, and see what is hers."""
    user = User.objects.create_user("ada", password="lovelace")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_task", "submit_task"]))
    return user


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample functions, for this test only."""
    __import__("tasks_app.api.urls")  # before, so that the paths of the site stay its own
    for name in ("_by_slug", "_by_path", "faults"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    registry.add_module(MODULE)
    assert not registry.faults


@pytest.fixture
def people(db: None) -> None:
    """The instances that the sample values name."""
    User.objects.create(pk=7, username="ada")
    User.objects.create(pk=8, username="bob")
    Group.objects.create(pk=3, name="staff")
    Session.objects.create(session_key="abc", session_data="", expire_date=dt.datetime.now(dt.UTC))


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[StartNode]:
    nodes: list[Node] = []

    def start(*args: str, executors: int = 2) -> Node:
        folder = tmp_path / str(len(nodes))
        folder.mkdir()
        nodes.append(Node(folder, *args, executors=executors))
        return nodes[-1]

    yield start
    for node in nodes:
        node.end()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The file that ends every ``hold``."""
    return tmp_path / "gate"
