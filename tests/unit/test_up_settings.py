"""What `manage.py up` goes by in a project of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from tasks_app.management.commands.up import child_environment, given_settings


@pytest.fixture(autouse=True)
def _project_of_ones_own(settings: Any) -> None:
    del settings.TASKDECK_UP


def test_the_environment_decides_who_may_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKDECK_ANONYMOUS", "view")
    monkeypatch.setenv("ALLOWED_HOSTS", "tasks.example,10.0.0.1")
    monkeypatch.setenv("REDIS_URL", "redis://redis:6379/0")
    given = given_settings()
    assert given["REDIS_URL"] == "redis://redis:6379/0"
    environment = child_environment("0.0.0.0", given)
    assert environment["TASKDECK_ANONYMOUS"] == "view"
    assert environment["ALLOWED_HOSTS"] == "tasks.example,10.0.0.1"


def test_without_a_word_visitors_operate_only_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TASKDECK_ANONYMOUS", "ALLOWED_HOSTS", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    assert child_environment("127.0.0.1", given_settings())["TASKDECK_ANONYMOUS"] == "operate"
