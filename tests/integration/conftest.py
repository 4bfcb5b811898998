"""A client of the REST API, and what anonymous callers may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tasks_app.conf import get_conf
from tests.support.api import Level


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
