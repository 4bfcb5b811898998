"""System checks, on settings and functions with faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from tasks_app import checks
from tasks_app.compat import task
from tasks_app.functions import Registry, describe

BACKEND = "tasks_app.backend.TaskdeckBackend"
FIBONACCI = "tasks_app.examples.tasks.fibonacci"


def fibonacci(number: int) -> int:
    """Has the bare name of one of the examples."""
    return number


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    fresh = Registry()
    monkeypatch.setattr(checks, "registry", fresh)
    return fresh


@pytest.fixture
def given(settings: Settings) -> Any:
    def give(options: dict[str, Any]) -> None:
        settings.TASKS = {"default": {"BACKEND": BACKEND, "OPTIONS": {"FUNCTIONS": options}}}

    return give


def faults() -> list[tuple[str | None, str]]:
    return [(message.id, str(message.msg)) for message in run_checks(tags=[checks.TAG])]


def test_the_site_as_it_is_has_no_fault() -> None:
    assert faults() == []


def test_the_settings_set_options_for_functions_of_others(given: Any, registry: Registry) -> None:
    given({FIBONACCI: {"max_attempts": 4, "name": "fib"}})
    registry.discover()
    assert registry.by_slug("fib").options.max_attempts == 4
    assert faults() == []


def test_an_unknown_path_is_an_error(given: Any, registry: Registry) -> None:
    given({"shop.tasks.bill": {"max_attempts": 4}})
    registry.discover()
    [(code, text)] = faults()
    assert code == "taskdeck.E003"
    assert "'shop.tasks.bill'" in text


@pytest.mark.parametrize("options", [{"retries": 4}, {"max_attempts": 0}, ["max_attempts"]])
def test_a_wrong_option_in_the_settings_is_an_error(options: Any, given: Any, registry: Registry) -> None:
    given({FIBONACCI: options})
    registry.discover()
    [(code, text)] = faults()
    assert code == "taskdeck.E002"
    assert text.startswith(f"{FIBONACCI}: ")


def test_two_functions_of_one_name_are_an_error_and_the_first_keeps_it(registry: Registry) -> None:
    registry.discover()
    registry.add(describe(task()(fibonacci)))
    [(code, text)] = faults()
    assert code == "taskdeck.E002"
    assert "has the name 'fibonacci', as has tasks_app.examples.tasks.fibonacci" in text
    assert registry.by_slug("fibonacci").path == FIBONACCI


def test_every_fault_of_the_taskdeck_setting_is_an_error_of_its_own(settings: Settings) -> None:
    settings.TASKDECK = {"ANONYMOUS": "everyone", "LEASE_SECONDS": 3, "COLOUR": "red"}
    texts = [text for code, text in faults() if code == "taskdeck.E001"]
    assert len(texts) == 3
    assert all(any(word in text for text in texts) for word in ("ANONYMOUS", "LEASE_SECONDS", "COLOUR"))


@pytest.mark.parametrize(
    "name", ["MAX_BULK_BYTES", "MAX_RESULT_BYTES", "MAX_FILE_BYTES", "RESULT_TTL_SECONDS"]
)
def test_a_size_or_time_that_cannot_be_is_refused(settings: Settings, name: str) -> None:
    settings.TASKDECK = {name: -1}
    [(_, text)] = faults()
    assert text.startswith(f"TASKDECK: {name} must be at least ")


def test_a_setting_of_the_wrong_type_is_named(settings: Settings) -> None:
    settings.TASKDECK = {"LEASE_SECONDS": "15"}
    [(_, text)] = faults()
    assert text == "TASKDECK: LEASE_SECONDS must be a number, not '15'."


class Elsewhere:
    """A router that keeps the tasks in another database."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "elsewhere" if model._meta.app_label == "tasks_app" else None


def test_a_router_that_sends_tasks_elsewhere_is_an_error(settings: Settings) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.Elsewhere"]
    [(code, text)] = faults()
    assert code == "taskdeck.E004"
    assert "'elsewhere'" in text


def test_no_worker_starts_with_a_fault(settings: Settings) -> None:
    settings.TASKDECK = settings.TASKDECK | {"LEASE_SECONDS": "15"}
    with pytest.raises(SystemCheckError, match="LEASE_SECONDS must be a number"):
        call_command("runworker", skip_checks=False)
